import { isWeftError } from '#domain/errors.ts'
import type { Rejection } from '#domain/rejection.ts'
import type { Submission } from '#domain/submission.ts'
import type { BlockTime } from '#domain/window.ts'
import type { HandOverAnswer } from '#io/grpc/port.ts'
import type { Counters } from './counters.ts'
import type { Outbox } from './outbox.ts'

export interface AcceptDeps {
  readonly outbox: Outbox
  readonly counters: Counters
  /** Why nobody would ever count it, or nobody can tell yet. */
  readonly check: (submission: Submission) => Rejection | undefined
  /** The head of the anchor chain, by which it will expire. */
  readonly now: () => BlockTime | undefined
}

/** Stage 1. `Success` only after the submission is durable (C1); the code of what is wrong with it otherwise (C12). Throws `QUEUE_FULL` (C2), `STORE_FULL` (C17). */
export async function accept(submission: Submission, { outbox, counters, check, now }: AcceptDeps): Promise<HandOverAnswer> {
  const rejection = check(submission)
  if (rejection !== undefined) {
    counters.countRefused(rejection)
    return rejection
  }
  try {
    counters.countHandOver(await outbox.add(submission, now()))
    return 'Success'
  } catch (failure) {
    if (isWeftError(failure, 'QUEUE_FULL') || isWeftError(failure, 'STORE_FULL')) counters.countHandOver('full')
    throw failure
  }
}
