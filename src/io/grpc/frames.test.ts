import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2'
import { connect } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import type { SlotId } from '#domain/ids.ts'
import type { Submission } from '#domain/submission.ts'
import { createSeededRandom } from '#io/keys/random.ts'
import { encodeSubmission } from '#wire/submission-proto.ts'
import { createSubmissionClient } from './client.ts'
import { type GrpcServer, serveSubmissions } from './server.ts'
import { SERVICE, STREAM_SERVICE } from './service.ts'
import { submission } from './suite.ts'

/**
 * What comes over gRPC is anything, as over the other protocols (`src/wire/frames.test.ts`): messages coalesced, split, cut, oversized, said to be compressed, and
 * bytes that are none. `FUZZ_INPUTS` says how many are tried, `FUZZ_SEED` where they begin. One call takes a hundred times what a message takes, so there are fewer of them.
 */

const COUNT = Number(process.env['FUZZ_INPUTS'] ?? 10_000)
const CALLS = Math.ceil(COUNT / 20)
const FIRST_SEED = Number(process.env['FUZZ_SEED'] ?? 1)
const LIMIT_MS = Math.max(60_000, COUNT * 10)

const METHODS = [SERVICE.submitSnapshot, SERVICE.submitSnapshotSimulation, STREAM_SERVICE.submit]
const GRPC = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' }

const ending: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

function createChance(seed: number) {
  const { fraction } = createSeededRandom(seed)
  const below = (limit: number): number => Math.floor(fraction() * limit)
  return { below, bytes: (lengthMax: number): Buffer => Buffer.from(Array.from({ length: below(lengthMax + 1) }, () => below(256))) }
}
type Chance = ReturnType<typeof createChance>

const voteOf = (slotId: number): Submission => ({ ...submission, request: { ...submission.request, slotId: slotId as SlotId } })

/** One bit or many are others, something is missing, or nothing is left of it. */
function changed(whole: Uint8Array, { below, bytes }: Chance): Buffer {
  const kind = below(4)
  if (kind === 0) return bytes(200)
  if (kind === 1) return Buffer.from(whole.subarray(0, below(whole.length)))
  const other = Buffer.from(whole)
  for (let left = kind === 2 ? 1 : 1 + below(20); left > 0; left -= 1) other[below(other.length)] = below(256)
  return other
}

test(
  'G7: whatever a message holds, it is a submission or none, and reading it throws nothing',
  () => {
    const vote = encodeSubmission(submission)
    const numbered = STREAM_SERVICE.submit.requestSerialize({ id: '7', submission })
    for (let seed = FIRST_SEED; seed < FIRST_SEED + COUNT; seed += 1) {
      const chance = createChance(seed)
      try {
        SERVICE.submitSnapshot.requestDeserialize(changed(vote, chance))
        STREAM_SERVICE.submit.requestDeserialize(changed(numbered, chance))
      } catch (cause) {
        throw new Error(`FUZZ_SEED=${seed} FUZZ_INPUTS=1`, { cause })
      }
    }
    expect(SERVICE.submitSnapshot.requestDeserialize(Buffer.from(vote)).submission).toEqual(submission)
    expect(STREAM_SERVICE.submit.requestDeserialize(numbered)).toEqual({ id: '7', submission })
  },
  LIMIT_MS,
)

/** With its prefix: whether it is compressed, and its length. */
function framed(message: Uint8Array, { flag = 0, length = message.length } = {}): Buffer {
  const prefix = Buffer.alloc(5)
  prefix[0] = flag
  prefix.writeUInt32BE(length, 1)
  return Buffer.concat([prefix, message])
}

/** After it nothing of the call need be read. */
function broken(whole: Uint8Array, chance: Chance): Buffer {
  switch (chance.below(5)) {
    case 0:
      return framed(whole, { flag: 1 })
    case 1:
      return framed(whole, { length: 65_537 + chance.below(2 ** 31) })
    case 2:
      return framed(Buffer.alloc(65_537))
    case 3:
      return framed(whole).subarray(0, 1 + chance.below(whole.length))
    default:
      return framed(changed(whole, chance))
  }
}

interface Call {
  readonly method: (typeof METHODS)[number]
  readonly chunks: readonly Buffer[]
  /** Slots whose votes come first, whole. */
  readonly slots: readonly number[]
  readonly isWhole: boolean
}

function callOf(seed: number): Call {
  const chance = createChance(seed)
  const method = METHODS[chance.below(METHODS.length)] as Call['method']
  const slots = Array.from({ length: method === SERVICE.submitSnapshot ? 1 : chance.below(5) }, (_, index) => 1_000_000 + 10 * seed + index)
  const messages = slots.map(
    (slot): Uint8Array =>
      method === STREAM_SERVICE.submit
        ? STREAM_SERVICE.submit.requestSerialize({ id: String(slot), submission: voteOf(slot) })
        : encodeSubmission(voteOf(slot)),
  )
  const isWhole = chance.below(3) === 0
  const bytes = Buffer.concat([
    ...messages.map((message) => framed(message)),
    ...(isWhole ? [] : [broken(encodeSubmission(submission), chance)]),
  ])
  const places = Array.from({ length: chance.below(6) }, () => chance.below(bytes.length + 1)).sort((left, right) => left - right)
  const chunks = [...places, bytes.length].map((place, index) => bytes.subarray(places[index - 1] ?? 0, place))
  return { method, chunks, slots, isWhole }
}

/** Resolves when the server has said all that it says of a whole one; of another, when it has all of it: what is cut short is waited for, as long as the door lets it. */
async function make(session: ClientHttp2Session, { method, chunks, isWhole }: Call): Promise<void> {
  const stream = session.request({ ...GRPC, ':path': method.path })
  const over = new Promise<void>((resolve) => stream.once('close', resolve))
  stream.on('error', () => undefined)
  stream.resume()
  for (const chunk of chunks) {
    stream.write(chunk)
    await new Promise(setImmediate)
  }
  stream.end()
  if (isWhole) await over
  // Told also when the server has closed the connection for it.
  else await new Promise((resolve) => session.destroyed || session.ping(resolve) || resolve(undefined))
}

async function start() {
  const taken = new Map<number, number>()
  const server = await serveSubmissions({
    host: '127.0.0.1',
    port: 0,
    async handler({ request: { slotId } }) {
      taken.set(slotId, (taken.get(slotId) ?? 0) + 1)
      return 'Success'
    },
  })
  ending.push(() => server.close())
  return { server, taken }
}

async function serves(server: GrpcServer): Promise<void> {
  const client = createSubmissionClient({ endpoint: server.endpoint })
  ending.push(() => client.close())
  expect(await client.submitSnapshot(voteOf(1), { timeoutMs: 15_000 })).toBe('Success')
}

test(
  'G7: whatever comes over a call, in whatever pieces: of one that is whole each submission is handed on once, and the next call is served',
  async () => {
    const { server, taken } = await start()
    for (let seed = FIRST_SEED; seed < FIRST_SEED + CALLS; seed += 1) {
      const session = connectHttp2(`http://${server.endpoint}`)
      session.on('error', () => undefined)
      const call = callOf(seed)
      await make(session, call)
      session.destroy()
      const times = call.slots.map((slot) => taken.get(slot) ?? 0)
      expect(Math.max(0, ...times), `FUZZ_SEED=${seed} FUZZ_INPUTS=20`).toBeLessThanOrEqual(1)
      if (call.isWhole) expect(Math.min(1, ...times), `FUZZ_SEED=${seed} FUZZ_INPUTS=20`).toBe(1)
    }
    await serves(server)
    await expect.poll(() => server.counts(), { timeout: 10_000 }).toMatchObject({ unfinished: 0, streams: 0 })
  },
  LIMIT_MS,
)

test('G7: bytes that are no HTTP/2 at all cost their sender its connection, and nobody else anything', async () => {
  const { server } = await start()
  const port = Number(server.endpoint.split(':')[1])
  const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  for (let seed = FIRST_SEED; seed < FIRST_SEED + 100; seed += 1) {
    const chance = createChance(seed)
    const socket = connect(port, '127.0.0.1')
    const over = new Promise<void>((resolve) => socket.once('close', () => resolve()))
    socket.on('error', () => undefined)
    socket.resume()
    socket.end(Buffer.concat([chance.below(2) === 0 ? PREFACE : Buffer.alloc(0), chance.bytes(400)]))
    await over
  }
  await serves(server)
  await expect.poll(() => server.counts(), { timeout: 10_000 }).toMatchObject({ connections: 1, unfinished: 0 })
})
