import type { ReceiptCode } from '#domain/rejection.ts'
import type { Submission } from '#domain/submission.ts'
import { createInbox, INBOX_LIMITS, type Inbox } from '#io/p2p/inbox.ts'
import { encodeSubmission } from '#wire/submission-proto.ts'
import type { Running, World } from './validator.test-world.ts'

/** Validators that listen, and what is sent to them. */

export interface Listening extends Running {
  /** Sends these one after the other; what their receipts say. */
  tell(
    submissions: readonly Submission[],
    change?: { readonly submissionId?: string; readonly payload?: Uint8Array },
  ): Promise<ReceiptCode[]>
}

export async function listen(world: World, options: Parameters<World['start']>[0] = {}): Promise<Listening> {
  const inbox: Inbox = createInbox(INBOX_LIMITS, () => 0)
  const running = await world.start({ ...options, spoil: (deps) => ({ ...options.spoil?.(deps), listener: inbox }) })
  let ids = 0
  return {
    ...running,
    async tell(submissions, change = {}) {
      const codes: ReceiptCode[] = []
      for (const submission of submissions) {
        ids += 1
        const submissionId = change.submissionId ?? `00000000-0000-4000-8000-${String(ids).padStart(12, '0')}`
        const payload = change.payload ?? encodeSubmission(submission)
        inbox.offer({ peer: 'a collector', protocol: 'weft', submissionId, payload, respond: ({ code }) => codes.push(code) })
      }
      await world.clock.runUntil(() => codes.length === submissions.length, { limitMs: 5_000 })
      return codes
    },
  }
}
