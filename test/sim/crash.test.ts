import { expect, test } from 'vitest'
import { createSeededRandom } from '#io/keys/random.ts'
import { type CrashOutcome, type CrashPlan, playCrash, STAGES, VICTIMS } from './crash-run.ts'

/**
 * Exactly once, whatever is cut off: the victim's power goes at each of its steps, it starts again on the same disk, and everything comes
 * to the end that it comes to undisturbed. `CRASH_PAIRS=all` tries every pair of two in a row, `CRASH_SEED` and `CRASH_PAIRS` others.
 */
const SEED = Number(process.env['CRASH_SEED'] ?? 1)
const PAIRS = process.env['CRASH_PAIRS'] ?? '25'
/** A run takes a tenth of a second, and all pairs some minutes. */
const SWEEP_TIMEOUT_MS = 60_000
const ALL_PAIRS_TIMEOUT_MS = 3_600_000
const TIMEOUT_MS = PAIRS === 'all' ? ALL_PAIRS_TIMEOUT_MS : SWEEP_TIMEOUT_MS
const STEPS_MAX = 1_000
const CUTS_PER_REORGANISATION = 2
/** Every so many steps power goes. */
const STRIDE_IN_TROUBLE = 6

const undisturbed = new Map<CrashPlan['story'], Promise<CrashOutcome>>()
/** What the same story comes to when nothing happens to anybody. */
function asUndisturbed(story: CrashPlan['story']): Promise<CrashOutcome> {
  const played = undisturbed.get(story) ?? playCrash({ victim: 'sequencer', cuts: [], ...(story && { story }) })
  undisturbed.set(story, played)
  return played
}

function told(plan: CrashPlan, { lives }: CrashOutcome): string {
  const cuts = plan.cuts.map((cut, life) => `${cut}, ${lives[life]?.at(-1)}`)
  const reorg =
    plan.reorg && `${plan.reorg.depth} blocks gone when ${plan.reorg.at}${plan.reorg.isLosingTransactions ? ', calls lost' : ''}; `
  return `${reorg ?? ''}${plan.victim} cut off at ${cuts.join(', then at ')}`
}

/** What went wrong, in words. */
async function problemsOf(plan: CrashPlan): Promise<{ readonly outcome: CrashOutcome; readonly problems: readonly string[] }> {
  const outcome = await playCrash(plan)
  const hasSameBatches = plan.reorg !== undefined || outcome.batchCids.join() === (await asUndisturbed(plan.story)).batchCids.join()
  const problems = hasSameBatches ? outcome.broken : [...outcome.broken, `other batches: ${outcome.batchCids.join(' ')}`]
  return { outcome, problems: problems.map((problem) => `${told(plan, outcome)}: ${problem}`) }
}

/** Cuts at each step after those of `cuts`, until a run has no such step any more. How many there were. */
async function sweep(plan: CrashPlan, problems: string[], stride = 1): Promise<number> {
  for (let step = 0; step < STEPS_MAX; step += stride) {
    const played = await problemsOf({ ...plan, cuts: [...plan.cuts, step] })
    problems.push(...played.problems)
    if (played.outcome.lives.length <= plan.cuts.length + 1) return step
  }
  throw new Error(`more than ${STEPS_MAX} steps`)
}

/** Fewer steps than this mean that the run no longer goes where it should. */
const STEPS_MIN = { sequencer: 50, 'validator 1': 15 }

test.each([
  ['S4: a sequencer', 'sequencer'],
  ['V2: a validator', 'validator 1'],
] as const)(
  '%s that loses power before or after any of its steps does each thing once, the same as undisturbed',
  async (_, victim) => {
    const problems: string[] = []
    expect(await sweep({ victim, cuts: [] }, problems)).toBeGreaterThanOrEqual(STEPS_MIN[victim])
    expect(problems).toEqual([])
  },
  TIMEOUT_MS,
)

test.each(VICTIMS)(
  'S4, V2: %s loses power at a step, and again at a step of its next life',
  async (victim) => {
    const problems: string[] = []
    if (PAIRS === 'all') {
      const steps = await sweep({ victim, cuts: [] }, [])
      for (let step = 0; step < steps; step += 1) await sweep({ victim, cuts: [step] }, problems)
    } else {
      const random = createSeededRandom(SEED)
      for (let pair = 0; pair < Number(PAIRS); pair += 1) {
        const cuts = [STEPS_MIN[victim], STEPS_MIN[victim] / 2].map((steps) => Math.floor(random.fraction() * steps))
        problems.push(...(await problemsOf({ victim, cuts })).problems)
      }
    }
    expect(problems).toEqual([])
  },
  TIMEOUT_MS,
)

test.each([
  ['anchored by their roots alone', 'roots'],
  ['refuted and corrected in a round', 'refuted'],
  ['counted, and the contract is told', 'rewards'],
] as const)(
  'S4, V2: where batches are %s, each thing is done once as well, whatever step a process loses power at',
  async (_, story) => {
    const problems: string[] = []
    for (const victim of VICTIMS) await sweep({ victim, cuts: [], story }, problems)
    expect(problems).toEqual([])
  },
  TIMEOUT_MS,
)

/** What a reorganisation takes and when, with power cuts at some of the steps after it. */
const reorganisations = STAGES.flatMap((at) => [3, 70].map((depth) => ({ at, depth })))
test.each(reorganisations)(
  'S10, V3: $depth blocks are taken when the epoch is $at, and power goes after that: what was taken is in effect again, once',
  async ({ at, depth }) => {
    const problems: string[] = []
    for (const isLosingTransactions of [true, false]) {
      const reorg = { at, depth, isLosingTransactions }
      for (const victim of VICTIMS) {
        if (PAIRS === 'all') await sweep({ victim, cuts: [], reorg }, problems)
        else {
          const { outcome, problems: found } = await problemsOf({ victim, cuts: [], reorg })
          problems.push(...found)
          const steps = outcome.lives[0]?.length ?? 0
          const random = createSeededRandom(SEED)
          for (let cut = 0; cut < CUTS_PER_REORGANISATION && steps > 0; cut += 1)
            problems.push(...(await problemsOf({ victim, cuts: [Math.floor(random.fraction() * steps)], reorg })).problems)
        }
      }
    }
    expect(problems).toEqual([])
  },
  TIMEOUT_MS,
)

test.each([
  ['half of what is asked of the chain fails', 'rpc'],
  ['IPFS takes and gives nothing for a while', 'ipfs'],
] as const)(
  'S4, V2: %s, and power goes besides: each thing is done once, the same as undisturbed',
  async (_, trouble) => {
    const problems: string[] = []
    for (const victim of VICTIMS) await sweep({ victim, cuts: [], trouble }, problems, STRIDE_IN_TROUBLE)
    expect(problems).toEqual([])
  },
  TIMEOUT_MS,
)
