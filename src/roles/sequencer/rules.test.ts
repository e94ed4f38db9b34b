import { describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import type { MarketRules } from '#domain/market-rules.ts'
import type { RuleBook } from '#life/rules.ts'
import { rulesWith } from '#life/rules.test-world.ts'
import { EPOCH_1, open, PROJECTS, sealed, vote, type World } from './sequencer.test-world.ts'

const EPOCH_2 = 2 as EpochId

/** A book with a page per epoch; one that is torn out is brought back by the test. */
function createBook(
  pages: Record<number, Partial<MarketRules> | undefined>,
): RuleBook & { bring(epochId: number, rules?: Partial<MarketRules>): void } {
  const known = new Map(Object.entries(pages))
  return {
    present: rulesWith(),
    async rulesAt(epochId) {
      const rules = known.get(String(epochId))
      if (rules === undefined) throw new WeftError('MANIFEST_UNAVAILABLE', { cid: 'c', lookedIn: 'l' })
      return rulesWith(rules)
    },
    bring: (epochId, rules = {}) => void known.set(String(epochId), rules),
  }
}

async function endOf(world: World, epochId: EpochId) {
  for (let block = 0; block < 60 && !world.records.some((record) => record.epochId === epochId); block += 1) await world.mine(1)
  return world.records.find((record) => record.epochId === epochId)
}

describe('an epoch is judged by its own rules', () => {
  test('S12: namespace, deadline, quota and tally change exactly at the epoch that they are for', async () => {
    const rules = createBook({ 1: {}, 2: { namespace: 'NEXT', projectsPerSlotMax: 1, tally: { minVotes: 2, minShareBp: 0 } } })
    const world = await open({ rules })
    await world.release()
    await world.release()
    const of = async (epochId: EpochId, projectId: string) =>
      (await world.deliver(await world.submission({ epochId, projectId: projectId as ProjectId }))).code
    expect([await of(EPOCH_1, 'a:TEST'), await of(EPOCH_1, 'b:TEST'), await of(EPOCH_1, 'a:NEXT')]).toEqual([
      'accepted',
      'accepted',
      'project_not_allowed',
    ])
    expect([await of(EPOCH_2, 'a:TEST'), await of(EPOCH_2, 'a:NEXT'), await of(EPOCH_2, 'b:NEXT')]).toEqual([
      'project_not_allowed',
      'accepted',
      'quota_exceeded',
    ])
    expect(await endOf(world, EPOCH_1)).toMatchObject({ state: 'ended', reason: 'all_batches_anchored' })
    expect(await endOf(world, EPOCH_2)).toMatchObject({ state: 'ended', reason: 'nothing_finalized' })
    await world.stop()
  })

  test('S12: where slots take turns, only the slot whose turn the data source is may vote on it', async () => {
    const voting = { projectTypes: ['a'], dataSources: ['0x0a', '0x0b'], turns: { epochsInADay: 10 } }
    const world = await open({ rules: createBook({ 1: { voting } }) })
    await world.release()
    const codes = async (slotId: number) => {
      const answers = []
      for (const projectId of ['a:0x0a:TEST', 'a:0x0b:TEST', 'a:TEST'] as ProjectId[])
        answers.push((await world.deliver(await world.submission({ epochId: EPOCH_1, slotId: slotId as SlotId, projectId }))).code)
      return answers
    }
    const [first, second] = [await codes(1), await codes(2)]
    const turns = [
      ['accepted', 'project_not_allowed', 'accepted'],
      ['project_not_allowed', 'accepted', 'accepted'],
    ]
    // Both slots have one signer: the next slot has the next source.
    expect([turns, turns.toReversed()]).toContainEqual([first, second])
    await world.stop()
  })

  test('S12: the window ends as the rules of the epoch say, in blocks or in seconds', async () => {
    const world = await open({ rules: createBook({ 1: { windowUnit: 'seconds' }, 2: {} }) })
    await world.release()
    await world.release()
    await world.mine(6)
    // Six blocks, and not five seconds.
    expect([(await vote(world, 1, 0)).code, (await vote(world, 1, 0, 0, EPOCH_2)).code]).toEqual(['accepted', 'window_closed'])
    await world.stop()
  })
})

describe('an epoch whose rules are not known', () => {
  test('S12: is held; others go on, and when the rules come in time it is judged as it would have been', async () => {
    const rules = createBook({ 1: {} })
    const world = await open({ rules })
    await world.release()
    await world.release()
    expect((await vote(world, 1, 0, 0, EPOCH_2)).code).toBe('epoch_unknown')
    expect((await vote(world, 1, 0)).code).toBe('accepted')
    expect(world.events).toContain('epoch_held')
    rules.bring(2)
    await world.clock.advance(2_000)
    expect((await vote(world, 1, 0, 0, EPOCH_2)).code).toBe('accepted')
    expect([await endOf(world, EPOCH_1), await endOf(world, EPOCH_2)]).toMatchObject([
      { state: 'ended', accepted: 1 },
      { state: 'ended', accepted: 1 },
    ])
    await world.stop()
  })

  test('S12: a delivery that hears no answer waits for them', async () => {
    const rules = createBook({})
    const world = await open({ rules })
    await world.release()
    world.push([await world.submission()], [], { protocol: 'collect' })
    await world.until(() => world.sequencer.stats().waiting === 1)
    rules.bring(1)
    await world.clock.advance(2_000)
    await world.mine(1)
    await world.until(() => world.sequencer.stats().receipts.accepted === 1)
    await world.stop()
  })

  test('S12: is missed with its reason when they have not come while a batch could be sent, and nothing of it is anchored', async () => {
    const world = await open({ rules: createBook({}) })
    await world.release()
    await world.mine(20)
    expect(world.records).toEqual([])
    expect(await sealed(world)).toMatchObject({ state: 'missed', reason: 'rules_unknown', batches: [] })
    expect(await world.chain.batchCids(EPOCH_1)).toEqual([])
    await world.stop()
  })

  test('S12: the votes of an earlier process are not counted by other rules after a restart', async () => {
    const first = await open({ rules: createBook({ 1: {} }) })
    await first.release()
    expect((await vote(first, 1, 0)).code).toBe('accepted')
    const rules = createBook({})
    const second = await first.crash(undefined, { rules })
    await second.mine(8)
    expect(second.records).toEqual([])
    rules.bring(1)
    await second.clock.advance(2_000)
    expect(await sealed(second)).toMatchObject({ state: 'ended', accepted: 1, projects: [{ projectId: PROJECTS[0] }] })
    await second.stop()
  })
})
