import type { RpcRefusal } from './answer.ts'
import { whyNotTaken } from './not-taken.ts'
import { isRevert } from './revert.ts'

/**
 * What a refusal is about, so far as it is not the contract's own: `rate` asked too often, `range` over too many blocks, `results` too many
 * of them, `batch` too many calls at once, `absent` a block or state that this node has not, `method` one that it does not know, `known` a
 * transaction that it has.
 */
export type RefusalKind = 'rate' | 'range' | 'results' | 'batch' | 'absent' | 'method' | 'known'

interface Wording {
  readonly kind: RefusalKind
  readonly says: RegExp
}

/** Codes that mean one thing wherever they are used. Most do not: what one node says of batches, another says of funds. */
const CODES: Readonly<Record<number, RefusalKind>> = {
  [-32_601]: 'method', // JSON-RPC
  [-32_004]: 'method', // EIP-1474: method not supported
  [-32_001]: 'absent', // EIP-1474: resource not found
  [-39_001]: 'absent', // execution-apis: unknown block
  429: 'rate', // Alchemy
  [-32_029]: 'rate', // Ankr
  [-32_047]: 'range', // Cloudflare
  [-32_062]: 'range', // Ankr
  [-32_614]: 'range', // QuickNode
  [-32_701]: 'range', // PublicNode
}

/** Where a code says nothing, the words must. In this order: the first that fits counts. */
const WORDINGS: readonly Wording[] = [
  {
    kind: 'known', // Not of another transaction that has the nonce.
    says: /^(?!.*nonce).*(?:already ?known|known transaction|already (?:imported|exists|in (?:the )?(?:mempool|system)))/i,
  },
  {
    kind: 'batch',
    says: /batch(?:ed)?\b.*(?:too (?:large|big|many)|limit|exceed|not (?:supported|allowed)|are not|max)|(?:too many|number of|exceed\w*|max\w*)\b.*\bbatch/i,
  },
  {
    kind: 'results',
    says: /(?:more than|limit of) [\d,]+ (?:results|logs)|too many (?:logs|results)|max(?:imum)? results|logs matched by query|response (?:size|is|too)|query time(?:out|d out)/i,
  },
  {
    kind: 'range',
    says: /block range|range (?:is )?too (?:large|wide|big)|ranges? over|(?:maximum|exceeds the) .*range|(?:too many|requested|at most [\d,]+) blocks|limited to .*(?:range|blocks)|blocks distance|must be smaller than size|reduc\w+ .*range/i,
  },
  {
    kind: 'rate',
    says: /rate.?limit|request rate|too many requests|(?:request|rps|credits?|capacity|quota|throughput)s?\b.*(?:exceed|reached|limit)|exceed\w*\b.*(?:capacity|quota|rps|credits?|compute units)|no backend is currently healthy/i,
  },
  {
    kind: 'absent',
    says: /header (?:for hash )?not found|(?:unknown|unfinalized) block|block .*(?:not found|not available)|missing trie node|state .*(?:not available|unavailable|pruned|not found|missing)|no state (?:available|found)|data not available|pruned|resource not found|archive|BlockOutOfRange|block height is \d+ but requested/i,
  },
  {
    kind: 'method',
    says: /method .*(?:not (?:found|supported|available|exist|allowed|enabled)|does not exist|is not)|unsupported method/i,
  },
]

/** JSON-RPC codes that many use for whatever they like, above all for limits. */
const LIMIT_EXCEEDED = -32_005

/** `undefined` for the contract's own refusal, and for one that nobody knows. */
export function kindOfRefusal(refusal: RpcRefusal, method: string): RefusalKind | undefined {
  if (isRevert(refusal)) return undefined
  // Of a transaction the words come first: Besu has codes for it that mean limits everywhere else.
  if (method === 'eth_sendRawTransaction' && whyNotTaken(refusal) !== undefined) return undefined
  const byCode = CODES[refusal.code]
  // A range is what logs have: under another method the code is somebody else's.
  if (byCode !== undefined && (byCode !== 'range' || method === 'eth_getLogs')) return byCode
  const byText = WORDINGS.find(({ kind, says }) => says.test(refusal.message) && isOf(kind, method))?.kind
  if (byText !== undefined) return byText
  if (refusal.code === LIMIT_EXCEEDED) return method === 'eth_getLogs' ? 'results' : 'rate'
  return undefined
}

function isOf(kind: RefusalKind, method: string): boolean {
  if (kind === 'range' || kind === 'results') return method === 'eth_getLogs'
  return kind !== 'known' || method === 'eth_sendRawTransaction'
}

/** What an endpoint says of the longest range it takes: the range that it names, or the last number in its words. */
export function rangeSaid(message: string): number | undefined {
  const [, from, to] = /\[(0x[0-9a-f]+), ?(0x[0-9a-f]+)\]/i.exec(message) ?? []
  if (from !== undefined) return Number(to) - Number(from) + 1
  const [, digits, thousand] = [...message.matchAll(/(?<![\w/.#-])(\d[\d,]*)(k?)\b/gi)].at(-1) ?? []
  return digits === undefined ? undefined : Number(digits.replaceAll(',', '')) * (thousand === '' ? 1 : 1_000)
}
