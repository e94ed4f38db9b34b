import type { RpcAnswer, RpcCall } from './answer.ts'
import { createProgress } from './endpoint.ts'
import type { Member } from './member.ts'
import type { Pace } from './pace.ts'

/** So far below the newest block hashes are compared at each look, and who has another one is told of: above it chains differ for a moment now and then. */
const SETTLED_BLOCKS = 2
/** What lies deeper below the head is not compared: roles follow no deeper rewrite, and who reads so far back reads much. */
const DEPTH_MAX = 128
/** So long the others are waited for. */
const PATIENCE_MS = 1_000
/** So long nobody is believed where as many endpoints say one thing as another and nothing was known: then whoever is asked first is. */
const UNDECIDED_MS = 12_000

/** A block as it was seen. */
export interface Seen {
  readonly number: number
  readonly hash: string
  readonly parentHash: string
}

/** A block that was asked for by its number, or by the name of a head. */
export function seenIn({ method }: RpcCall, answer: RpcAnswer | undefined): Seen | undefined {
  if (method !== 'eth_getBlockByNumber' || answer?.isOk !== true || typeof answer.result !== 'object') return undefined
  const { number, hash, parentHash } = (answer.result ?? {}) as Readonly<Record<string, unknown>>
  if (typeof number !== 'string' || typeof hash !== 'string' || typeof parentHash !== 'string') return undefined
  return { number: Number(number), hash: hash.toLowerCase(), parentHash: parentHash.toLowerCase() }
}

export const header = (number: number): RpcCall => ({ method: 'eth_getBlockByNumber', params: [`0x${number.toString(16)}`, false] })

export interface ForksDeps {
  readonly pace: Pace
  /** The newest block that endpoints are believed to have. */
  readonly head: () => number
  /** The hash of a block that somebody builds upon, besides what was seen here. */
  readonly followed?: ((number: number) => string | undefined) | undefined
  /** Called when one has another block near the head: it is to be looked at soon whether it has come back. */
  readonly onStray: () => void
}

/**
 * Which of several endpoints are on the chain that the others see. A block that builds upon those seen before is believed at once. Of one that
 * does not, the others are asked: what most of them have is the chain, and where as many have one as another, what was seen before stays.
 */
export function createForks(members: readonly Member[], { pace, head, followed, onStray }: ForksDeps) {
  /** Hashes by number. */
  const known = new Map<number, string>()
  let undecidedSinceMs: number | undefined

  function learn(number: number, hash: string): void {
    if (known.has(number) && known.get(number) !== hash) for (const each of known.keys()) if (each > number) known.delete(each)
    known.set(number, hash)
    for (const each of known.keys()) if (each < head() - DEPTH_MAX) known.delete(each)
  }

  /** The hash that most have there, or of as many the one that is known; `undefined` while nobody can tell. */
  function chosen(number: number, hashes: ReadonlyMap<Member, string>): string | undefined {
    const groups = [...Map.groupBy(hashes.values(), (hash) => hash)].map(([hash, { length }]) => ({ hash, length }))
    const most = Math.max(...groups.map(({ length }) => length))
    const best = groups.filter(({ length }) => length === most).map(({ hash }) => hash)
    return best.length === 1 ? best[0] : best.find((hash) => hash === (known.get(number) ?? followed?.(number)))
  }

  /** Who has another block there than the chain is left aside until it is seen to have the same. */
  function judge(number: number, hashes: ReadonlyMap<Member, string>, chain: string): void {
    const isSettled = number <= head() - SETTLED_BLOCKS
    for (const [{ health }, hash] of hashes) {
      if (hash !== chain && !isSettled) onStray()
      if (hash === chain) health.rejoined()
      else health.strayed(`block ${number} is ${hash.slice(0, 66)}, the others have ${chain}`, isSettled)
    }
    learn(number, chain)
  }

  /** Those whose word counts beside another one's: they serve the chain, are up, and do not lag. */
  const othersThan = (member: Member): readonly Member[] =>
    members.filter(
      (other) =>
        other !== member &&
        other.health.chain() === 'right' &&
        !other.health.isDistrusted() &&
        !other.health.isLagging() &&
        !other.health.isDown(),
    )

  /** What those have there who answer soon. */
  async function hashesAt(number: number, others: readonly Member[]): Promise<Map<Member, string>> {
    const call = header(number)
    const hashes = new Map<Member, string>()
    const ask = async (member: Member): Promise<void> => {
      const hash = seenIn(call, (await member.ask([call], createProgress())).answers?.[0])?.hash
      if (hash !== undefined) hashes.set(member, hash)
    }
    const inTime = new AbortController()
    const late = pace.sleep(PATIENCE_MS, inTime.signal).catch(() => undefined)
    await Promise.race([Promise.all(others.map(ask)), late])
    inTime.abort()
    return new Map(hashes)
  }

  /** Whether the chain has the block, by the others too, which are asked. */
  async function isOnChain(member: Member, { number, hash }: Pick<Seen, 'number' | 'hash'>): Promise<boolean> {
    const others = othersThan(member)
    const heard = await hashesAt(number, others)
    const hashes = new Map([...heard, [member, hash]])
    const before = known.get(number) ?? followed?.(number)
    // One says that what was seen is not so, and those who could say more are silent for now.
    const isAlone = others.length > 0 && heard.size === 0 && before !== undefined && before !== hash
    // Who was seen on another fork has no word until it is seen on this one.
    const chain = isAlone ? undefined : chosen(number, member.health.isDistrusted() && heard.size > 0 ? heard : hashes)
    if (chain !== undefined) {
      undecidedSinceMs = undefined
      judge(number, hashes, chain)
      return chain === hash
    }
    undecidedSinceMs ??= pace.nowMs()
    if (pace.nowMs() - undecidedSinceMs < UNDECIDED_MS) return false
    undecidedSinceMs = undefined
    judge(number, hashes, hash)
    return true
  }

  /** One block after another, each upon the one before, so that at most one of them is asked for. */
  async function isBelieved(member: Member, { number, hash, parentHash }: Seen, isNamed: boolean): Promise<boolean> {
    if (number < head() - DEPTH_MAX || known.get(number) === hash) return true
    const [own, parent] = [known.get(number), known.get(number - 1)]
    const isNext = own === undefined && parent === parentHash
    // Between two looks at the head of a fast chain lie blocks that nobody saw: the others are not asked each time.
    if (own === undefined && parent === undefined && !isNamed && known.size > 0) return true
    const asked = own === undefined && parent !== undefined ? { number: number - 1, hash: parentHash } : { number, hash }
    if (!isNext && !(await isOnChain(member, asked))) return false
    learn(number - 1, parentHash)
    learn(number, hash)
    return true
  }

  return {
    /** The block that is not the chain's in answers that there are, as words; `undefined` when all are. */
    async strange(member: Member, calls: readonly RpcCall[], answers: readonly RpcAnswer[]): Promise<string | undefined> {
      const isNamed = (index: number): boolean => String(calls[index]?.params[0]).startsWith('0x')
      const seen = calls.flatMap((call, index) => {
        const block = seenIn(call, answers[index])
        return block === undefined ? [] : [{ block, isNamed: isNamed(index) }]
      })
      for (const { block, isNamed: isAsked } of seen.sort((left, right) => left.block.number - right.block.number))
        if (!(await isBelieved(member, block, isAsked))) return `block ${block.number} is not the one that others have`
      return undefined
    },
    /** What is asked of all at a look, beside their head: a block that each should have. */
    question: (): readonly RpcCall[] => (head() < SETTLED_BLOCKS ? [] : [header(head() - SETTLED_BLOCKS)]),
    /** What all said at a look. */
    compare(calls: readonly RpcCall[], told: readonly { readonly member: Member; readonly answer: RpcAnswer | undefined }[]): void {
      const [call] = calls
      if (call === undefined) return
      const seen = told.map(({ member, answer }) => [member, seenIn(call, answer)?.hash] as const)
      const hashes = new Map(seen.filter((each): each is [Member, string] => each[1] !== undefined))
      const number = Number(call.params[0])
      const chain = hashes.size < 2 ? undefined : chosen(number, hashes)
      if (chain !== undefined) judge(number, hashes, chain)
    },
  }
}
export type Forks = ReturnType<typeof createForks>
