import { isWeftError } from '#domain/errors.ts'

/** What one look has found. */
export interface Finding {
  /** What was looked at: `anchor RPC`, `slot 3`, `port 50051`. */
  readonly check: string
  /** Of a node: which of its parts. */
  readonly part?: string
  /** `doubtful`: it works, and may not for long. `bad`: something must be mended. */
  readonly state: 'good' | 'doubtful' | 'bad'
  readonly detail: string
  /** The command that mends it, or the setting that does. */
  readonly mend?: string
}

export const good = (check: string, detail: string): Finding => ({ check, state: 'good', detail })
export const doubtful = (check: string, detail: string, mend: string): Finding => ({ check, state: 'doubtful', detail, mend })
export const bad = (check: string, detail: string, mend: string): Finding => ({ check, state: 'bad', detail, mend })

/** Whether a signal of `AbortSignal.timeout` has ended it. */
export const isTooLate = (failure: unknown): boolean => failure instanceof DOMException && failure.name === 'TimeoutError'

/** What `look` finds, or that it failed: one look that fails, or has no answer in time, keeps nobody from the others. */
export async function orFailed(check: string, mend: string, look: () => Promise<readonly Finding[]>): Promise<readonly Finding[]> {
  try {
    return await look()
  } catch (failure) {
    if (isTooLate(failure)) return [bad(check, 'no answer in time', mend)]
    if (!isWeftError(failure) || failure.kind === 'bug') throw failure
    return [bad(check, failure.message, mend)]
  }
}
