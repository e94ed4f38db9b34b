import { WeftError } from '#domain/errors.ts'
import type { RpcAnswer, RpcCall } from './answer.ts'
import { createHeads, type Told } from './believed.ts'
import { createProgress } from './endpoint.ts'
import { createForks } from './forks.ts'
import { headIn } from './heads.ts'
import { LAG_BLOCKS_MAX } from './health.ts'
import { namesOf } from './member.ts'
import type { Answered, Member, Outcome } from './member.ts'
import type { PoolOptions } from './pool.ts'

/** How often all endpoints are asked for their head, so that one that lags is known before it is needed. */
const LOOK_EVERY_MS = 30_000
/** And sooner when one tells of a head that is far below: whoever is followed must not stand still so long. */
const LOOK_AGAIN_MS = 1_000
const QUESTION: readonly RpcCall[] = ['eth_chainId', 'eth_blockNumber'].map((method) => ({ method, params: [] }))

/** What one said at a look. */
interface Looked extends Told {
  /** To what it was asked besides. */
  readonly answer: RpcAnswer | undefined
}

type LookoutOptions = Pick<PoolOptions, 'chainId' | 'pace' | 'followed'>

/** Looks at several endpoints side by side: whether each serves the chain, how far it lags, how fast it is, whether it is on the fork of the others. */
export function createLookout(members: readonly Member[], options: LookoutOptions) {
  const { pace } = options
  let { chainId } = options
  let gotChainId = 0
  /** Whether any has served the chain. */
  let wasRight = false
  const { believe, isFar, head: credibleHead } = createHeads()
  const forks = createForks(members, {
    pace,
    head: credibleHead,
    followed: options.followed,
    onStray() {
      isSuspicious = true
    },
  })
  let lookedAtMs: number | undefined
  let isSuspicious = false
  /** While all are looked at: resolves with the first that serves the chain. */
  let looking: Promise<void> | undefined
  const strays = new Set<Member>()

  const refusedBy = (member: Member, calls: readonly RpcCall[], detail: string): Outcome => {
    const facts = { endpoint: member.target.endpoint, method: calls[0]?.method ?? '', detail }
    return { member, trouble: { kind: 'invalid', failure: new WeftError('CHAIN_ANSWER_INVALID', facts), retryAfterMs: undefined } }
  }

  /** Whether no head that they tell of is made up. The others are asked for theirs before anything is held against it. */
  async function isHeadBelieved({ member, answers }: Answered, calls: readonly RpcCall[]): Promise<boolean> {
    const head = Math.max(-1, ...calls.map((call, index) => headIn(call, answers[index]) ?? -1))
    if (head < 0) return true
    isSuspicious ||= looking === undefined && credibleHead() - head > LAG_BLOCKS_MAX
    const others = isFar({ member, head })
      ? await Promise.all(members.filter((other) => other !== member).map((other) => lookAt(other)))
      : []
    const believed = await believe([{ member, head }, ...others.filter((told) => told !== undefined)])
    return believed.some((told) => told.member === member)
  }

  /** The answers, unless they tell of a head that is made up, or of a block that is not on the chain that the others see. */
  async function heard(outcome: Answered, calls: readonly RpcCall[]): Promise<Outcome> {
    const { member, answers } = outcome
    if (!(await isHeadBelieved(outcome, calls))) return refusedBy(member, calls, 'the head is made up')
    const strange = members.length > 1 ? await forks.strange(member, calls, answers) : undefined
    return strange === undefined ? outcome : refusedBy(member, calls, strange)
  }

  /** The head of an endpoint that serves the chain. Without an id given, the first that answers says which chain is meant. */
  async function lookAt(member: Member, more: readonly RpcCall[] = []): Promise<Looked | undefined> {
    const startMs = pace.nowMs()
    const { answers } = await member.ask([...QUESTION, ...more], createProgress())
    const [id, head, answer] = answers ?? []
    if (!id?.isOk) return undefined
    const got = Number(id.result)
    chainId ??= got
    member.health.judgeChain(got === chainId, `chain id ${got}, not ${chainId}`)
    member.health.looked(pace.nowMs() - startMs)
    if (got !== chainId) {
      gotChainId = got
      member.forgetChain()
      return undefined
    }
    wasRight = true
    const told = headIn(QUESTION[1] as RpcCall, head)
    return told === undefined ? undefined : { member, head: told, answer }
  }

  /** The same small question to all at the same moment; `found` is called as soon as one serves the chain, or none does. */
  async function look(found: () => void): Promise<void> {
    lookedAtMs = pace.nowMs()
    isSuspicious = false
    const more = forks.question()
    const looked = await Promise.all(
      members.map(async (member) => {
        const told = await lookAt(member, more)
        if (member.health.chain() === 'right') found()
        return told
      }),
    )
    found()
    const told = looked.filter((each) => each !== undefined)
    for (const { member, head } of await believe(told)) member.health.lagged(credibleHead() - head)
    forks.compare(more, told)
  }

  /** Those that did not answer yet are looked at when they have rested, or at once when no other is left: beside the work, never twice at a time. */
  function lookForStrays(): void {
    const isStuck = members.every(({ health }) => health.chain() !== 'right' || health.isResting())
    for (const member of members) {
      const { health } = member
      if (health.chain() !== 'unknown' || strays.has(member) || (health.isResting() && !isStuck)) continue
      strays.add(member)
      void lookAt(member)
        .then((told) => believe(told === undefined ? [] : [told]))
        .finally(() => strays.delete(member))
    }
  }

  return {
    /** Of one: `undefined` unless it serves the chain. */
    headOf: (member: Member): Promise<Told | undefined> => lookAt(member),
    /** Those that are not made up, told at one moment. */
    believe,
    /** The newest block that endpoints are believed to have; 0 before one told of any. */
    head: credibleHead,
    heard,
    /**
     * Resolves when an endpoint of the chain is known, or none answered; looks at all again once in a while, beside the work. Throws
     * `CHAIN_WRONG` when all serve another chain, `CHAIN_EXCHANGED` when one of them has served the right one.
     */
    async ready(): Promise<void> {
      // A single one is asked for nothing beside the work.
      if (members.length === 1) return
      const isLost = members.every(({ health }) => health.chain() !== 'right')
      const isDue = lookedAtMs === undefined || pace.nowMs() - lookedAtMs >= (isSuspicious ? LOOK_AGAIN_MS : LOOK_EVERY_MS)
      if (looking === undefined && (isLost || isDue)) {
        const { promise, resolve } = Promise.withResolvers<void>()
        looking = promise
        void look(resolve).finally(() => {
          looking = undefined
        })
      } else if (looking === undefined) lookForStrays()
      if (isLost) await looking
      if (members.some(({ health }) => health.chain() !== 'wrong')) return
      if (wasRight) throw new WeftError('CHAIN_EXCHANGED', { endpoint: namesOf(members), detail: 'all of them serve another one now' })
      throw new WeftError('CHAIN_WRONG', { endpoint: namesOf(members), expectedChainId: chainId ?? 0, gotChainId })
    },
  }
}
export type Lookout = ReturnType<typeof createLookout>
