import { WeftError } from '#domain/errors.ts'
import { type AskAgreed, createAgreed } from './agreed.ts'
import type { RpcAnswer, RpcCall } from './answer.ts'
import { createDoubts, isHashUnknown } from './doubts.ts'
import { createProgress } from './endpoint.ts'
import type { Progress } from './endpoint.ts'
import { isByHash, needsArchive } from './heads.ts'
import type { EndpointListeners } from './health.ts'
import type { Judge, Objection } from './judge.ts'
import { createLookout } from './lookout.ts'
import type { Lookout } from './lookout.ts'
import { createMember, namesOf } from './member.ts'
import type { Answered, Member, Outcome } from './member.ts'
import type { Pace } from './pace.ts'
import type { Target } from './target.ts'

/** Tries per request, for answers that say "later" and for connections that fail. Followers and senders try on above that. */
const ATTEMPTS_MAX = 3
const BACKOFF_FIRST_MS = 200
/** Second requests for late answers: one for so many first ones, saved up to so many. */
const HEDGE_SHARE = 0.1
const HEDGES_MAX = 5
/** The endpoint in use is left only for one that costs less than this share of it. */
const STICKINESS = 0.5

export interface PoolOptions extends EndpointListeners {
  readonly targets: readonly [Target, ...Target[]]
  /** Without it the first endpoint that answers says which chain is meant. */
  readonly chainId?: number | undefined
  readonly pace: Pace
  /** Looks at all that an endpoint answers. */
  readonly judge?: Judge | undefined
  /** The hash of a block that somebody builds upon. */
  readonly followed?: ((number: number) => string | undefined) | undefined
}

type AskAll = (calls: readonly RpcCall[]) => Promise<readonly RpcAnswer[]>
type AskOne = (member: Member) => Promise<Outcome>

interface Choice {
  readonly tried: ReadonlySet<Member>
  /** Whether it lacks what these calls need. */
  readonly isUnfit: (member: Member) => boolean
  readonly current: Member | undefined
}

/** The best endpoint that was not tried: none that lied lately, while there are others; fit, rested, not lagging, within its budget, cheap. In this order; the first named wins a tie. */
function choose(members: readonly Member[], { tried, isUnfit, current }: Choice): Member | undefined {
  const rank = (member: Member): number[] => {
    const { health } = member
    const flaws = [isUnfit(member), health.isResting(), health.isLagging(), health.budget.waitMs() > 0]
    return [...flaws.map(Number), health.cost() * (member === current ? STICKINESS : 1)]
  }
  const right = members.filter(({ health }) => members.length === 1 || health.chain() === 'right')
  const trusted = right.filter(({ health }) => !health.isDistrusted())
  const usable = (trusted.length > 0 ? trusted : right).filter((member) => !tried.has(member))
  return usable.map((member) => ({ member, rank: rank(member) })).sort((left, right) => compared(left.rank, right.rank))[0]?.member
}

function compared(left: readonly number[], right: readonly number[]): number {
  const place = left.findIndex((value, index) => value !== right[index])
  return place < 0 ? 0 : (left[place] as number) - (right[place] as number)
}

interface Hedged {
  readonly first: Member
  readonly spare: Member | undefined
  readonly ask: AskOne
  readonly isGood: (outcome: Outcome) => boolean
}

/** The first endpoint's answer, or that of `spare` when the first is late and the other good; as far as second requests are saved up. */
function createHedge(pace: Pace): (hedged: Hedged) => Promise<Outcome> {
  let saved = HEDGES_MAX
  return async ({ first, spare, ask, isGood }) => {
    const work = ask(first)
    saved = Math.min(HEDGES_MAX, saved + HEDGE_SHARE)
    if (spare === undefined || saved < 1 || spare.health.isResting() || spare.health.budget.waitMs() > 0) return work
    const inTime = new AbortController()
    const late = pace.sleep(first.health.lateAfterMs(), inTime.signal).then(
      () => true,
      () => false,
    )
    const isLate = await Promise.race([work.then(() => false), late])
    inTime.abort()
    if (!isLate) return work
    saved -= 1
    const good = (outcome: Outcome) => (isGood(outcome) ? outcome : Promise.reject(outcome))
    const outcome = await Promise.any([work.then(good), ask(spare).then(good)]).catch(() => work)
    if (outcome.member === spare) first.health.overtaken()
    return outcome
  }
}

/** Asks all calls of one endpoint: of the best, and of the next when it fails or lacks something. */
function createReader(members: readonly Member[], { lookout, pace }: { readonly lookout: Lookout; readonly pace: Pace }): AskAll {
  const attemptsMax = members.length + ATTEMPTS_MAX - 1
  const doubts = createDoubts()
  const hedge = createHedge(pace)
  let current: Member | undefined
  /** Those to whom a block cannot be named by its hash. */
  const hashless = new Set<Member>()

  /** Of the one that has all; those that lacked something are told of. */
  function settled({ member, answers }: Answered, doubtful: readonly Answered[], calls: readonly RpcCall[]): readonly RpcAnswer[] {
    current = member
    for (const { member: other, answers: poor } of doubtful) {
      const method = doubts.lacking(calls, poor, lookout.head())
      if (method !== undefined) other.health.lacked(`lacks what ${member.target.endpoint} answers to ${method}`)
    }
    return answers
  }

  return async (calls) => {
    const progressOf = new Map<Member, Progress>()
    let doubtful: Answered[] = []
    const tried = new Set<Member>()
    const isGood = ({ answers }: Outcome): boolean =>
      answers !== undefined && (members.length === 1 || !doubts.areThere(calls, answers, lookout.head()))
    const isUnfit = (member: Member): boolean =>
      (needsArchive(calls, lookout.head()) && !member.target.isArchive) || (hashless.has(member) && calls.some(isByHash))
    const next = (beside: readonly Member[] = []): Member | undefined =>
      choose(members, { tried: new Set([...tried, ...beside]), isUnfit, current })
    const ask: AskOne = async (member) => {
      tried.add(member)
      const progress = progressOf.get(member) ?? createProgress()
      progressOf.set(member, progress)
      const outcome = await member.ask(calls, progress)
      if (calls.some((call, index) => isHashUnknown(call, outcome.answers?.[index]))) hashless.add(member)
      if (outcome.answers === undefined) return outcome
      const heard = await lookout.heard(outcome, calls)
      // Asked again, it answers anew.
      if (heard.trouble !== undefined) progressOf.delete(member)
      return heard
    }
    /** Those whose word did not count, which may be no fault of theirs, unless somebody knows better. */
    const suspects: { readonly member: Member; readonly objection: Objection }[] = []
    let failure: WeftError | undefined
    for (let [tries, rounds] = [1, 1]; ; tries += 1) {
      await lookout.ready()
      const first = next()
      const outcome = first && (await hedge({ first, spare: next([first]), ask, isGood }))
      if (outcome?.answers !== undefined && isGood(outcome)) {
        for (const { member, objection } of suspects)
          if (objection.suspicion !== undefined) member.health.suspect(objection.suspicion, objection.detail)
        return settled(outcome, doubtful, calls)
      }
      if (outcome?.answers === undefined && outcome?.objection !== undefined) suspects.push({ ...outcome, objection: outcome.objection })
      if (outcome?.answers !== undefined) doubtful.push(outcome)
      failure = outcome?.trouble?.failure ?? failure
      if (tries < attemptsMax && next() !== undefined) continue
      // That something is not there is told by all who are up, or by nobody.
      if (doubtful[0] !== undefined && members.every((member) => isAway(member) || doubtful.some((one) => one.member === member))) {
        const all = doubtful.map(({ answers }) => answers)
        doubts.believe(calls, all)
        return doubtful[0].answers
      }
      if (tries >= attemptsMax)
        throw failure ?? new WeftError('CHAIN_UNREACHABLE', { endpoint: namesOf(members), method: calls[0]?.method ?? '' })
      tried.clear()
      doubtful = []
      await pace.sleep(outcome?.trouble?.retryAfterMs ?? BACKOFF_FIRST_MS * 2 ** (rounds - 1))
      rounds += 1
    }
  }
}

/** Whose word nobody waits for. */
const isAway = ({ health }: Member): boolean => health.chain() !== 'right' || health.isDown()

/** A transaction goes to every endpoint of the chain: twice does no harm, and one may keep it to itself. The first that takes it decides. */
async function broadcast(call: RpcCall, members: readonly Member[], otherwise: AskAll): Promise<RpcAnswer> {
  const refused: RpcAnswer[] = []
  const works = members.map(async (member) => {
    const { answers, trouble } = await member.ask([call], createProgress())
    const [answer] = answers ?? []
    if (answer === undefined) throw trouble?.failure
    if (answer.isOk) return answer
    refused.push(answer)
    throw new Error(answer.refusal.message)
  })
  return Promise.any(works).catch(async () => refused[0] ?? ((await otherwise([call]))[0] as RpcAnswer))
}

/**
 * Several endpoints of one chain as one. What is asked together is answered by one of them: the best that can, and the next when it fails or
 * lacks something. Throws `CHAIN_UNREACHABLE`, `CHAIN_ANSWER_INVALID` when all fail, `CHAIN_WRONG` when all serve another chain.
 */
export function createPool({ targets, chainId, pace, judge, followed, ...listeners }: PoolOptions): {
  readonly ask: AskAll
  readonly agreed: AskAgreed
} {
  const members = targets.map((target) => createMember(target, { pace, judge, ...listeners }))
  const lookout = createLookout(members, { chainId, pace, followed })
  const read = createReader(members, { lookout, pace })
  const isBroadcast = ({ method }: RpcCall): boolean => members.length > 1 && method === 'eth_sendRawTransaction'

  async function send(call: RpcCall): Promise<RpcAnswer> {
    await lookout.ready()
    const usable = members.filter(({ health }) => health.chain() === 'right')
    return broadcast(call, usable, read)
  }

  async function ask(calls: readonly RpcCall[]): Promise<readonly RpcAnswer[]> {
    const reads = calls.filter((call) => !isBroadcast(call))
    const [answers, ...sent] = await Promise.all([
      reads.length === 0 ? [] : read(reads),
      ...calls.filter(isBroadcast).map((call) => send(call)),
    ])
    const [readsLeft, sentLeft] = [answers.values(), sent.values()]
    return calls.map((call) => (isBroadcast(call) ? sentLeft : readsLeft).next().value as RpcAnswer)
  }

  return { ask, agreed: createAgreed(members, { lookout, pace, read }) }
}
