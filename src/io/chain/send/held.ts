import { WeftError } from '#domain/errors.ts'
import type { Hash } from '#domain/ids.ts'
import type { RpcRefusal } from '#io/chain/rpc/answer.ts'
import { needsPerson, whyNotTaken } from '#io/chain/rpc/not-taken.ts'
import { parseAnswer } from '#io/chain/rpc/rpc.ts'
import type { JournalledIntent } from './intents.ts'
import type { SenderContext } from './launch.ts'
import { costOf } from './transaction.ts'

/** A transaction that a node does not take. */
export interface Held {
  readonly failure: WeftError
  /** It does not pass by itself. */
  readonly needsPerson: boolean
}

/** What the account must have for the intent and all that goes before it, and what it has. */
async function funds(intent: JournalledIntent, minedCount: number, { rpc, signer: { address }, intents }: SenderContext) {
  const answer = await rpc.call('eth_getBalance', [address, 'latest'])
  const waiting = intents.all().filter(({ nonce }) => nonce >= minedCount && nonce <= intent.nonce)
  return {
    haveWei: String(parseAnswer(rpc, 'eth_getBalance', () => BigInt(String(answer)))),
    neededWei: String(waiting.reduce((sum, { hashes }) => sum + costOf(intents.raw(hashes.at(-1) as Hash)), 0n)),
  }
}

/** The refusal of an intent's transaction under its own code. Throws `CHAIN_UNREACHABLE`, `CHAIN_ANSWER_INVALID`. */
export async function heldBy(
  refusal: RpcRefusal,
  { intent, minedCount }: { readonly intent: JournalledIntent; readonly minedCount: number },
  context: SenderContext,
): Promise<Held> {
  const why = whyNotTaken(refusal)
  const [call, cause] = [intent.intentId, new Error(refusal.message)]
  if (why === 'CALL_UNFUNDED') {
    const facts = { call, account: context.signer.address, ...(await funds(intent, minedCount, context)) }
    return { failure: new WeftError(why, facts, cause), needsPerson: true }
  }
  const failure = new WeftError(why ?? 'CALL_NOT_TAKEN', { call, detail: refusal.message }, cause)
  return { failure, needsPerson: why !== undefined && needsPerson(why) }
}
