import type { ErrorCode } from '#domain/errors.ts'
import type { RpcRefusal } from './answer.ts'

/** Why a node does not take a transaction, as the code under which it is told. */
export type NotTaken = Extract<
  ErrorCode,
  | 'CALL_UNFUNDED'
  | 'CALL_FEE_CAPPED'
  | 'CALL_UNDERPRICED'
  | 'CALL_NONCE_LOW'
  | 'CALL_NONCE_HIGH'
  | 'CALL_TOO_LARGE'
  | 'CALL_GAS_LOW'
  | 'CALL_GAS_HIGH'
  | 'CALL_FORBIDDEN'
  | 'CALL_POOL_FULL'
>

/**
 * The words of geth and what is made from it (Nitro, OP, BSC), Erigon, Nethermind, reth, anvil and Besu; providers pass them on. Codes are
 * of no use: all say -32000, or, as Besu, what means limits elsewhere. In this order: the first that fits counts.
 */
const WORDINGS: readonly { readonly why: NotTaken; readonly says: RegExp }[] = [
  { why: 'CALL_FEE_CAPPED', says: /exceeds the configured cap|fee cap exceeded|maximum total fee exceeded/i },
  { why: 'CALL_UNFUNDED', says: /insufficient ?(?:funds|balance)|upfront cost exceeds|doesn't have enough funds|overdraft/i },
  {
    why: 'CALL_FORBIDDEN',
    says: /sender (?:account )?(?:is )?not (?:an? eoa|authori[sz]ed|allowed|on the whitelist)|not (?:on the |in (?:the )?)?(?:white|allow) ?list|sender ?is ?contract|senders? with deployed code|black ?list|permission denied|filtered address|sender.*(?:denied|disallowed)/i,
  },
  {
    why: 'CALL_GAS_LOW',
    says: /intrinsic ?gas(?! too high)|insufficient gas for floor|floor data gas|gas limit (?:is )?(?:too low|below intrinsic)/i,
  },
  {
    why: 'CALL_GAS_HIGH',
    says: /exceeds? (?:the )?(?:block gas|max(?:imum)? (?:block |transaction )?gas)|gas ?limit ?(?:is )?(?:too high|exceed|cap)|gas limit cap|gas too high|intrinsic gas too high|gas required exceeds allowance|gas uint64 overflow|gas limit reached|TxGasLimitGreaterThanCap/i,
  },
  {
    why: 'CALL_NONCE_HIGH',
    says: /nonce (?:is )?too (?:high|distant|far)|nonce ?too ?far ?in|nonce gap|NonceGap|future nonce|with a lower nonce|future transaction tries/i,
  },
  { why: 'CALL_NONCE_LOW', says: /nonce (?:is )?too low|old ?nonce|invalid transaction nonce|nonce has (?:already )?been used/i },
  {
    why: 'CALL_UNDERPRICED',
    says: /underpriced|under-priced|could not replace existing|ReplacementNotAllowed|fee ?too ?low|(?:fee|price)\b.*(?:less than|below|lower than|too low)/i,
  },
  { why: 'CALL_TOO_LARGE', says: /oversized|too large|size exceeded|MaxTxSize|rlp too long|initcode size|exceeds maximum size|tx size/i },
  {
    why: 'CALL_POOL_FULL',
    says: /pool (?:is )?(?:full|limit)|too many (?:pending )?transactions|account limit exceeded|(?:queue|mempool).* full|inflight transaction limit|too low to compete|spammer/i,
  },
]

/** `undefined` for words that nobody knows. */
export function whyNotTaken({ message }: RpcRefusal): NotTaken | undefined {
  return WORDINGS.find(({ says }) => says.test(message))?.why
}

/** What does not pass by itself: a person must give ether, room or permission. */
const FOR_A_PERSON: readonly NotTaken[] = [
  'CALL_UNFUNDED',
  'CALL_FEE_CAPPED',
  'CALL_TOO_LARGE',
  'CALL_GAS_LOW',
  'CALL_GAS_HIGH',
  'CALL_FORBIDDEN',
]
export const needsPerson = (why: NotTaken): boolean => FOR_A_PERSON.includes(why)
