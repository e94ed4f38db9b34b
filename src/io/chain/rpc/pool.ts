import { WeftError } from '#domain/errors.ts'
import type { RpcAnswer, RpcCall } from './answer.ts'
import { createEndpoint, createProgress } from './endpoint.ts'
import type { Endpoint, Progress } from './endpoint.ts'
import { createHealth } from './health.ts'
import type { Health, OnEndpointTrouble } from './health.ts'
import type { Pace } from './pace.ts'
import type { Trouble } from './post.ts'
import { kindOfRefusal } from './refusals.ts'
import type { Target } from './target.ts'

/** Tries per request, for answers that say "later" and for connections that fail. Followers and senders try on above that. */
const ATTEMPTS_MAX = 3
const BACKOFF_FIRST_MS = 200
/** How often all endpoints are asked for their head, so that one that lags is known before it is needed. */
const LOOK_EVERY_MS = 30_000
/** State older than that is asked of archives first: geth keeps that of 128 blocks. */
const ARCHIVE_DEPTH_BLOCKS = 100
/** Second requests for late answers: one for so many first ones, saved up to so many. */
const HEDGE_SHARE = 0.1
const HEDGES_MAX = 5
/** The one in use is left only for one that costs less than this share of it. */
const STICKINESS = 0.5
/** Calls that have no answer on any endpoint: a market asks for a few. */
const EMPTY_MAX = 1_000

export interface PoolOptions {
  readonly targets: readonly [Target, ...Target[]]
  /** Without it the first endpoint that answers says which chain is meant. */
  readonly chainId?: number | undefined
  readonly pace: Pace
  readonly onTrouble?: OnEndpointTrouble | undefined
}

interface Member {
  readonly endpoint: Endpoint
  readonly health: Health
  readonly place: number
}
/** What one endpoint made of a group of calls. `isDoubtful`: another one may know more. */
interface Outcome {
  readonly member: Member
  readonly answers: RpcAnswer[]
  readonly trouble: Trouble | undefined
  readonly isDoubtful: boolean
}

const STATE_BLOCK_PLACE: Readonly<Record<string, number>> = {
  eth_call: 1,
  eth_estimateGas: 1,
  eth_getBalance: 1,
  eth_getCode: 1,
  eth_getTransactionCount: 1,
  eth_getStorageAt: 2,
  eth_getProof: 2,
}

/** The block whose state is asked for by number. */
function stateBlockOf({ method, params }: RpcCall): number | undefined {
  const block = params[STATE_BLOCK_PLACE[method] ?? params.length]
  return typeof block === 'string' && block.startsWith('0x') ? Number(block) : undefined
}

/** The head that an answer tells of, if any. */
function headIn({ method, params }: RpcCall, answer: RpcAnswer | undefined): number | undefined {
  if (!answer?.isOk) return undefined
  const isHeader = method === 'eth_getBlockByNumber' && params[0] === 'latest'
  const text = isHeader ? (answer.result as { number?: unknown } | null)?.number : method === 'eth_blockNumber' ? answer.result : undefined
  const head = typeof text === 'string' ? Number(text) : Number.NaN
  return Number.isSafeInteger(head) ? head : undefined
}

const keyOf = ({ params }: RpcCall): string => {
  const { to, data } = params[0] as { readonly to?: unknown; readonly data?: unknown }
  return `${to} ${String(data).slice(0, 10)}`
}

/** Nothing for an answer, of a call that should have one. */
const isEmpty = ({ method }: RpcCall, answer: RpcAnswer): boolean =>
  method === 'eth_call' && (answer.isOk ? answer.result === '0x' : answer.refusal.code === 0)

/**
 * Several endpoints of one chain as one. What is asked together is answered by one of them: the best that can, and the next when it fails or
 * lacks something. Throws `CHAIN_UNREACHABLE`, `CHAIN_ANSWER_INVALID` when all fail, `CHAIN_WRONG` when all serve another chain.
 */
export function createPool({ targets, pace, onTrouble, ...options }: PoolOptions): (calls: readonly RpcCall[]) => Promise<RpcAnswer[]> {
  const members: readonly Member[] = targets.map((target, place) => ({
    endpoint: createEndpoint(target),
    health: createHealth(target, pace, onTrouble),
    place,
  }))
  const isAlone = members.length === 1
  const attemptsMax = members.length + ATTEMPTS_MAX - 1
  const knownEmpty = new Set<string>()
  let chainId = options.chainId
  let gotChainId = 0
  let lastFailure: WeftError | undefined
  let bestHead = 0
  let current: Member | undefined
  let hedges = HEDGES_MAX
  let lookedAtMs: number | undefined
  let looking: Promise<unknown> | undefined

  /** What another endpoint may answer better: a block or state that this one lacks, a method, nothing at all for a call. */
  function isDoubtful(call: RpcCall, answer: RpcAnswer): boolean {
    if (isEmpty(call, answer)) return !knownEmpty.has(keyOf(call))
    if (!answer.isOk) return ['absent', 'method'].includes(kindOfRefusal(answer.refusal, call.method) ?? '')
    return call.method === 'eth_getBlockByNumber' && answer.result === null && Number(call.params[0]) <= bestHead
  }

  /** One request to one endpoint, when its budget allows. */
  async function run(member: Member, calls: readonly RpcCall[], progress: Progress): Promise<Outcome> {
    const { endpoint, health } = member
    const waitMs = health.budget.waitMs()
    if (waitMs > 0) await pace.sleep(waitMs)
    health.budget.spend(calls.length)
    const startMs = pace.nowMs()
    const trouble = await endpoint.ask(calls, progress)
    if (trouble === undefined) health.answered(pace.nowMs() - startMs)
    else {
      health.failed(trouble.kind, causeOf(trouble), trouble.retryAfterMs)
      lastFailure = trouble.failure
    }
    const answers = calls.map((_, index) => progress.answers.get(index) as RpcAnswer)
    if (trouble === undefined) for (const [index, call] of calls.entries()) bestHead = Math.max(bestHead, headIn(call, answers[index]) ?? 0)
    return {
      member,
      answers,
      trouble,
      isDoubtful: !isAlone && trouble === undefined && calls.some((call, index) => isDoubtful(call, answers[index] as RpcAnswer)),
    }
  }

  /** The same small question to all at the same moment. Resolves when all have answered or failed. */
  async function look(): Promise<void> {
    lookedAtMs = pace.nowMs()
    const calls = ['eth_chainId', 'eth_blockNumber'].map((method) => ({ method, params: [] }))
    const heads = new Map<Member, number>()
    const works = members.map(async (member) => {
      const startMs = pace.nowMs()
      const { answers, trouble } = await run(member, calls, createProgress())
      const [id, head] = answers
      if (trouble !== undefined || !id?.isOk) return
      const got = Number(id.result)
      chainId ??= got
      if (got !== chainId) gotChainId = got
      member.health.judgeChain(got === chainId, `chain id ${got}, not ${chainId}`)
      member.health.looked(pace.nowMs() - startMs)
      const number = headIn(calls[1] as RpcCall, head)
      if (number !== undefined && got === chainId) heads.set(member, number)
      if (got === chainId) found.resolve()
    })
    const found = firstFound
    await Promise.all(works)
    found.resolve()
    const best = Math.max(...heads.values())
    for (const [member, head] of heads) member.health.lagged(best - head)
  }
  let firstFound = Promise.withResolvers<void>()

  /** Waits until an endpoint of the right chain is known; looks at all again once in a while, beside the work. */
  async function ready(): Promise<void> {
    if (isAlone) return
    const isDue = lookedAtMs === undefined || pace.nowMs() - lookedAtMs >= LOOK_EVERY_MS
    const isLost = members.every(({ health }) => health.chain() !== 'right')
    if ((isDue || isLost) && looking === undefined) {
      firstFound = Promise.withResolvers<void>()
      looking = look().finally(() => {
        looking = undefined
      })
    }
    if (isLost) await firstFound.promise
    if (members.every(({ health }) => health.chain() === 'wrong'))
      throw new WeftError('CHAIN_WRONG', { endpoint: names(members), expectedChainId: chainId ?? 0, gotChainId })
  }

  /** The best endpoint that is not among `tried`. */
  function choose(calls: readonly RpcCall[], tried: ReadonlySet<Member>): Member | undefined {
    const oldest = Math.min(...calls.map((call) => stateBlockOf(call) ?? Number.POSITIVE_INFINITY))
    const needsArchive = oldest < bestHead - ARCHIVE_DEPTH_BLOCKS
    const rank = (member: Member): number[] => {
      const { health, endpoint } = member
      const cost = health.cost() * (member === current ? STICKINESS : 1)
      const isUnfit = needsArchive && !endpoint.target.isArchive
      return [
        Number(isUnfit),
        Number(health.isResting()),
        Number(health.isLagging()),
        Number(health.budget.waitMs() > 0),
        cost,
        member.place,
      ]
    }
    const usable = members.filter((member) => !tried.has(member) && (isAlone || member.health.chain() === 'right'))
    return usable.map((member) => ({ member, rank: rank(member) })).sort((left, right) => compared(left.rank, right.rank))[0]?.member
  }

  /** The first endpoint's answer, or the second's when the first is late and the second good. */
  async function hedged(first: Member, ask: (member: Member) => Promise<Outcome>, spare: Member | undefined): Promise<Outcome> {
    const work = ask(first)
    hedges = Math.min(HEDGES_MAX, hedges + HEDGE_SHARE)
    if (spare === undefined || hedges < 1 || spare.health.isResting() || spare.health.budget.waitMs() > 0) return work
    const inTime = new AbortController()
    const late = pace.sleep(first.health.lateAfterMs(), inTime.signal).then(
      () => true,
      () => false,
    )
    const isLate = await Promise.race([work.then(() => false), late])
    inTime.abort()
    if (!isLate) return work
    hedges -= 1
    const good = (outcome: Outcome) => (outcome.trouble === undefined && !outcome.isDoubtful ? outcome : Promise.reject(outcome))
    return Promise.any([work.then(good), ask(spare).then(good)]).catch(() => work)
  }

  /** Notes who lacked what another one had. */
  function settle(doubtful: readonly Outcome[], calls: readonly RpcCall[], good: Outcome | undefined): RpcAnswer[] {
    if (good !== undefined) {
      current = good.member
      for (const { member } of doubtful)
        if (member !== good.member)
          member.health.tell('incomplete', `lacks what ${good.member.endpoint.target.endpoint} answers to ${calls[0]?.method}`)
      return good.answers
    }
    const [first] = doubtful as [Outcome]
    for (const [index, call] of calls.entries())
      if (doubtful.length > 1 && doubtful.every(({ answers }) => isEmpty(call, answers[index] as RpcAnswer)) && knownEmpty.size < EMPTY_MAX)
        knownEmpty.add(keyOf(call))
    return first.answers
  }

  async function askTogether(calls: readonly RpcCall[]): Promise<RpcAnswer[]> {
    const progressOf = new Map<Member, Progress>()
    const doubtful: Outcome[] = []
    let tried = new Set<Member>()
    let rounds = 0
    const ask = (member: Member): Promise<Outcome> => {
      tried.add(member)
      const progress = progressOf.get(member) ?? createProgress()
      progressOf.set(member, progress)
      return run(member, calls, progress)
    }
    for (let tries = 1; ; tries += 1) {
      await ready()
      const member = choose(calls, tried)
      const outcome = member && (await hedged(member, ask, isAlone ? undefined : choose(calls, new Set([...tried, member]))))
      if (outcome !== undefined && outcome.trouble === undefined) {
        if (!outcome.isDoubtful) return settle(doubtful, calls, outcome)
        doubtful.push(outcome)
      }
      if (choose(calls, tried) !== undefined && tries < attemptsMax) continue
      if (doubtful.length > 0) return settle(doubtful, calls, undefined)
      if (tries >= attemptsMax) throw outcome?.trouble?.failure ?? unreachable(calls)
      rounds += 1
      tried = new Set()
      await pace.sleep(outcome?.trouble?.retryAfterMs ?? BACKOFF_FIRST_MS * 2 ** (rounds - 1))
    }
  }

  const unreachable = (calls: readonly RpcCall[]): WeftError =>
    new WeftError('CHAIN_UNREACHABLE', { endpoint: names(members), method: calls[0]?.method ?? '' }, lastFailure)

  /** A transaction goes to every endpoint of the chain: twice does no harm, and one may keep it to itself. The first that takes it decides. */
  async function broadcast(call: RpcCall): Promise<RpcAnswer> {
    await ready()
    const usable = members.filter(({ health }) => health.chain() === 'right')
    const refused: RpcAnswer[] = []
    const works = usable.map(async (member) => {
      const { answers, trouble } = await run(member, [call], createProgress())
      const [answer] = answers
      if (trouble !== undefined || answer === undefined) throw trouble
      if (!answer.isOk) {
        refused.push(answer)
        throw answer
      }
      return answer
    })
    return Promise.any(works).catch(async () => refused[0] ?? ((await askTogether([call]))[0] as RpcAnswer))
  }

  return async (calls) => {
    const isBroadcast = ({ method }: RpcCall): boolean => !isAlone && method === 'eth_sendRawTransaction'
    const reads = calls.filter((call) => !isBroadcast(call))
    const [answers, ...sent] = await Promise.all([
      reads.length === 0 ? [] : askTogether(reads),
      ...calls.filter(isBroadcast).map((call) => broadcast(call)),
    ])
    const [readsLeft, sentLeft] = [answers.values(), sent.values()]
    return calls.map((call) => (isBroadcast(call) ? sentLeft : readsLeft).next().value as RpcAnswer)
  }
}

const names = (members: readonly Member[]): string => members.map(({ endpoint }) => endpoint.target.endpoint).join(', ')

function compared(left: readonly number[], right: readonly number[]): number {
  const place = left.findIndex((value, index) => value !== right[index])
  return place < 0 ? 0 : (left[place] as number) - (right[place] as number)
}

/** What the trouble was, in words without secrets: the failure's own, and the platform's code for a connection. */
function causeOf({ failure }: Trouble): string {
  if ('detail' in failure.facts) return String(failure.facts['detail'])
  const cause = failure.cause as
    | { readonly message?: string; readonly code?: string; readonly cause?: { readonly code?: string } }
    | undefined
  return cause?.cause?.code ?? cause?.message ?? 'no answer'
}
