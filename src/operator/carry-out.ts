import { WeftError } from '#domain/errors.ts'
import type { Account } from '#io/chain/send/account.ts'
import type { Wave } from './plan.ts'

/** Who decides, and who is told. */
export interface Conduct {
  /** Look only: asks the node whether it would take the first wave, and sends nothing. */
  readonly isDryRun: boolean
  /** Asked once, with everything that is to be sent, before the first of it. */
  confirm(steps: readonly string[]): Promise<boolean>
  /** Told of each step that is in the chain. */
  done(step: string): void
}

export interface CarriedOut {
  readonly outcome: 'unchanged' | 'changed' | 'planned' | 'declined'
  /** Transactions sent. */
  readonly changed: number
  /** What was to be done, in words. */
  readonly steps: readonly string[]
}

/**
 * Looks and sends so often at most: once for all that is missing, once to see that nothing is, and once more for each time another
 * transaction of the same account came between.
 */
const ROUNDS_MAX = 5

/**
 * Sends what `plan` says is missing, wave by wave, until it says that nothing is. What an earlier process left under way is settled
 * first. Throws `PLAN_NOT_REACHED`, and as `Account.send`; whatever is in the chain by then is found by the next call.
 */
export async function carryOut(
  operator: Account,
  plan: () => Promise<readonly Wave[]>,
  conduct: Conduct,
  signal: AbortSignal,
): Promise<CarriedOut> {
  await operator.settleEarlier(signal)
  let steps: readonly string[] = []
  let changed = 0
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const waves = await plan()
    const missing = waves.flatMap((wave) => wave.map(({ what }) => what))
    if (missing.length === 0) return { outcome: changed === 0 ? 'unchanged' : 'changed', changed, steps }
    if (round === 0) {
      steps = missing
      if (conduct.isDryRun) {
        await operator.check((waves[0] as Wave).map(({ transaction }) => transaction))
        return { outcome: 'planned', changed, steps }
      }
      if (!(await conduct.confirm(steps))) return { outcome: 'declined', changed, steps }
    }
    changed += await sendAll(operator, waves, conduct, signal)
  }
  throw new WeftError('PLAN_NOT_REACHED', { rounds: ROUNDS_MAX, steps })
}

/** Until all waves are sent, or another transaction of the account came between: then the rest is planned anew. How many were sent. */
async function sendAll(operator: Account, waves: readonly Wave[], { done }: Conduct, signal: AbortSignal): Promise<number> {
  let sent = 0
  for (const wave of waves) {
    const outcome = await operator.send(
      wave.map(({ transaction }) => transaction),
      signal,
    )
    if (outcome === 'moved') return sent
    sent += wave.length
    for (const { what } of wave) done(what)
  }
  return sent
}
