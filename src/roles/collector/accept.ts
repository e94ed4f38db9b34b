import { isWeftError } from '#domain/errors.ts'
import type { Rejection } from '#domain/rejection.ts'
import type { Submission } from '#domain/submission.ts'
import type { HandOverAnswer } from '#io/grpc/port.ts'
import type { Counters } from './counters.ts'
import type { Outbox } from './outbox.ts'

export interface AcceptDeps {
  readonly outbox: Outbox
  readonly counters: Counters
  /** A check of one's own before anything is stored; without it every submission is taken and the sequencer decides. */
  readonly verify?: (submission: Submission) => Rejection | undefined
}

/** Stage 1. `Success` only after the submission is durable (C1); `Failure` for what could never be counted. Throws `QUEUE_FULL` (C2). */
export async function accept(submission: Submission, { outbox, counters, verify }: AcceptDeps): Promise<HandOverAnswer> {
  const rejection = verify?.(submission)
  if (rejection !== undefined) {
    counters.countRefused(rejection)
    return 'Failure'
  }
  try {
    counters.countHandOver(await outbox.add(submission))
    return 'Success'
  } catch (failure) {
    if (isWeftError(failure, 'QUEUE_FULL')) counters.countHandOver('full')
    throw failure
  }
}
