import { type Alert, alertOf, notReadyAlert } from '#domain/alerts.ts'
import type { LogEvent, Report } from '#domain/events.ts'
import { type AlertPlace, alertRequest, type Sender } from '#wire/alert-bodies.ts'

/** Tells people what is worth waking them for. Whatever becomes of it costs the role nothing: it waits for no answer. */

/** Alerts that wait; what comes beyond is dropped, and stands in the log anyway. */
const QUEUE_MAX = 100
const POST_TIMEOUT_MS = 10_000
/** Remembered for `./weft status`. */
const SENT_KEPT = 20
/** A role that starts, or loses a link for a moment, wakes nobody. */
const NOT_READY_AFTER_MS = 300_000
const LOOK_EVERY_MS = 30_000
/** What waits when the role stops has so long to go out. */
const LAST_WORD_MS = 3_000

export interface SentAlert extends Pick<Alert, 'event' | 'text' | 'atMs'> {
  /** Kinds of the places that took it, and that did not. */
  readonly sent: readonly string[]
  readonly failed: readonly string[]
}

export interface AlertDeps {
  readonly nowMs: () => number
  readonly report: Report
  /** Who the alert is of, as far as is known now. */
  readonly sender: () => Sender
  readonly unready: () => readonly string[]
  /** Rejects unless the status is 2xx. */
  readonly post: (url: string, body: string | undefined, signal: AbortSignal) => Promise<void>
}

export interface AlertOptions {
  readonly role: string
  readonly places: readonly AlertPlace[]
  readonly cooldownMs: number
  /** Asked every half minute while the role is ready: whoever hears nothing for longer raises the alarm. */
  readonly heartbeatUrl: string | undefined
}

export interface Alerts {
  /** Of an event of the log. Must not throw, and does not wait. */
  event(event: LogEvent, facts: Readonly<Record<string, unknown>>): void
  /** The newest first. */
  sent(): readonly SentAlert[]
  stop(): Promise<void>
}

/** Posts to places and to a heartbeat, each for ten seconds at most, until it is stopped. Never throws. */
function createPosting({ post, report, sender }: Pick<AlertDeps, 'post' | 'report' | 'sender'>, stopping: AbortSignal) {
  /** Of whatever is posted, the URL may be a secret: what can be said of it is its host. */
  async function isPosted(what: string, url: string, body: string | undefined): Promise<boolean> {
    try {
      await post(url, body, AbortSignal.any([stopping, AbortSignal.timeout(POST_TIMEOUT_MS)]))
      return true
    } catch (failure) {
      if (!stopping.aborted) report('alert_unsent', { place: `${what} at ${new URL(url).host}`, detail: detailOf(failure) })
      return false
    }
  }
  return {
    beat: (url: string): Promise<boolean> => isPosted('heartbeat', url, undefined),
    async alert(alert: Alert, places: readonly AlertPlace[]): Promise<Pick<SentAlert, 'sent' | 'failed'>> {
      const outcomes = await Promise.all(
        places.map(async (place) => {
          const { url, body } = alertRequest(place, alert, sender())
          return { kind: place.kind, isSent: await isPosted(place.kind, url, body) }
        }),
      )
      const kinds = (isSent: boolean) => outcomes.filter((outcome) => outcome.isSent === isSent).map(({ kind }) => kind)
      return { sent: kinds(true), failed: kinds(false) }
    },
  }
}

export function createAlerts({ role, places, cooldownMs, heartbeatUrl }: AlertOptions, deps: AlertDeps): Alerts {
  const { nowMs } = deps
  const stopping = new AbortController()
  const posting = createPosting(deps, stopping.signal)
  const toldMs = new Map<string, number>()
  const sent: SentAlert[] = []
  let waiting = 0
  let queue = Promise.resolve()

  async function send(alert: Alert): Promise<void> {
    if (!stopping.signal.aborted) {
      const { event, text, atMs } = alert
      sent.unshift({ event, text, atMs, ...(await posting.alert(alert, places)) })
      sent.splice(SENT_KEPT)
    }
    waiting -= 1
  }

  function take(alert: Alert): void {
    const before = toldMs.get(alert.kind)
    if (places.length === 0 || waiting >= QUEUE_MAX || (before !== undefined && alert.atMs - before < cooldownMs)) return
    toldMs.set(alert.kind, alert.atMs)
    if (toldMs.size > QUEUE_MAX) toldMs.delete(toldMs.keys().next().value as string)
    waiting += 1
    queue = queue.then(() => send(alert))
  }

  const look = lookAtReadiness(deps, {
    onReady: () => void (heartbeatUrl !== undefined && posting.beat(heartbeatUrl)),
    onLate: (reasons) => take(notReadyAlert(reasons, { role, atMs: nowMs() })),
  })
  const timer = setInterval(look, LOOK_EVERY_MS)
  timer.unref()
  return {
    event(event, facts) {
      // What says that nobody could be told is for the log alone.
      const alert = event === 'alert_unsent' ? undefined : alertOf(event, facts, { role, atMs: nowMs() })
      if (alert !== undefined) take(alert)
    },
    sent: () => [...sent],
    async stop() {
      clearInterval(timer)
      // That a role has failed is the last thing that it tells, and the one that matters.
      const late = setTimeout(() => stopping.abort(), LAST_WORD_MS)
      await queue
      clearTimeout(late)
      stopping.abort()
    },
  }
}

/** What is to be called now and then: whether the role is ready, or has not been for too long. */
function lookAtReadiness(
  { unready, nowMs }: Pick<AlertDeps, 'unready' | 'nowMs'>,
  { onReady, onLate }: { readonly onReady: () => void; readonly onLate: (reasons: readonly string[]) => void },
): () => void {
  let unreadySinceMs: number | undefined
  return () => {
    const reasons = unready()
    if (reasons.length === 0) {
      unreadySinceMs = undefined
      return onReady()
    }
    unreadySinceMs ??= nowMs()
    if (nowMs() - unreadySinceMs >= NOT_READY_AFTER_MS) onLate(reasons)
  }
}

/** Of a real socket: JSON there, a mere question for a heartbeat. */
export async function postJson(url: string, body: string | undefined, signal: AbortSignal): Promise<void> {
  const init = body === undefined ? {} : { method: 'POST', body, headers: { 'content-type': 'application/json' } }
  const response = await fetch(url, { ...init, signal, redirect: 'error' })
  await response.body?.cancel()
  if (!response.ok) throw new Error(`HTTP ${response.status}`)
}

const detailOf = (failure: unknown): string => {
  const { message, cause } = failure as Error
  return cause instanceof Error ? cause.message : message
}
