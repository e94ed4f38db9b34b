import { expect, test } from 'vitest'
import { PROMISES } from './checkers.ts'
import { drawPlan, FAULT_KINDS, LIES } from './plan.ts'
import { type Outcome, simulate } from './simulation.ts'

/** The same seeds each time, so that a change is judged by itself and not by luck; `SIM_SEED` and `SIM_RUNS` go exploring. */
const FIRST_SEED = Number(process.env['SIM_SEED'] ?? 1_000)
const RUNS = Number(process.env['SIM_RUNS'] ?? 30)
const EVENTS_SHOWN = 60
/** A run takes a fraction of a second; the longest part of this is a machine that does other things as well. */
const RUN_TIMEOUT_MS = 10_000

/** Seeds that once failed, or that show something rare. */
const KNOWN: readonly (readonly [seed: number, story: string])[] = [
  [5, 'the sequencer loses power when a receipt has just arrived'],
  [10, 'a release is refused because a reorganisation took the one before it, and is sent anew'],
  [14, 'a reorganisation takes batches back while the anchor chain cannot be reached, until it is too late to send them again'],
  [22, 'a reorganisation takes both batches of an ended epoch back, and they are anchored again'],
  [23, 'votes that wait at a collector name a block that a reorganisation took away'],
  [32, 'a reorganisation takes the attestations of a batch that was final'],
  [35, 'an undone epoch is released again, and its votes name blocks that are gone'],
  [49, 'attestations are mined while a reorganisation has their batch off the chain'],
  [57, 'a slot is given to a hostile key, which votes for data that nobody has'],
  [89, 'votes with a receipt are voided with their release, and count when it comes again'],
  [402, 'the sequencer loses power before it has heard of any epoch'],
  [5378, 'the release of the fourth epoch waits for a block when a reorganisation takes the three before it'],
]

function expectKept({ seed, violations, events }: Outcome): void {
  if (violations.length === 0) return
  const broken = violations.map(({ promise, found }) => `${promise}, ${PROMISES[promise]}: ${found}`)
  const tail = events.slice(-EVENTS_SHOWN)
  throw new Error([`replay with SIM_SEED=${seed} SIM_RUNS=1`, ...broken, `the last ${tail.length} events:`, ...tail].join('\n'))
}

test.each(KNOWN)('seed %i: %s', async (seed) => expectKept(await simulate(seed)))

test(
  `${RUNS} seeds from SIM_SEED=${FIRST_SEED}`,
  async () => {
    process.stdout.write(`simulations: SIM_SEED=${FIRST_SEED} SIM_RUNS=${RUNS}\n`)
    for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed += 1) expectKept(await simulate(seed))
  },
  RUNS * RUN_TIMEOUT_MS,
)

test('the same seed is the same run, event by event', async () => {
  const [once, again, other] = [await simulate(22), await simulate(22), await simulate(23)]
  expect(again.events).toEqual(once.events)
  expect(other.digest).not.toBe(once.digest)
})

test('some seeds know every fault and every lie', () => {
  const plans = Array.from({ length: 300 }, (_, seed) => drawPlan(seed))
  expect(new Set(plans.flatMap(({ faults }) => faults.map(({ kind }) => kind)))).toEqual(new Set(FAULT_KINDS))
  expect(new Set(plans.flatMap(({ lie }) => (lie === undefined ? [] : [lie.how])))).toEqual(new Set(LIES))
})
