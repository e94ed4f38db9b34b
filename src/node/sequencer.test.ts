import { expect, test } from 'vitest'
import { Secret } from '#domain/secret.ts'
import { tellRefusals } from './adapters.ts'
import { httpPlace } from './sequencer.ts'

test('what was refused unread is told when there is more of it, and is no word in a healthy epoch', () => {
  let counts: Readonly<Record<string, number>> = {}
  const told: unknown[] = []
  const tell = tellRefusals({ counts: () => counts }, { report: (event, facts) => told.push([event, facts]) })
  tell()
  expect(told).toEqual([])
  counts = { frame_malformed: 1 }
  tell()
  tell()
  expect(told).toEqual([['frames_refused', { frame_malformed: 1 }]])
  counts = { frame_malformed: 2 }
  tell()
  expect(told.slice(1)).toEqual([['frames_refused', { frame_malformed: 2 }]])
})

test.each(['0.0.0.0:8080', '[::]:8080', '192.168.0.7:0', 'example.org:80', '127.0.0.1.example.org:80', '[::ffff:1.2.3.4]:80'])(
  'G11: %s is open to others, and needs a read token',
  (httpListen) => {
    expect(() => httpPlace({ httpListen, authReadToken: new Secret(''), httpHosts: [] })).toThrow('SETTINGS_INVALID')
    const token = new Secret('a-token-of-24-characters')
    // By whatever name: a page of elsewhere has no token.
    expect(httpPlace({ httpListen, authReadToken: token, httpHosts: [] })).toEqual({ listen: httpListen, token, isOwnName: undefined })
  },
)

test.each(['127.0.0.1:0', '127.1.2.3:80', 'localhost:8080', '[::1]:8080'])('%s is this machine alone, and needs none', (httpListen) => {
  const { isOwnName, ...place } = httpPlace({ httpListen, authReadToken: new Secret(''), httpHosts: ['sequencer.example.org'] })
  expect(place).toEqual({ listen: httpListen, token: undefined })
  const names = ['127.0.0.1', 'localhost', '[::1]', 'sequencer.example.org', 'evil.example', 'x.sequencer.example.org']
  expect(names.filter((name) => isOwnName?.(name))).toEqual(names.slice(0, 4))
})
