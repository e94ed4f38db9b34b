import { inspect } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Cid } from '#domain/ids.ts'
import { Secret } from '#domain/secret.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { type FakeService, servePinningService } from './pinning-service.test-server.ts'
import { pinningService } from './pinning-service.ts'
import { openPlace } from './place.ts'
import { createSourceNode, describePlace, type SourceNode } from './suite/place.ts'
import { type Wait, wait } from './unixfs.ts'

const ORIGINS = ['/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWQzLtLgEt4JEebiXfEjZgAB8gZ58JHaVvZjGEuHhBBJMn']
const { signal } = new AbortController()
/** The pauses between two looks, a hundredth of them. */
const hasty: Wait = (durationMs, until) => wait(durationMs / 100, until)

const serviceAt = ({ url, gatewayUrl }: FakeService, token = 'the-token') =>
  pinningService(
    { url: `${url}/`, token: new Secret(token), gateways: [gatewayUrl], label: 'weft sequencer' },
    { origins: () => ORIGINS, wait: hasty },
  )

describePlace('a pinning service', {
  async open(source) {
    const service = await servePinningService(source)
    return {
      adapter: serviceAt(service),
      holds: async (cid: Cid) => service.requests.values().some(({ pin, status }) => pin.cid === cid && status === 'pinned'),
      lie: service.lie,
      close: service.close,
    }
  },
  lies: {
    'refuses the token': 'PLACE_FAILED',
    hangs: 'PLACE_FAILED',
    'sends elsewhere': 'PLACE_FAILED',
    'never ends an answer': 'PLACE_FAILED',
    'says no status': 'PLACE_FAILED',
    'says a way out': 'PLACE_FAILED',
    'speaks of other content': 'IPFS_CONTENT_WRONG',
    'never has it': 'PLACE_FAILED',
    fails: 'PLACE_FAILED',
    'has nothing': 'IPFS_NOT_FOUND',
    'has other bytes': 'IPFS_CONTENT_WRONG',
  },
})

let source: SourceNode
let service: FakeService
beforeEach(async () => {
  source = createSourceNode()
  service = await servePinningService(source)
})
afterEach(() => service.close())

test('it is told who has the content and under which name, once, however often it is asked, and goes on after a pause', async () => {
  const cid = await source.add(new TextEncoder().encode('mine'))
  const place = openPlace(serviceAt(service), { store: createFakeStore(), blocks: source, timeoutMs: 300 })
  service.lie('never has it')
  for (let attempt = 0; attempt < 2; attempt += 1)
    await expect(place.pin(cid, undefined, signal)).rejects.toMatchObject({ code: 'PLACE_FAILED' })
  service.lie()
  await place.pin(cid, undefined, signal)
  expect(service.asked).toEqual([{ cid, name: 'weft sequencer', origins: ORIGINS }])
})

test('who shares the account keeps what is theirs', async () => {
  const cid = await source.add(new TextEncoder().encode('ours'))
  const theirs = pinningService(
    { url: service.url, token: new Secret('the-token'), gateways: [service.gatewayUrl], label: 'somebody else' },
    { origins: () => ORIGINS, wait: hasty },
  )
  await openPlace(theirs, { store: createFakeStore(), blocks: source }).pin(cid, undefined, signal)
  const place = openPlace(serviceAt(service), { store: createFakeStore(), blocks: source })
  await place.pin(cid, 1 as never, signal)
  expect(service.requests.size).toBe(2)
  await place.letGo(2 as never, 9, signal)
  expect([...service.requests.values()].map(({ pin }) => pin.name)).toEqual(['somebody else'])
})

test('G7: the token goes to the service and into no failure, also when the service repeats it', async () => {
  const cid = await source.add(new TextEncoder().encode('mine'))
  const place = openPlace(serviceAt(service, 'another-token'), { store: createFakeStore(), blocks: source })
  const failure = await place.pin(cid, undefined, signal).catch((refused: unknown) => refused)
  expect(failure).toMatchObject({ code: 'PLACE_FAILED', facts: { detail: 'HTTP 401' } })
  expect(service.tokens).toContain('Bearer another-token')
  expect(inspect(failure, { depth: 10 })).not.toMatch(/the-token|another-token/)
})
