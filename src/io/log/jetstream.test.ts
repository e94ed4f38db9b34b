import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type NatsServer, startNatsServer } from '#devnet/nats-server.ts'
import { openJetStream } from './jetstream.ts'
import type { Shared } from './port.ts'
import { logSuite, WAITING_BYTES_MAX } from './suite.ts'

/** On a real server; where none can be had this fails, and says why. */

const LEASE_MS = 600
/** What the longest submission takes, and not two of them. */
const PAYLOAD_BYTES_MAX = 70_000
const directory = mkdtempSync(join(tmpdir(), 'weft-nats-'))
let server: NatsServer
let spaces = 0

beforeAll(async () => {
  server = await startNatsServer({ directory, payloadBytesMax: PAYLOAD_BYTES_MAX })
}, 300_000)
afterAll(async () => {
  await server.stop()
  rmSync(directory, { recursive: true, force: true })
})

const open = (space: string, holder: string, partitions = 2): Promise<Shared> =>
  openJetStream({
    servers: [server.url],
    space,
    partitions,
    replicas: 1,
    holder,
    leaseMs: LEASE_MS,
    waitingBytesMax: WAITING_BYTES_MAX,
  })

logSuite('NATS JetStream', {
  async open() {
    spaces += 1
    const space = `suite-${spaces}`
    return (holder) => open(space, holder)
  },
  until: (work) => work,
  // Its connection is gone and nothing was given back.
  crash: (shared) => shared.stop(),
  leaseOver: () => pause(2 * LEASE_MS),
})

test('where processes do not agree about the partitions the later ones do not start', async () => {
  const first = await open('differing', 'first', 2)
  await first.log(0)
  const second = await open('differing', 'second', 4)
  await expect(second.log(0)).rejects.toMatchObject({ code: 'PARTITIONS_DIFFER', facts: { asked: 4, agreed: '2' } })
  await first.stop()
  await second.stop()
})

test('servers that take no message as long as a submission may be are not begun with', async () => {
  const own = mkdtempSync(join(tmpdir(), 'weft-nats-'))
  const small = await startNatsServer({ directory: own, payloadBytesMax: 64 * 1024 })
  const opening = openJetStream({ servers: [small.url], space: 'small', partitions: 1, replicas: 1, holder: 'a' })
  await expect(opening).rejects.toMatchObject({ code: 'LOG_MESSAGES_SHORT', facts: { bytesMax: 65_536, needed: 67_584 } })
  await small.stop()
  rmSync(own, { recursive: true, force: true })
})

test('where no server answers that is said, without what is secret in its address', async () => {
  const servers = ['nats://user:pass%77ord@127.0.0.1:1']
  const opening = openJetStream({ servers, space: 'none', partitions: 1, replicas: 1, holder: 'a' })
  await expect(opening).rejects.toMatchObject({ code: 'LOG_UNREACHABLE', facts: { servers: '127.0.0.1:1' } })
})

test('G1: what was acknowledged is there when the server was killed, and who waits for it meanwhile goes on', async () => {
  const own = mkdtempSync(join(tmpdir(), 'weft-nats-'))
  let killed = await startNatsServer({ directory: own })
  const port = Number(new URL(killed.url).port)
  const shared = await openJetStream({ servers: [killed.url], space: 'killed', partitions: 1, replicas: 1, holder: 'a', leaseMs: LEASE_MS })
  const log = await shared.log(0)
  const reading = new AbortController()
  const read: number[] = []
  const reader = (async () => {
    for await (const { position, bytes } of log.read(0, reading.signal)) {
      read.push(position)
      if (bytes[0] === 2) reading.abort()
    }
  })()
  expect(await log.append(Uint8Array.of(0), 0)).toBe(1)
  const lease = await shared.lease(['seal'], reading.signal)
  const underWay = log.append(Uint8Array.of(1), 1)
  await killed.kill()
  // S28: where nobody answers for as long as it lasts it may be another's.
  await new Promise((resolve) => lease.lost.addEventListener('abort', resolve, { once: true }))
  killed = await startNatsServer({ directory: own, port })
  expect(await underWay, 'written once, whatever became of the first attempt').toBe(2)
  expect(await log.append(Uint8Array.of(2), 2)).toBe(3)
  await reader
  expect(read).toEqual([1, 2, 3])
  await shared.stop()
  await killed.stop()
  rmSync(own, { recursive: true, force: true })
}, 30_000)
