import type { RpcAnswer, RpcCall } from './answer.ts'
import { header, seenIn, type Seen } from './forks.ts'
import type { Pace } from './pace.ts'

/** Nothing so deep below the head is replaced: roles follow no deeper rewrite. */
const SETTLED_DEPTH = 128
/** As often as several endpoints are looked at. */
const CHECK_EVERY_MS = 30_000
/** The first time, soon: before that nothing but the id is known. */
const CHECK_FIRST_MS = 1_000
const CHAIN_ID: RpcCall = { method: 'eth_chainId', params: [] }

/**
 * The chain that an endpoint was found to serve, by its id, its first block and one that lies deep. Behind the same URL another one may come: a provider
 * points it elsewhere, a development chain is begun anew. It is asked again after each failure, when a block does not build upon the one before, and
 * now and then.
 */
export function createIdentity(pace: Pick<Pace, 'nowMs'>) {
  let chainId: number | undefined
  /** Hashes by number, of the first block and of a deep one. Each was told alike twice: what was a lie once would make a liar of whoever tells the truth after it. */
  const blocks = new Map<number, string>()
  /** Told once. */
  let proposed = new Map<number, string>()
  let last: Seen | undefined
  let dueMs = Number.POSITIVE_INFINITY
  let isShaken = false

  const deepestOf = (numbers: Iterable<number>): number => Math.max(...numbers, 0)

  /** What an answer says of the chain: where it contradicts what is known, why. */
  function contradiction(call: RpcCall, answer: RpcAnswer | undefined): string | undefined {
    if (chainId !== undefined && call.method === CHAIN_ID.method && answer?.isOk === true && Number(answer.result) !== chainId)
      return `chain id ${Number(answer.result)}, not ${chainId}`
    const seen = seenIn(call, answer)
    const known = seen && blocks.get(seen.number)
    return known === undefined || seen?.hash === known ? undefined : `block ${seen?.number} is ${seen?.hash.slice(0, 66)}, and was ${known}`
  }

  /** What of the answers contradicts what is known, in words. */
  const contradictedBy = (calls: readonly RpcCall[], answers: readonly RpcAnswer[]): string | undefined =>
    calls.map((call, index) => contradiction(call, answers[index])).find((each) => each !== undefined)

  /** A rewrite does that, too. */
  const isBreak = ({ number, hash, parentHash }: Seen): boolean =>
    last !== undefined && ((number === last.number && hash !== last.hash) || (number === last.number + 1 && parentHash !== last.hash))

  function know(told: ReadonlyMap<number, string>): void {
    const isTwice = ([number, hash]: [number, string]): boolean => blocks.get(number) === hash || proposed.get(number) === hash
    const [twice, once] = [[...told].filter(isTwice), [...told].filter((each) => !isTwice(each))]
    const deepest = deepestOf(twice.map(([number]) => number))
    proposed = new Map(once)
    for (const [number] of [...blocks]) if (number !== 0 && number < deepest) blocks.delete(number)
    for (const [number, hash] of twice) if (number === 0 || number === deepest) blocks.set(number, hash)
  }

  return {
    /** Whether it is to be held to what is known before anything it says counts. */
    isDue: (): boolean => chainId !== undefined && (isShaken || pace.nowMs() >= dueMs),
    /** Something went wrong: whoever answers next may be another one. */
    shake(): void {
      isShaken = true
    },
    contradictedBy,
    /** Takes from answers by what the chain is known again. Whether one of them makes it doubtful that it is the same. */
    learn(calls: readonly RpcCall[], answers: readonly RpcAnswer[]): boolean {
      const blocksSeen = calls.flatMap((call, index) => seenIn(call, answers[index]) ?? [])
      let isBroken = false
      for (const seen of blocksSeen.sort((left, right) => left.number - right.number)) {
        isBroken ||= isBreak(seen)
        last = seen
      }
      if (chainId !== undefined) return isBroken
      const id = answers[calls.findIndex(({ method }) => method === CHAIN_ID.method)]
      if (id?.isOk !== true) return false
      chainId = Number(id.result)
      dueMs = pace.nowMs() + CHECK_FIRST_MS
      return false
    },
    question(): readonly RpcCall[] {
      const deepest = deepestOf(blocks.keys())
      const next = deepestOf(proposed.keys()) || Math.max(deepest, (last?.number ?? 0) - SETTLED_DEPTH)
      return [CHAIN_ID, ...[...new Set([0, deepest, next])].map(header)]
    },
    /** As `contradictedBy`, of the answers to `question`. Otherwise the deep block moves up behind the head: nodes forget old ones. */
    held(calls: readonly RpcCall[], answers: readonly RpcAnswer[]): string | undefined {
      const why = contradictedBy(calls, answers)
      // Who answers nothing of it is not known yet to be the same.
      isShaken = why !== undefined || !answers.some(({ isOk }) => isOk)
      const told = new Map(calls.flatMap((call, index) => seenIn(call, answers[index]) ?? []).map(({ number, hash }) => [number, hash]))
      if (why === undefined && (blocks.size === 0 || told.has(deepestOf(blocks.keys())))) know(told)
      dueMs = pace.nowMs() + (blocks.size === 0 && proposed.size > 0 ? CHECK_FIRST_MS : CHECK_EVERY_MS)
      return why
    },
    /** What it was taken for is not what is asked for. */
    forget(): void {
      chainId = undefined
      blocks.clear()
      proposed.clear()
      last = undefined
    },
  }
}
