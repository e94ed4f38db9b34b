import { expect, test } from 'vitest'
import { alertOf } from '#domain/alerts.ts'
import { type AlertPlace, alertRequest, NO_TOTALS } from './alert-bodies.ts'

const alert = alertOf(
  'outvoted',
  { epochId: 7, projectId: 'p:NS', own: 'a', finalized: 'b' },
  { role: 'snapshotter', atMs: 1_700_000_000_500 },
)
const totals = { ...NO_TOTALS, totalIncorrectSubmissions: 1, projects: [{ projectId: 'p:NS' }] }
const sender = { instanceId: '0xabc', slotId: 12, totals }
const sent = (place: AlertPlace) => {
  const { url, body } = alertRequest(place, alert as never, sender)
  return { url, body: JSON.parse(body) as object }
}
const text = 'snapshotter: outvoted epochId=7 projectId=p:NS own=a finalized=b'
/** As deployed nodes write it: numbers are text, details are JSON within JSON. */
const issue = {
  instanceID: '0xabc',
  issueType: 'SUBMITTED_INCORRECT_SNAPSHOT',
  projectID: 'p:NS',
  epochId: '7',
  timeOfReporting: '1700000000',
  extra: JSON.stringify({ issueDetails: text }),
}

test('Slack gets a text', () => {
  expect(sent({ kind: 'slack', url: 'https://hooks.test/a/b' })).toEqual({ url: 'https://hooks.test/a/b', body: { text } })
})

test('anybody gets all of it', () => {
  expect(sent({ kind: 'webhook', url: 'https://a.test/x' }).body).toEqual({ ...alert, instanceId: '0xabc' })
})

test('the issue collector gets an issue', () => {
  expect(sent({ kind: 'issues', url: 'http://a.test:9030/' })).toEqual({ url: 'http://a.test:9030/reportIssue', body: issue })
})

test('the Telegram service gets the issue with the chat, the slot and how all of its submissions fared', () => {
  expect(sent({ kind: 'telegram', url: 'https://t.test', chatId: '-5', threadId: '9' })).toEqual({
    url: 'https://t.test/reportSnapshotIssue',
    body: { chatId: '-5', slotId: 12, message_thread_id: '9', issue, status: totals },
  })
  const failed = alertOf('failed', { code: 'STORE_FULL' }, { role: 'relay', atMs: 0 })
  const { url, body } = alertRequest({ kind: 'telegram', url: 'https://t.test', chatId: '1', threadId: undefined }, failed as never, sender)
  expect([url, body.includes('message_thread_id')]).toEqual(['https://t.test/reportEpochProcessingIssue', false])
})
