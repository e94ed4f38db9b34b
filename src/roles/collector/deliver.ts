import { isWeftError } from '#domain/errors.ts'
import { isFinal, REJECTIONS, type Rejection } from '#domain/rejection.ts'
import type { Receipt } from '#domain/submission.ts'
import type { Random } from '#io/keys/port.ts'
import { type Backoff, pauseMs } from '#life/backoff.ts'
import type { Allowance } from './allowance.ts'
import type { Bell } from './bell.ts'
import type { Destination } from './connect.ts'
import type { Counters } from './counters.ts'
import { createEvidence, type Evidence, type EvidenceDeps } from './evidence.ts'
import type { Entry, Outbox } from './outbox.ts'
import type { Spans } from './spans.ts'
import type { Telling } from './tell.ts'

/** A link in use, or one that is left and only waits for its last receipts. */
export interface Route extends Destination {
  inFlightCount: number
  sentCount: number
  receiptCount: number
  isOpen: boolean
  isLeft: boolean
  /** Deliveries waited on it, and no receipt came. */
  isMute: boolean
}

export interface DeliverDeps extends EvidenceDeps {
  readonly outbox: Outbox
  readonly counters: Counters
  readonly telling: Telling
  readonly bell: Bell
  readonly random: Random
  readonly spans?: Spans | undefined
}

export interface Deliveries {
  /** Sends one entry over the route, and does with it what its receipt says. Rejects when the store fails. */
  deliver(entry: Entry, route: Route): Promise<void>
}

const codeOf = (receipt: Receipt | 'unacknowledged') => (receipt === 'unacknowledged' ? receipt : receipt.code)

export interface DeliverOptions {
  /** Between attempts of one submission that the sequencer could not take yet. */
  readonly retryBackoff: Backoff
  /** Counts what is sent, over all routes. */
  readonly allowance: Allowance
}

export function createDeliveries({ retryBackoff, allowance }: DeliverOptions, deps: DeliverDeps): Deliveries {
  const { outbox, counters, telling, bell, random, report, spans } = deps
  const evidenceIn = createEvidence(deps)

  const evidenceOf = (entry: Entry, receipt: Receipt | 'unacknowledged'): Evidence | undefined =>
    receipt === 'unacknowledged' ? undefined : evidenceIn(receipt, () => outbox.submission(entry))

  /** What a receipt means: the end, or another attempt with the same id. */
  async function conclude(entry: Entry, receipt: Receipt | 'unacknowledged'): Promise<void> {
    if (entry.isRenewed) return outbox.putBack(entry, 0)
    const code = codeOf(receipt)
    if (code === 'unacknowledged' || isFinal(code)) {
      if (code in REJECTIONS) report('submission_rejected', { submissionId: entry.submissionId, code })
      const ending = await outbox.finish(entry, code, evidenceOf(entry, receipt))
      counters.countEnding(ending, code)
      telling.note(entry.epochId, ending, code)
      return
    }
    counters.countRetry(code as Rejection)
    outbox.putBack(entry, pauseMs(retryBackoff, entry.attempts, random))
  }

  /** What the route says of it; `undefined` when its link failed. A route waits for receipts, and not for our disk. */
  async function receiptOf(entry: Entry, route: Route): Promise<Receipt | 'unacknowledged' | undefined> {
    const delivery = { submissionId: entry.submissionId, payload: outbox.payload(entry) }
    route.inFlightCount += 1
    route.sentCount += 1
    try {
      const receipt = await route.link.send(delivery)
      route.receiptCount += 1
      return receipt
    } catch (failure) {
      if (!isWeftError(failure, 'LINK_FAILED')) throw failure
      return undefined
    } finally {
      route.inFlightCount -= 1
      if (route.isLeft && route.inFlightCount === 0) await route.link.close()
    }
  }

  async function deliver(entry: Entry, route: Route): Promise<void> {
    const flight = allowance.begin()
    try {
      const answered = spans?.sending(entry, route.address)
      const receipt = await receiptOf(entry, route)
      answered?.(receipt)
      if (receipt !== undefined) flight.answered(codeOf(receipt))
      // Whether it arrived is unknown: it goes again over the next link, under the same id (C5).
      if (receipt === undefined) outbox.putBack(entry, 0)
      else await conclude(entry, receipt)
    } finally {
      flight.end()
      bell.ring()
    }
  }

  return { deliver }
}
