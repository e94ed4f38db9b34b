import { expect, test } from 'vitest'
import { drawPlan, FAULT_KINDS, LIES } from './plan.ts'
import { PROMISES } from './promises.ts'
import { type Outcome, simulate } from './simulation.ts'
import { mayTell, playStory, STORIES, type Story, storyNames } from './stories.ts'
import { lineOf } from './trace.ts'

/** The same seeds each time, so that a change is judged by itself and not by luck; `SIM_SEED` and `SIM_RUNS` go exploring. */
const FIRST_SEED = Number(process.env['SIM_SEED'] ?? 1_000)
const RUNS = Number(process.env['SIM_RUNS'] ?? 20)
/** Names of stories for which seeds are looked for instead, from seed 0 on, or `all`. */
const FIND = process.env['SIM_FIND']
const FIND_SEEDS_MAX = Number(process.env['SIM_RUNS'] ?? 20_000)
const EVENTS_SHOWN = 60
/** Networks played in one test, so that something is heard of a long exploration all the time. */
const RUNS_PER_TEST = 20
/** A run takes a fraction of a second; the longest part of this is a machine that does other things as well. */
const GROUP_TIMEOUT_MS = RUNS_PER_TEST * 10_000
/** Of a search: each of its seeds is played once per story that is looked for, unless it cannot tell it. */
const SEEDS_PER_SEARCH = 4

function expectKept({ seed, violations, events }: Outcome): void {
  if (violations.length === 0) return
  const broken = violations.map(({ promise, found }) => `${promise}, ${PROMISES[promise]}: ${found}`)
  const tail = events.slice(-EVENTS_SHOWN).map(lineOf)
  throw new Error([`replay with SIM_SEED=${seed} SIM_RUNS=1`, ...broken, `the last ${tail.length} events:`, ...tail].join('\n'))
}

/** The first and the last seed of each group of `size`, from `first` on, `count` seeds in all. */
function groupsOf(size: number, first: number, count: number): [number, number][] {
  const starts = Array.from({ length: Math.ceil(count / size) }, (_, index) => first + index * size)
  return starts.map((start) => [start, Math.min(start + size, first + count) - 1])
}

function playSeeds(): void {
  const stories = storyNames.map((name): [number, string, string, Story] => [
    STORIES[name].seed,
    STORIES[name].sentence,
    name,
    STORIES[name],
  ])
  test.each(stories)('seed %i: %s', async (seed, sentence, name, story) => {
    const outcome = await playStory(story)
    expectKept(outcome)
    if (story.isTold(outcome.events, outcome.plan)) return
    throw new Error(
      `seed ${seed} no longer shows that ${sentence}. SIM_FIND=${name} ./weft test test/sim finds one that does; its place is test/sim/stories.ts.`,
    )
  })

  process.stdout.write(`simulations: SIM_SEED=${FIRST_SEED} SIM_RUNS=${RUNS}\n`)
  test.each(groupsOf(RUNS_PER_TEST, FIRST_SEED, RUNS))(
    'seeds %i to %i',
    async (first, last) => {
      for (let seed = first; seed <= last; seed += 1) expectKept(await simulate(seed))
    },
    GROUP_TIMEOUT_MS,
  )

  test('the same seed is the same run, event by event', async () => {
    const [once, again, other] = [await simulate(22), await simulate(22), await simulate(23)]
    expect(again.events).toEqual(once.events)
    expect(other.digest).not.toBe(once.digest)
  })

  test('some seeds know every fault, every lie and every limit', () => {
    const plans = Array.from({ length: 300 }, (_, seed) => drawPlan(seed))
    const faults = plans.flatMap((plan) => plan.faults)
    expect(new Set(faults.map(({ kind }) => kind))).toEqual(new Set(FAULT_KINDS))
    expect(new Set(plans.flatMap(({ lie }) => (lie === undefined ? [] : [lie.how])))).toEqual(new Set(LIES))
    // Away for longer than what a role reads again after a start, and than the batch window.
    const absences = plans.flatMap(({ faults: all, windows }) =>
      all.flatMap((fault) => (fault.kind === 'absence' ? [{ ...fault, windows }] : [])),
    )
    expect(absences.some(({ forMs, windows }) => forMs > windows.batch * 1_000 && windows.snapshot > 32)).toBe(true)
    // Disks that are lost and disks that are old; slots that come back and slots that do not.
    const lost = faults.flatMap((fault) => (fault.kind === 'lost_disk' ? [fault.copyAgeMs === undefined] : []))
    const given = faults.flatMap((fault) => (fault.kind === 'reassigned' ? [fault.forMs === undefined] : []))
    expect([new Set(lost), new Set(given)]).toEqual([new Set([true, false]), new Set([true, false])])
    // Limits that ordinary work meets, and limits that it does not.
    for (const limit of ['projectsPerSlotMax', 'outboxMax', 'inboxMax'] as const)
      expect(new Set(plans.map(({ limits }) => limits[limit])).size).toBeGreaterThan(1)
  })
}

function findSeeds(): void {
  const left = new Set<string>(FIND === 'all' ? storyNames : FIND?.split(','))

  test('there are such stories', () => {
    for (const name of left) if (!Object.hasOwn(STORIES, name)) throw new Error(`no story is called ${name}: ${storyNames.join(', ')}`)
  })

  async function search(seed: number): Promise<void> {
    const plan = drawPlan(seed)
    let plain: Promise<Outcome> | undefined
    for (const name of left) {
      const story: Story | undefined = STORIES[name as keyof typeof STORIES]
      if (story === undefined || !mayTell(story, plan)) continue
      if (story.shape === undefined) plain ??= playStory({ seed })
      const { events } = await (story.shape === undefined ? (plain as Promise<Outcome>) : playStory({ ...story, seed }))
      if (!story.isTold(events, plan)) continue
      left.delete(name)
      process.stdout.write(`${name}: seed ${seed} shows that ${story.sentence}\n`)
    }
  }
  test.each(groupsOf(SEEDS_PER_SEARCH, 0, FIND_SEEDS_MAX))(
    'seeds %i to %i are asked for what is still looked for',
    async (first, last) => {
      for (let seed = first; seed <= last && left.size > 0; seed += 1) await search(seed)
    },
    GROUP_TIMEOUT_MS,
  )

  test('the smallest seed of each story is known', () => {
    expect([...left], `no seed below ${FIND_SEEDS_MAX} tells`).toEqual([])
  })
}

if (FIND === undefined) playSeeds()
else findSeeds()
