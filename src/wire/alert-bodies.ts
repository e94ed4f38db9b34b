import type { Alert } from '#domain/alerts.ts'

/** How alerts are written for whoever takes them: Slack, the deployed Telegram and issue-collector services, or anybody (spec/09 §4). */

export type AlertPlace =
  | { readonly kind: 'slack' | 'issues' | 'webhook'; readonly url: string }
  | { readonly kind: 'telegram'; readonly url: string; readonly chatId: string; readonly threadId: string | undefined }

/** How the submissions of a snapshotter fared; all zero for other roles. */
export interface Totals {
  readonly totalSuccessfulSubmissions: number
  readonly totalIncorrectSubmissions: number
  readonly totalMissedSubmissions: number
  readonly consecutiveMissedSubmissions: number
  readonly projects: readonly object[]
}
export const NO_TOTALS: Totals = {
  totalSuccessfulSubmissions: 0,
  totalIncorrectSubmissions: 0,
  totalMissedSubmissions: 0,
  consecutiveMissedSubmissions: 0,
  projects: [],
}

/** Of whom the alert is. */
export interface Sender {
  readonly instanceId: string
  readonly slotId: number
  readonly totals: Totals
}

const trimmed = (url: string): string => url.replace(/\/+$/, '')

/** As deployed nodes have it: numbers are text, and what is beside them is JSON within JSON. */
const issueOf = ({ issueType, projectId, epochId, atMs, text }: Alert, { instanceId }: Sender) => ({
  instanceID: instanceId,
  issueType,
  projectID: projectId,
  epochId,
  timeOfReporting: String(Math.floor(atMs / 1_000)),
  extra: JSON.stringify({ issueDetails: text }),
})

/** Where an alert is posted, and as what. */
export function alertRequest(place: AlertPlace, alert: Alert, sender: Sender): { readonly url: string; readonly body: string } {
  switch (place.kind) {
    case 'slack':
      return { url: place.url, body: JSON.stringify({ text: alert.text }) }
    case 'webhook':
      return { url: place.url, body: JSON.stringify({ ...alert, instanceId: sender.instanceId }) }
    case 'issues':
      return { url: `${trimmed(place.url)}/reportIssue`, body: JSON.stringify(issueOf(alert, sender)) }
    case 'telegram': {
      const isOfEpoch = alert.issueType === 'UNHEALTHY_EPOCH_PROCESSING'
      const { chatId, threadId } = place
      return {
        url: `${trimmed(place.url)}/${isOfEpoch ? 'reportEpochProcessingIssue' : 'reportSnapshotIssue'}`,
        body: JSON.stringify({
          chatId,
          slotId: sender.slotId,
          ...(threadId !== undefined && { message_thread_id: threadId }),
          issue: issueOf(alert, sender),
          status: sender.totals,
        }),
      }
    }
  }
}
