import { expect, test } from 'vitest'
import { type EpochId, parseEpochId, parseSlotId, type ProjectId, type SubmissionId } from '#domain/ids.ts'
import type { Receipt } from '#domain/submission.ts'
import { createVirtualClock, type VirtualClock } from '#io/clock/fake.ts'
import { createSeededRandom } from '#io/keys/random.ts'
import type { SubmissionDialer } from '#io/p2p/port.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { decodeSubmission } from '#wire/submission-proto.ts'
import { createBell } from './bell.ts'
import { COLLECTOR_LIMITS } from './collector.ts'
import { submission } from './collector.test-world.ts'
import { createCounters } from './counters.ts'
import { createForwarder } from './forward.ts'
import { openOutbox } from './outbox.ts'
import { createTelling } from './tell.ts'

/** Collectors that have more to send than their sequencer can take. */

const EPOCH_MS = 1_000
const WINDOW_MS = 2_500
const EPOCHS = 16
/** The first few, in which it shows that there is too much, apart. */
const SETTLED_AFTER = 6
const STEP_MS = 20
/** Refusing what is late takes a third of the time that serving does: as measured (test/bench/intake). */
const REFUSAL_COST = 1 / 3
/** Of what comes in one write the first costs more than the others, so that one of five costs 1, and what comes alone half as much again: as measured there, too. */
const [FIRST_COST, NEXT_COST] = [1.5, 0.875]

const isOver = (epochId: EpochId, nowMs: number): boolean => nowMs > epochId * EPOCH_MS + WINDOW_MS

/** Takes so many each second, its collectors in turn, as the fair queue does, and answers what comes too late. */
function createSlowSequencer(perSecond: number, clock: VirtualClock) {
  /** By link, the one whose turn it is first. */
  const lines: { readonly epochId: EpochId; readonly cost: number; answer(code: Receipt['code']): void }[][] = []
  const counts = { accepted: 0, longest: 0 }
  const dialer: SubmissionDialer = {
    async dial() {
      let writtenMs: number | undefined
      const waiting: (typeof lines)[number] = []
      lines.push(waiting)
      return {
        send({ submissionId, payload }) {
          const { epochId } = (decodeSubmission(payload) as NonNullable<ReturnType<typeof decodeSubmission>>).request
          return new Promise((resolve) => {
            const answer = (code: Receipt['code']) => resolve({ submissionId: submissionId as SubmissionId, code, reason: '' })
            waiting.push({ epochId, cost: clock.nowMs() === writtenMs ? NEXT_COST : FIRST_COST, answer })
            writtenMs = clock.nowMs()
            counts.longest = Math.max(
              counts.longest,
              lines.reduce((sum, { length }) => sum + length, 0),
            )
          })
        },
        ended: new Promise(() => undefined),
        close: async () => undefined,
      }
    },
  }
  return {
    dialer,
    counts,
    step() {
      const isSettled = clock.nowMs() >= SETTLED_AFTER * EPOCH_MS
      for (let left = (perSecond * STEP_MS) / 1_000; left > 0; ) {
        const turn = lines.findIndex(({ length }) => length > 0)
        if (turn < 0) return
        const [line] = lines.splice(turn, 1) as [(typeof lines)[number]]
        lines.push(line)
        const next = line.shift() as (typeof line)[number]
        const isLate = isOver(next.epochId, clock.nowMs())
        left -= isLate ? REFUSAL_COST : next.cost
        if (isSettled && !isLate) counts.accepted += 1
        next.answer(isLate ? 'window_closed' : 'accepted')
      }
    },
  }
}

/** Their submissions come evenly, five at a time. What of each was accepted, once it is settled. */
async function offered(perSecond: number, { collectors, canPerSecond }: { readonly collectors: number; readonly canPerSecond: number }) {
  const clock = createVirtualClock({ startMs: 0 })
  const random = createSeededRandom(1)
  const sequencer = createSlowSequencer(canPerSecond, clock)
  const stopping = new AbortController()
  const open = Array.from({ length: collectors }, () => {
    const bell = createBell(clock)
    const counters = createCounters()
    const deps = { clock, random, report: () => undefined, bell, counters }
    const outbox = openOutbox(COLLECTOR_LIMITS, { ...deps, store: createFakeStore(), onReady: bell.ring })
    const telling = createTelling({ ...deps, outbox })
    const forwarding = { ...deps, outbox, telling, dialer: sequencer.dialer, isOver: (epochId: EpochId) => isOver(epochId, clock.nowMs()) }
    void createForwarder({ ...COLLECTOR_LIMITS, addresses: () => ['/direct'] }, forwarding).run(stopping.signal)
    const expire = () =>
      outbox.waiting().map((entry) => (isOver(entry.epochId, clock.nowMs() - EPOCH_MS) ? outbox.finish(entry, 'window_over') : undefined))
    return { outbox, expire, accepted: () => counters.read().endCodes.accepted ?? 0 }
  })
  let handed = 0
  for (let atMs = 0; atMs < EPOCHS * EPOCH_MS; atMs += STEP_MS) {
    const epoch = Math.floor(atMs / EPOCH_MS)
    if (atMs % EPOCH_MS === 0) for (const { expire } of open) void Promise.all(expire())
    for (; handed * 1_000 < perSecond * (atMs + STEP_MS); handed += 1) {
      const one = submission(handed, epoch)
      const request = { ...one.request, epochId: parseEpochId(epoch), slotId: parseSlotId(1), projectId: `p${handed}:N` as ProjectId }
      void open[Math.floor(handed / 5) % collectors]?.outbox.add({ ...one, request })
    }
    await clock.advance(STEP_MS)
    sequencer.step()
  }
  stopping.abort()
  const can = canPerSecond * (EPOCHS - SETTLED_AFTER)
  return {
    ...sequencer.counts,
    share: sequencer.counts.accepted / can,
    fewest: Math.min(...open.map(({ accepted }) => accepted())) / (handed / collectors),
  }
}

test.each([
  [1.5, 60],
  [3, 60],
  [1.5, 3],
  [3, 3],
] as const)(
  'C19, G11: offered %d times what it can by %i collectors, a sequencer takes nearly what it can, and of each its share',
  async (times, collectors) => {
    const { share, longest, fewest } = await offered(100 * times, { collectors, canPerSecond: 100 })
    expect(share).toBeGreaterThan(0.95)
    // What each has under way before the first receipts are late.
    expect(longest).toBeLessThan(300)
    expect(fewest).toBeGreaterThan(0.25 / times)
  },
)
