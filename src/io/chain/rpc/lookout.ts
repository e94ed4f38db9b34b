import { WeftError } from '#domain/errors.ts'
import type { RpcCall } from './answer.ts'
import { createHeads, type Told } from './believed.ts'
import { createProgress } from './endpoint.ts'
import { headIn } from './heads.ts'
import { LAG_BLOCKS_MAX } from './health.ts'
import { namesOf } from './member.ts'
import type { Answered, Member, Outcome } from './member.ts'
import type { Pace } from './pace.ts'

/** How often all endpoints are asked for their head, so that one that lags is known before it is needed. */
const LOOK_EVERY_MS = 30_000
/** And sooner when one tells of a head that is far below: whoever is followed must not stand still so long. */
const LOOK_AGAIN_MS = 1_000
const QUESTION: readonly RpcCall[] = ['eth_chainId', 'eth_blockNumber'].map((method) => ({ method, params: [] }))

/** Looks at several endpoints side by side: whether each serves the chain, how far it lags, how fast it is. */
export function createLookout(members: readonly Member[], options: { readonly chainId: number | undefined; readonly pace: Pace }) {
  const { pace } = options
  let { chainId } = options
  let gotChainId = 0
  const { believe, isFar, head: credibleHead } = createHeads()
  let lookedAtMs: number | undefined
  let isSuspicious = false
  /** While all are looked at: resolves with the first that serves the chain. */
  let looking: Promise<void> | undefined
  const strays = new Set<Member>()

  /** The answers, unless they tell of a head that is made up. The others are asked for theirs before anything is held against it. */
  async function heard(outcome: Answered, calls: readonly RpcCall[]): Promise<Outcome> {
    const { member, answers } = outcome
    const head = Math.max(-1, ...calls.map((call, index) => headIn(call, answers[index]) ?? -1))
    if (head < 0) return outcome
    isSuspicious ||= looking === undefined && credibleHead() - head > LAG_BLOCKS_MAX
    const others = isFar({ member, head }) ? await Promise.all(members.filter((other) => other !== member).map(lookAt)) : []
    const believed = await believe([{ member, head }, ...others.filter((told) => told !== undefined)])
    if (believed.some((told) => told.member === member)) return outcome
    const facts = { endpoint: member.target.endpoint, method: calls[0]?.method ?? '', detail: `head ${head} is made up` }
    return { member, trouble: { kind: 'invalid', failure: new WeftError('CHAIN_ANSWER_INVALID', facts), retryAfterMs: undefined } }
  }

  /** The head of an endpoint that serves the chain. Without an id given, the first that answers says which chain is meant. */
  async function lookAt(member: Member): Promise<Told | undefined> {
    const startMs = pace.nowMs()
    const { answers } = await member.ask(QUESTION, createProgress())
    const [id, head] = answers ?? []
    if (!id?.isOk) return undefined
    const got = Number(id.result)
    chainId ??= got
    member.health.judgeChain(got === chainId, `chain id ${got}, not ${chainId}`)
    member.health.looked(pace.nowMs() - startMs)
    if (got !== chainId) {
      gotChainId = got
      return undefined
    }
    const told = headIn(QUESTION[1] as RpcCall, head)
    return told === undefined ? undefined : { member, head: told }
  }

  /** The same small question to all at the same moment; `found` is called as soon as one serves the chain, or none does. */
  async function look(found: () => void): Promise<void> {
    lookedAtMs = pace.nowMs()
    isSuspicious = false
    const looked = await Promise.all(
      members.map(async (member) => {
        const told = await lookAt(member)
        if (member.health.chain() === 'right') found()
        return told
      }),
    )
    found()
    for (const { member, head } of await believe(looked.filter((told) => told !== undefined))) member.health.lagged(credibleHead() - head)
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
    /** The newest block that endpoints are believed to have; 0 before one told of any. */
    head: credibleHead,
    heard,
    /**
     * Resolves when an endpoint of the chain is known, or none answered; looks at all again once in a while, beside the work. Throws
     * `CHAIN_WRONG` when all serve another chain.
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
      if (members.every(({ health }) => health.chain() === 'wrong'))
        throw new WeftError('CHAIN_WRONG', { endpoint: namesOf(members), expectedChainId: chainId ?? 0, gotChainId })
    },
  }
}
export type Lookout = ReturnType<typeof createLookout>
