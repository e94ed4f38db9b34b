import { expect, test } from 'vitest'
import { alertOf, notReadyAlert } from './alerts.ts'
import type { LogEvent } from './events.ts'

const of = { role: 'snapshotter', atMs: 1 }

test.each<[LogEvent, object, string | undefined]>([
  ['failed', { code: 'STORE_FULL' }, 'UNHEALTHY_EPOCH_PROCESSING'],
  ['epoch_missed', { epochId: 3, reason: 'batch_window_over' }, 'UNHEALTHY_EPOCH_PROCESSING'],
  ['outvoted', { epochId: 3, projectId: 'p' }, 'SUBMITTED_INCORRECT_SNAPSHOT'],
  ['epoch_done', { epochId: 3, missed: 'p: preload_failed' }, 'MISSED_SNAPSHOT'],
  ['epoch_done', { epochId: 3, missed: '' }, undefined],
  ['money_low', { account: '0x1', lastsDays: 3 }, 'UNHEALTHY_EPOCH_PROCESSING'],
  ['will_try_again', { code: 'CHAIN_UNREACHABLE' }, undefined],
  ['link_opened', { address: '/a' }, undefined],
])('%s with %j is told as %s', (event, facts, issueType) => {
  expect(alertOf(event, facts as never, of)?.issueType).toBe(issueType)
})

test('an alert says what, with which values, and is of one kind with those of the same code', () => {
  expect(alertOf('epoch_missed', { epochId: 3, reason: 'batch_window_over' }, of)).toEqual({
    role: 'snapshotter',
    event: 'epoch_missed',
    issueType: 'UNHEALTHY_EPOCH_PROCESSING',
    kind: 'epoch_missed batch_window_over',
    text: 'snapshotter: epoch_missed epochId=3 reason=batch_window_over',
    projectId: '',
    epochId: '3',
    atMs: 1,
  })
  expect(alertOf('outvoted', { projectId: 'p', differences: 'x'.repeat(5_000) }, of)?.text).toHaveLength(1_000)
  expect(notReadyAlert(['unlinked', 'anchor_old'], of)).toMatchObject({
    kind: 'not_ready',
    text: 'snapshotter: not ready: unlinked, anchor_old',
  })
})
