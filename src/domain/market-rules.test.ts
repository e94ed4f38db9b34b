import { describe, expect, test } from 'vitest'
import { type Address, type EpochId, parseProjectId, type SlotId } from './ids.ts'
import { isInMarket, mayVoteOn, type Voting } from './market-rules.ts'

const LISTED: Voting = { projectTypes: ['reserves', 'trades:hourly'], dataSources: ['0x01'] }

test.each<[string, Voting, string, boolean]>([
  ['an open market takes every project of its namespace', 'open', 'anything:0x09:NS', true],
  ['and none of another', 'open', 'anything:0x09:NS2', false],
  ['a listed type of a listed source', LISTED, 'reserves:0x01:NS', true],
  ['a listed type without a source', LISTED, 'reserves:NS', true],
  ['a listed type with a colon', LISTED, 'trades:hourly:0x01:NS', true],
  ['a listed type of another source', LISTED, 'reserves:0x02:NS', false],
  ['another type', LISTED, 'volume:0x01:NS', false],
  ['a type that only begins like a listed one', LISTED, 'reserves2:0x01:NS', false],
  ['a listed type with more than a source behind it', LISTED, 'reserves:x:0x01:NS', false],
  ['a listed type of another namespace', LISTED, 'reserves:0x01:NS2', false],
  ['any source, where none is listed', { projectTypes: ['reserves'] }, 'reserves:0x02:NS', true],
])('%s', (_name, voting, projectId, isIn) => {
  expect(isInMarket(parseProjectId(projectId), { namespace: 'NS', voting })).toBe(isIn)
})

describe('where slots take turns', () => {
  const voting: Voting = { projectTypes: ['reserves', 'trades'], dataSources: ['0x0c', '0x0a', '0x0b'], turns: { epochsInADay: 10 } }
  const rules = { namespace: 'NS', voting }
  const votes = (epochId: number, slotId: number, signer = 0n) =>
    ['reserves:0x0a:NS', 'trades:0x0a:NS', 'reserves:0x0b:NS', 'reserves:0x0c:NS', 'trades:NS', 'trades:0x0a:OTHER'].filter((projectId) =>
      mayVoteOn(
        parseProjectId(projectId),
        { epochId: epochId as EpochId, slotId: slotId as SlotId, signer: `0x${signer.toString(16).padStart(40, '0')}` as Address },
        rules,
      ),
    )

  test.each([
    // 4 + 0 + 1 + 1 = 6, the first of the list.
    [4, 1, 0n, ['reserves:0x0c:NS', 'trades:NS']],
    [5, 1, 0n, ['reserves:0x0a:NS', 'trades:0x0a:NS', 'trades:NS']],
    [4, 2, 0n, ['reserves:0x0a:NS', 'trades:0x0a:NS', 'trades:NS']],
    [4, 1, 2n, ['reserves:0x0b:NS', 'trades:NS']],
    // The tenth is the last of its day, the eleventh the first of the next: 10 + 1 + 1 = 12, 11 + 1 + 2 = 14.
    [10, 1, 0n, ['reserves:0x0c:NS', 'trades:NS']],
    [11, 1, 0n, ['reserves:0x0b:NS', 'trades:NS']],
  ])(
    'in epoch %i slot %i of signer %i votes on one data source, of all types, and on what has none',
    (epochId, slotId, signer, projects) => {
      expect(votes(epochId, slotId, signer)).toEqual(projects)
    },
  )

  test('all of them are in the market', () => {
    expect(['reserves:0x0a:NS', 'reserves:0x0c:NS', 'trades:NS'].every((projectId) => isInMarket(parseProjectId(projectId), rules))).toBe(
      true,
    )
  })

  test('elsewhere every slot may vote on everything', () => {
    const voter = { epochId: 4 as EpochId, slotId: 1 as SlotId, signer: `0x${'0'.repeat(40)}` as Address }
    for (const each of ['open', { projectTypes: ['reserves'], dataSources: ['0x0a', '0x0b'] }] as const)
      expect(mayVoteOn(parseProjectId('reserves:0x0b:NS'), voter, { namespace: 'NS', voting: each })).toBe(true)
  })
})
