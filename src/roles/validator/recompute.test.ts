import { describe, expect, test } from 'vitest'
import type { Address, BlockNumber, Cid, Hash, ProjectId } from '#domain/ids.ts'
import { publishedRoot } from '#wire/merkle.ts'
import { isChosen, type Recomputed, type Recomputer } from './recompute.ts'
import { batchOf, CID_A, CID_B, EPOCH_1, judged, openWorld, P1, P2, type World } from './validator.test-world.ts'
import type { ValidatorDeps } from './validator.ts'

const batch = (world: World) =>
  batchOf(
    [P1, P2].flatMap((project) => [1, 2].map((slot) => world.submission(slot, CID_A, project))),
    [
      [P1, CID_A],
      [P2, CID_A],
    ],
  )
const own = (snapshotCid: Cid): Recomputed => ({ ok: true, snapshotCid })

interface Around {
  /** What the chain answers about a block to this validator, asked for the n-th time. */
  readonly block?: (n: number) => 'as it is' | 'not there'
}

/** A validator at level `recompute` that computes all projects anew, each answer taken from the front of its list; the last one stays. */
async function judgedWith(answers: Readonly<Record<string, Recomputed[]>>, change: Partial<Recomputer> = {}, around: Around = {}) {
  let blocksAsked = 0
  const world = await openWorld()
  const asked: unknown[] = []
  const recomputer: Recomputer = {
    async recompute(epoch, projectIds) {
      asked.push([epoch, ...projectIds])
      return new Map(
        projectIds.flatMap((projectId) => {
          const list = answers[projectId] ?? []
          const answer = list.length > 1 ? list.shift() : list[0]
          return answer === undefined ? [] : [[projectId, answer] as const]
        }),
      )
    },
    ...change,
  }
  const spoil = ({ chain }: ValidatorDeps) => ({
    recomputer,
    chain: {
      ...chain,
      block: async (number: BlockNumber) => (around.block?.(++blocksAsked) === 'not there' ? undefined : chain.block(number)),
    },
  })
  const running = await world.start({ level: 'recompute', recomputeShareBp: 10_000, spoil })
  const batchCid = await world.anchor(batch(world))
  const record = await judged(world, running, 1, 2_000)
  await running.stop()
  return { record, asked, events: running.events, evidence: running.validator.evidence(EPOCH_1, batchCid) }
}

const AGREED = { state: 'attested', reason: '', isDivergent: false, root: publishedRoot([CID_A, CID_A]), failureCount: 0 }

describe('data that this validator computes itself', () => {
  test('speak for the root of the sequencer when they are the same', async () => {
    const { record, asked, events, evidence } = await judgedWith({ [P1]: [own(CID_A)], [P2]: [own(CID_A)] })
    expect(record).toMatchObject(AGREED)
    expect(asked).toEqual([[{ epochId: 1, begin: 1, end: 10 }, P1, P2]])
    expect([events.includes('recompute_undecided'), evidence]).toEqual([false, undefined])
  })

  test('V12: stand in the own root in the place of a result that the votes agree about and that is false', async () => {
    const { record, asked, evidence } = await judgedWith({ [P1]: [own(CID_A)], [P2]: [own(CID_B)] })
    expect(record).toMatchObject({ state: 'attested', isDivergent: true, root: publishedRoot([CID_A, CID_B]), failureCount: 1 })
    expect(evidence?.failures).toEqual([{ check: 'recompute', projectId: P2, slotId: 0, expected: CID_B, got: CID_A }])
    expect(evidence?.ownCids).toEqual([CID_A, CID_B])
    // What differs is computed once more, and only that.
    expect(asked.slice(1)).toEqual([[{ epochId: 1, begin: 1, end: 10 }, P2]])
  })

  const no = (reason: 'aggregate' | 'compute_failed'): Recomputed => ({ ok: false, reason })
  test.each<[string, Recomputed[]]>([
    ['other data the second time', [own(CID_B), own(CID_A)]],
    ['a failure the second time', [own(CID_B), no('compute_failed')]],
    ['a failure', [no('compute_failed')]],
    ['an aggregate', [no('aggregate')]],
    ['no answer', []],
  ])('V12, G6: that cannot be told are judged by their votes alone: %s', async (_, answers) => {
    const { record, events } = await judgedWith({ [P1]: [own(CID_A)], [P2]: answers })
    expect(record).toMatchObject(AGREED)
    // An aggregate is never computed, and is no trouble.
    expect(events.includes('recompute_undecided')).toBe(answers[0]?.ok !== false || answers[0].reason !== 'aggregate')
  })

  test('V12: are computed although the endpoint is behind the one that told of the batch', async () => {
    const { record, events } = await judgedWith(
      { [P1]: [own(CID_A)], [P2]: [own(CID_B)] },
      {},
      { block: (n) => (n < 2 ? 'not there' : 'as it is') },
    )
    expect(record).toMatchObject({ isDivergent: true, root: publishedRoot([CID_A, CID_B]) })
    expect(events).not.toContain('recompute_undecided')
  })

  test('V12: without the block that chooses them are judged by their votes when the window is nearly over, and it is said', async () => {
    const { record, asked, events } = await judgedWith({ [P2]: [own(CID_B)] }, {}, { block: () => 'not there' })
    expect([record, asked]).toMatchObject([AGREED, []])
    expect(events).toContain('recompute_undecided')
  })

  test('V12: a source that never answers holds nothing up for long', async () => {
    const { record, events } = await judgedWith(
      {},
      {
        recompute: (_epoch, _projects, signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
      },
    )
    expect(record).toMatchObject(AGREED)
    expect(events).toContain('recompute_undecided')
  })
})

test('at the other levels nothing is computed', async () => {
  const world = await openWorld()
  const recomputer: Recomputer = { recompute: () => Promise.reject(new Error('not to be asked')) }
  const running = await world.start({ recomputeShareBp: 10_000, spoil: () => ({ recomputer }) })
  await world.anchor(batch(world))
  expect(await judged(world, running)).toMatchObject(AGREED)
  await running.stop()
})

test('a share is chosen, by each validator and of each block another, the same for whoever asks', () => {
  const [ONE, OTHER] = [`0x${'01'.repeat(20)}`, `0x${'02'.repeat(20)}`] as [Address, Address]
  const [BLOCK, FORK] = [`0x${'aa'.repeat(32)}`, `0x${'bb'.repeat(32)}`] as [Hash, Hash]
  const projects = Array.from({ length: 10_000 }, (_, index) => `pair:${index}:N` as ProjectId)
  const chosen = (validator: Address, block: Hash, shareBp = 500) =>
    projects.filter((project) => isChosen(project, { validator, block, shareBp }))
  const first = chosen(ONE, BLOCK)
  expect(Math.abs(first.length - 500)).toBeLessThan(100)
  expect(chosen(ONE, BLOCK)).toEqual(first)
  for (const others of [chosen(OTHER, BLOCK), chosen(ONE, FORK)])
    expect(others.filter((project) => first.includes(project)).length).toBeLessThan(100)
  expect([chosen(ONE, BLOCK, 0).length, chosen(ONE, BLOCK, 10_000).length]).toEqual([0, 10_000])
})
