import { expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { RuleBook } from '#life/rules.ts'
import { rulesWith } from '#life/rules.test-world.ts'
import { publishedRoot } from '#wire/merkle.ts'
import { CID_A, EPOCH_1, honest, judged, openWorld } from './validator.test-world.ts'

const unavailable = new WeftError('MANIFEST_UNAVAILABLE', { cid: 'c', lookedIn: 'l' })

test('V7: a batch is judged by the rules of its epoch, and not by those of the present', async () => {
  const world = await openWorld()
  const book: RuleBook = {
    present: rulesWith(),
    rulesAt: async (epochId) => rulesWith(epochId === EPOCH_1 ? { tally: { minVotes: 3, minShareBp: 0 } } : {}),
  }
  const running = await world.start({ book })
  await world.anchor(honest(world))
  expect(await judged(world, running)).toMatchObject({ state: 'attested', isDivergent: true, root: publishedRoot(['']) })
  await running.stop()
})

test('V7: a batch whose rules come while it may be attested is judged by them', async () => {
  const world = await openWorld()
  let isThere = false
  const rulesAt = async () => {
    if (!isThere) throw unavailable
    return rulesWith()
  }
  const running = await world.start({ book: { present: rulesWith(), rulesAt } })
  await world.anchor(honest(world))
  await world.clock.runUntil(() => running.events.includes('epoch_held'), { limitMs: 10_000 })
  expect(running.records).toEqual([])
  isThere = true
  expect(await judged(world, running)).toMatchObject({ state: 'attested', isDivergent: false, root: publishedRoot([CID_A]) })
  await running.stop()
})

test('V7: a batch whose rules never come is withheld with its reason when the attestation window is over, and nothing is signed', async () => {
  const world = await openWorld()
  const running = await world.start({ book: { present: rulesWith(), rulesAt: () => Promise.reject(unavailable) } })
  const batchCid = await world.anchor(honest(world))
  await world.clock.runUntil(() => running.events.includes('epoch_held'), { limitMs: 10_000 })
  world.chain.mine(40)
  expect(await judged(world, running)).toMatchObject({ state: 'withheld', reason: 'rules_unknown', root: undefined })
  expect(await world.chain.batch(EPOCH_1, batchCid)).toMatchObject({ attestationCount: 0 })
  expect(running.failure()).toBeUndefined()
  await running.stop()
})
