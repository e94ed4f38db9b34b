import { expect, test } from 'vitest'
import type { Header } from './anchor-view.ts'
import type { Address, BlockNumber, EpochId, Hash, SlotId, ContractNumber } from './ids.ts'
import type { Submission } from './submission.ts'
import { votableOf } from './votable.ts'
import { windowOf } from './window.ts'

const header: Header = { number: 12 as BlockNumber, contractNumber: 12 as ContractNumber, hash: '0xab' as Hash, timestamp: 120 }
const signer = '0xa' as Address
const rules = {
  epochId: 4 as EpochId,
  window: windowOf({ release: header, unit: 'blocks', length: 3 }),
  view: {
    header: (hash: string) => (hash === '0xab' ? header : undefined),
    signerAt: (slotId: SlotId) => (slotId === 7 ? signer : undefined),
  },
  namespace: 'NS',
  voting: { projectTypes: ['a'] } as const,
  deadlineBufferMaxBlocks: 10,
}
const request = { slotId: 7, deadlineBlock: 20, epochId: 4, projectId: 'a:NS' }
const ask = (change: object, sent: object = {}) =>
  votableOf({ header: '0xab', ...sent, request: { ...request, ...change } } as unknown as Submission, rules)

test('a submission of the epoch counts if its signer is the slot’s', () => {
  expect(ask({})).toEqual({ ok: true, signer, headerBlock: 12 })
})

test.each([
  ['submission_epoch', { epochId: 5 }, {}, '4', '5'],
  ['submission_namespace', { projectId: 'a:OTHER' }, {}, 'NS', 'OTHER'],
  ['submission_listed', { projectId: 'b:NS' }, {}, 'a project on which may be voted', 'b:NS'],
  ['submission_header', {}, { header: '0xcd' }, 'a block within the window', '0xcd'],
  ['submission_deadline', { deadlineBlock: 11 }, {}, 'not before the header', '11'],
  ['submission_deadline', { deadlineBlock: 23 }, {}, 'not that far ahead', '23'],
  ['submission_slot', { slotId: 8 }, {}, 'an active slot', '8'],
] as const)('%s: of %j nothing counts', (check, change, sent, expected, got) => {
  expect(ask(change, sent)).toEqual({ ok: false, check, expected, got })
})

test('where slots take turns a vote counts on the data source whose turn it is, and on no other', () => {
  const turns = { ...rules, voting: { projectTypes: ['a'], dataSources: ['x', 'y'], turns: { epochsInADay: 10 } } } as const
  const of = (projectId: string) => votableOf({ header: '0xab', request: { ...request, projectId } } as unknown as Submission, turns)
  // 4 + 10 + 7 + 1, signed by 0xa, is even.
  expect(of('a:x:NS')).toMatchObject({ ok: true })
  expect(of('a:y:NS')).toEqual({
    ok: false,
    check: 'submission_listed',
    expected: "a project of the data source that is slot 7's turn",
    got: 'a:y:NS',
  })
})
