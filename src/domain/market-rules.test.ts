import { expect, test } from 'vitest'
import { parseProjectId } from './ids.ts'
import { isInMarket, type Voting } from './market-rules.ts'

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
