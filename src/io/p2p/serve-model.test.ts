import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { SubmissionId } from '#domain/ids.ts'
import type { ReceiptCode } from '#domain/rejection.ts'
import type { Inbound } from '#io/intake/port.ts'
import { createReceiptReader, encodeDelivery, parseReceipt } from '#wire/submit-frame.ts'
import { createHoldings } from './holdings.ts'
import { createInbox, INBOX_LIMITS } from './inbox.ts'
import { createReading } from './pace.ts'
import { ScriptedStream, turn } from './scripted.test-stream.ts'
import { serveCollect, serveSubmit } from './serve.ts'
import { idOf } from './suite.ts'

const replay = process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) }

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

const KIB = 1_024
const FRAME_TIMEOUT_MS = 10_000

/** One that ends as libp2p's do: when both sides have, and once. */
class Ending extends ScriptedStream {
  isRead = true
  hasRemoteEnded = false
  #hasEnded = false

  override async closeRead(): Promise<void> {
    this.isRead = false
    return super.closeRead()
  }

  override async close(): Promise<void> {
    this.done.push('close')
    this.#hasEnded = true
    this.writeStatus = 'closed'
    this.#endIfBoth()
  }

  override abort(): void {
    if (this.status === 'open') super.abort()
  }

  override endRemote(): void {
    if (this.hasRemoteEnded || this.status !== 'open') return
    this.hasRemoteEnded = true
    super.endRemote()
    this.#endIfBoth()
  }

  override lose(status: 'closed' | 'reset'): void {
    if (this.status === 'open') super.lose(status)
  }

  #endIfBoth(): void {
    if (this.#hasEnded && this.hasRemoteEnded) this.lose('closed')
  }
}

/** What a connection brings waits in it while it is not read, and comes at once when it is again. */
function createWire() {
  const coming: (() => void)[] = []
  let isPaused = false
  let isBringing = false
  function bring(): void {
    if (isBringing) return
    isBringing = true
    for (let next = isPaused ? undefined : coming.shift(); next !== undefined; next = isPaused ? undefined : coming.shift()) next()
    isBringing = false
  }
  return {
    sources: createReading({
      pause: () => {
        isPaused = true
      },
      resume: () => {
        isPaused = false
        bring()
      },
    }),
    isPaused: () => isPaused,
    waits: () => coming.length,
    send(event: () => void): void {
      coming.push(event)
      bring()
    },
  }
}

type How = 'submit' | 'collect'

function createWorld(limits: { lengthMax: number; tokensMax: number; tokensPerSecond: number; strangerBytesMax: number }) {
  let nowMs = 0
  let sentCount = 0
  const inbox = createInbox({ ...INBOX_LIMITS, ...limits }, () => nowMs)
  const holdings = createHoldings({ strangerBytesMax: limits.strangerBytesMax, knownBytesMax: 2 * limits.strangerBytesMax })
  const wires = [createWire(), createWire(), createWire()]
  const unanswered: Inbound[] = []

  function open(how: How, at: number) {
    const wire = wires[at % wires.length] as (typeof wires)[number]
    const stream = new Ending()
    const offered: string[] = []
    const counted: string[] = []
    const sender = { peer: `p${at}`, address: at % 2 === 0 ? undefined : 'block' }
    const one = {
      how,
      stream,
      offered,
      counted,
      /** What has come of it whole. */
      came: [] as string[],
      /** What its peer has still to send of the last one. */
      tail: new Uint8Array(0),
      tailIds: [] as string[],
      isCut: false,
      /** It was cut by its peer's end, or when time passed. */
      mayBeMalformed: false,
      isGivenUp: false,
      /** Where that was not its peer's own end. */
      endedBy: undefined as 'reset' | 'closed' | undefined,
      heldBytes: 0,
      send(count: number, bytes: number, tailBytes: number): void {
        const ids = Array.from({ length: count }, (_, index) => idOf(sentCount + index))
        sentCount += count
        const encoded = ids.map((submissionId) =>
          how === 'submit'
            ? encodeDelivery({ submissionId, payload: new Uint8Array(bytes) })
            : new TextEncoder().encode(`${submissionId}{"a":"${'x'.repeat(bytes)}"}`),
        )
        const all = Buffer.concat([one.tail, ...encoded])
        const whole = [...one.tailIds, ...ids]
        const last = encoded.at(-1)?.length ?? 0
        const left = Math.min(tailBytes, Math.max(0, last - 1))
        one.tail = Uint8Array.from(all.subarray(all.length - left))
        one.tailIds = left > 0 ? whole.splice(-1) : []
        const chunk = Uint8Array.from(all.subarray(0, all.length - left))
        const isTailed = left > 0
        wire.send(() => {
          if (stream.status !== 'open' || stream.hasRemoteEnded || !stream.isRead) return
          one.came.push(...whole)
          one.isCut = isTailed
          stream.receive(chunk)
        })
      },
      end(isCut: boolean): void {
        if (!isCut && one.tail.length > 0) one.send(0, 0, 0)
        wire.send(() => {
          one.mayBeMalformed ||= one.isCut
          stream.endRemote()
        })
      },
      lose(status: 'reset' | 'closed'): void {
        wire.send(() => {
          if (stream.status === 'open') one.endedBy = status
          stream.lose(status)
        })
      },
      abort(): void {
        if (stream.status === 'open') one.endedBy = 'reset'
        stream.abort()
      },
    }
    const serve = how === 'submit' ? serveSubmit : serveCollect
    serve(stream.asStream(), {
      sender,
      inbox: {
        ...inbox,
        offer(inbound, address) {
          offered.push(inbound.submissionId)
          return inbox.offer(inbound, address)
        },
        count(code, from) {
          counted.push(code)
          inbox.count(code, from)
        },
      },
      source: wire.sources(),
      hold(giveUp) {
        let isOver = false
        const holding = holdings.open(`${at % 3}`, () => {
          one.isGivenUp = true
          isOver = true
          one.heldBytes = 0
          giveUp()
        })
        return {
          ...holding,
          set(bytes) {
            if (!isOver) one.heldBytes = bytes
            holding.set(bytes)
          },
          end() {
            isOver = true
            one.heldBytes = 0
            holding.end()
          },
        }
      },
      frameTimeoutMs: FRAME_TIMEOUT_MS,
    })
    return one
  }

  const leaving = new AbortController()
  const steps = inbox.inbound(leaving.signal)[Symbol.asyncIterator]()
  let coming: Promise<unknown> | undefined
  return {
    wires,
    open,
    isBusy: () => unanswered.length > 0 || vi.getTimerCount() > 0 || wires.some((wire) => wire.isPaused() || wire.waits() > 0),
    async step(): Promise<void> {
      coming ??= steps.next().then(({ value }) => {
        coming = undefined
        if (value !== undefined) unanswered.push(...value)
      })
      for (let turns = 0; turns < 3; turns += 1) await turn()
    },
    answer(code: ReceiptCode, count: number): void {
      for (const inbound of unanswered.splice(0, count))
        inbound.respond({ submissionId: inbound.submissionId as SubmissionId, code, reason: '' })
    },
    pass(ms: number): void {
      nowMs += ms
      vi.advanceTimersByTime(ms)
    },
    async leave(): Promise<void> {
      leaving.abort()
      inbox.end()
      await coming
    },
  }
}

/** The ids of those that are for one delivery. */
function receiptsOf(stream: ScriptedStream): string[] {
  const reader = createReceiptReader()
  return stream.written
    .flatMap((bytes) => reader.push(bytes))
    .map((step) => (step.kind === 'frame' ? parseReceipt(step.bytes)?.submissionId : step.kind) ?? 'no receipt')
    .filter((id) => id !== '')
}

const which = fc.nat(7)
const action = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      does: fc.constant('send' as const),
      which,
      count: fc.integer({ min: 1, max: 60 }),
      bytes: fc.constantFrom(0, 10, 300, 3_000, 12_000),
      tail: fc.constantFrom(0, 0, 1, 20, 5_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('end' as const), which, isCut: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({ does: fc.constant('lose' as const), which, status: fc.constantFrom('reset' as const, 'closed' as const) }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('abort' as const), which }) },
  { weight: 4, arbitrary: fc.record({ does: fc.constant('step' as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      does: fc.constant('answer' as const),
      code: fc.constantFrom<ReceiptCode>('accepted', 'duplicate', 'signer_mismatch'),
      count: fc.nat(40),
    }),
  },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('pass' as const), ms: fc.constantFrom(1, 500, 3_000, 10_000) }) },
)
type Action = typeof action extends fc.Arbitrary<infer A> ? A : never

type World = ReturnType<typeof createWorld>
type Opened = ReturnType<World['open']>

async function act(world: World, streams: readonly Opened[], one: Action): Promise<void> {
  const stream = streams['which' in one ? one.which % streams.length : 0] as Opened
  if (one.does === 'send') stream.send(one.count, one.bytes, one.tail)
  else if (one.does === 'end') stream.end(one.isCut)
  else if (one.does === 'lose') stream.lose(one.status)
  else if (one.does === 'abort') stream.abort()
  else if (one.does === 'step') await world.step()
  else if (one.does === 'answer') world.answer(one.code, one.count)
  else {
    for (const each of streams) each.mayBeMalformed ||= each.isCut
    world.pass(one.ms)
  }
}

/** Until nothing happens any more. */
async function settle(world: World): Promise<void> {
  for (let [round, quiet] = [0, 0]; round < 4_000 && quiet < 5; round += 1) {
    await world.step()
    quiet = world.isBusy() ? 0 : quiet + 1
    world.answer('duplicate', 1_000)
    world.pass(1_000)
  }
  await turn()
}

function check({ how, stream, offered, counted, came, isGivenUp, endedBy, mayBeMalformed, heldBytes }: Opened): void {
  const done = stream.done.filter((what) => what !== 'send')
  const malformed = counted.filter((code) => code === 'frame_malformed').length
  const full = counted.filter((code) => code === 'inbox_full').length
  const told = JSON.stringify({ how, status: stream.status, done, isGivenUp, endedBy, counted, came: came.length, offered: offered.length })
  expect(offered, told).toEqual(came.slice(0, offered.length))
  expect([stream.status, heldBytes], told).toEqual([expect.not.stringMatching('open'), 0])
  expect(done.filter((what) => what === 'close').length, told).toBeLessThanOrEqual(1)
  expect(malformed, told).toBeLessThanOrEqual(mayBeMalformed ? 1 : 0)
  if (!isGivenUp) expect(full, told).toBe(0)
  if (how === 'collect') {
    expect(stream.written).toEqual([])
    // One more where one was cut.
    if (malformed === 0) expect([0, isGivenUp ? 1 : 0], told).toContain(offered.length + full - came.length)
    return
  }
  expect(full, told).toBeLessThanOrEqual(1)
  if (!isGivenUp && malformed === 0 && endedBy !== 'reset') expect(offered.length, told).toBe(came.length)
  const receipts = receiptsOf(stream)
  expect(new Set(receipts).size, told).toBe(receipts.length)
  if (endedBy === undefined && done[0] !== 'abort') expect(receipts.toSorted(), told).toEqual(offered.toSorted())
  if (done.includes('close')) expect(stream.done.lastIndexOf('send'), told).toBeLessThan(stream.done.indexOf('close'))
}

test('S26, G7, G11: whatever comes and however its streams end: each delivery goes on once, in its order, or is counted; what is owed is answered, and nothing is left behind', async () => {
  const opened = fc.array(fc.record({ how: fc.constantFrom<How>('submit', 'collect'), at: fc.nat(5) }), { minLength: 1, maxLength: 8 })
  const limits = fc.record({
    lengthMax: fc.constantFrom(2, 8, 100),
    tokensMax: fc.constantFrom(20, 200, 50_000),
    tokensPerSecond: fc.constantFrom(1, 20, 5_000),
    strangerBytesMax: fc.constantFrom(110 * KIB, 200 * KIB, 4_096 * KIB),
  })
  await fc.assert(
    fc.asyncProperty(opened, limits, fc.array(action, { maxLength: 60 }), async (all, limited, actions) => {
      const world = createWorld(limited)
      const streams = all.map(({ how, at }) => world.open(how, at))
      for (const one of actions) await act(world, streams, one)
      for (const stream of streams) stream.end(false)
      await settle(world)
      for (const stream of streams) check(stream)
      expect([world.wires.map((wire) => wire.isPaused()), vi.getTimerCount()]).toEqual([[false, false, false], 0])
      await world.leave()
    }),
    replay,
  )
})
