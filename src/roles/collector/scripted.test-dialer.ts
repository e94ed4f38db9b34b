import { WeftError } from '#domain/errors.ts'
import type { SubmissionId } from '#domain/ids.ts'
import type { ReceiptCode } from '#domain/rejection.ts'
import type { Receipt } from '#domain/submission.ts'
import type { SubmissionDialer, SubmissionLink } from '#io/p2p/port.ts'
import { decodeSubmission } from '#wire/submission-proto.ts'

/** One link, which does what the test says. */
export interface ScriptedLink {
  readonly address: string
  /** Projects that were sent, in order. */
  readonly sent: string[]
  readonly ids: string[]
  isClosed: boolean
  /** How often it was closed from here. */
  closeCount: number
  /** Deliveries without a receipt, by project. */
  waiting(): string[]
  /** Gives the receipt for a project that waits. */
  receipt(project: string, code: ReceiptCode): void
  /** Ends the link: what waits fails. */
  cut(): void
  /** Its relay says that it is about to stop. */
  leave(): void
}

export interface ScriptedDialer extends SubmissionDialer {
  /** Addresses that answer. */
  readonly up: Set<string>
  /** Every dial there was. */
  readonly dialed: string[]
  readonly links: ScriptedLink[]
  /** Answers each delivery at once with what it says; `undefined` leaves it waiting. */
  answers: (project: string, address: string) => ReceiptCode | undefined
  /** What a dial fails with, instead of `LINK_FAILED`. */
  failure: Error | undefined
}

/** Far more than any test sends. */
const SENDS_MAX = 1_000

function createLink(address: string, answers: (project: string) => ReceiptCode | undefined): SubmissionLink & ScriptedLink {
  const open = new Map<string, { readonly id: string; readonly outcome: PromiseWithResolvers<Receipt> }>()
  const ending = Promise.withResolvers<void>()
  const leaving = Promise.withResolvers<void>()
  const failure = () => new WeftError('LINK_FAILED', { address, detail: 'cut' })
  let isEnded = false
  let sendCount = 0
  const link: SubmissionLink & ScriptedLink = {
    address,
    sent: [],
    ids: [],
    isClosed: false,
    closeCount: 0,
    ended: ending.promise,
    leaving: leaving.promise,
    leave: leaving.resolve,
    async send({ submissionId, payload }) {
      sendCount += 1
      // Who sends without end would otherwise keep the event loop, and the test, for ever.
      if (sendCount > SENDS_MAX) throw new Error(`more than ${SENDS_MAX} deliveries on one link`)
      if (isEnded) throw failure()
      const project = decodeSubmission(payload)?.request.projectId ?? ''
      link.sent.push(project)
      link.ids.push(submissionId)
      const outcome = Promise.withResolvers<Receipt>()
      open.set(project, { id: submissionId, outcome })
      const code = answers(project)
      if (code !== undefined) link.receipt(project, code)
      return outcome.promise
    },
    async close() {
      link.isClosed = true
      link.closeCount += 1
      link.cut()
    },
    waiting: () => [...open.keys()],
    receipt(project, code) {
      const one = open.get(project)
      if (one === undefined) throw new Error(`nothing waits for ${project} on ${address}`)
      open.delete(project)
      one.outcome.resolve({ submissionId: one.id as SubmissionId, code, reason: '' })
    },
    cut() {
      isEnded = true
      for (const { outcome } of open.values()) outcome.reject(failure())
      open.clear()
      ending.resolve()
    },
  }
  return link
}

/** A dialer whose addresses answer or not, as the test says. */
export function createScriptedDialer(...up: readonly string[]): ScriptedDialer {
  const dialer: ScriptedDialer = {
    up: new Set(up),
    dialed: [],
    links: [],
    answers: () => undefined,
    failure: undefined,
    async dial(address) {
      dialer.dialed.push(address)
      if (dialer.failure !== undefined) throw dialer.failure
      if (!dialer.up.has(address)) throw new WeftError('LINK_FAILED', { address, detail: 'nobody is there' })
      const link = createLink(address, (project) => dialer.answers(project, address))
      dialer.links.push(link)
      return link
    },
  }
  return dialer
}
