import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { relayersOf } from './relayers.ts'

const [FIRST, SECOND] = ['V', 'W'].map((last) => `12D3KooWJWoaqZhDaoEFshF7Rh1bpY9ohihFhzcW6d69Lr2NASu${last}`) as [string, string]
const at = (id: string, port = 4001) => `/ip4/1.2.3.4/tcp/${port}/p2p/${id}`
const entry = (id: string, rendezvousPoint: string, maddr = at(id)) => ({ id, name: 'a relay', rendezvousPoint, maddr })
const LIST = [
  entry(FIRST, 'one'),
  entry(SECOND, 'two'),
  entry(SECOND, 'one'),
  entry(FIRST, 'one'),
  // Entries of no use: another id than that of its address, no address, no point, none at all.
  entry(FIRST, 'one', at(SECOND)),
  entry(FIRST, 'one', 'somewhere'),
  { id: FIRST, maddr: at(FIRST) },
  7,
]

let directory = ''
const events: unknown[] = []
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'weft-relayers-'))
  events.length = 0
  writeFileSync(join(directory, 'list.json'), JSON.stringify(LIST))
})
afterEach(() => rmSync(directory, { recursive: true }))

function read(rendezvousPoint = '', relayers = join(directory, 'list.json')) {
  const home = { directory, report: (event: string) => void events.push(event) }
  return relayersOf({ relayers, rendezvousPoint }, { home, signal: new AbortController().signal })
}

test('a list gives its relays of one rendezvous point: that of the settings, or else of its first entry', async () => {
  expect(await read()).toEqual({ point: 'one', addresses: [at(FIRST), at(SECOND)] })
  expect(await read('two')).toEqual({ point: 'two', addresses: [at(SECOND)] })
  expect(await read('three')).toEqual({ point: 'three', addresses: [] })
})

test('without a list there are no relays, and the point is that of the settings', async () => {
  expect(await read('', '')).toEqual({ point: undefined, addresses: [] })
  expect(await read('one', '')).toEqual({ point: 'one', addresses: [] })
})

test('G12: a list that cannot be had stops nothing: the last copy counts, or none, and it is said', async () => {
  await read()
  const gone = join(directory, 'gone.json')
  expect(await read('', gone)).toEqual({ point: 'one', addresses: [at(FIRST), at(SECOND)] })
  rmSync(join(directory, 'relayers.json'))
  expect(await read('', gone)).toEqual({ point: undefined, addresses: [] })
  writeFileSync(gone, '{"no":"list"}')
  expect(await read('one', gone)).toEqual({ point: 'one', addresses: [] })
  expect(events).toEqual(['sequencers_from_copy', 'rendezvous_failed', 'rendezvous_failed'])
})
