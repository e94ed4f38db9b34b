import { WeftError } from '#domain/errors.ts'
import type { RpcAnswer, RpcCall } from './answer.ts'
import { createEndpoint, createProgress } from './endpoint.ts'
import type { Progress } from './endpoint.ts'
import { createHealth } from './health.ts'
import type { EndpointListeners, Health } from './health.ts'
import { createIdentity } from './identity.ts'
import { isLie, Unanswered } from './judge.ts'
import type { AskSame, Judge, Objection } from './judge.ts'
import type { Pace } from './pace.ts'
import type { Trouble } from './post.ts'
import type { Target } from './target.ts'

/** What one endpoint made of a group of calls: all answers, or why there are none. */
export type Outcome =
  | { readonly member: Member; readonly answers: readonly RpcAnswer[]; readonly trouble?: undefined }
  | { readonly member: Member; readonly answers?: undefined; readonly trouble: Trouble; readonly objection?: Objection }

/** An outcome with answers. */
export type Answered = Extract<Outcome, { readonly trouble?: undefined }>

/** One of several endpoints: asked within its budget, and known by how it does. */
export interface Member {
  readonly target: Target
  readonly health: Health
  /** Never throws. */
  ask(calls: readonly RpcCall[], progress: Progress): Promise<Outcome>
  /** It serves another chain than the one that is asked for: it is not held to that one. */
  forgetChain(): void
}

/** What the trouble was, in words without secrets: the failure's own, or the platform's code for a connection. */
function inWords({ failure }: Trouble): string {
  if ('detail' in failure.facts) return String(failure.facts['detail'])
  const cause = failure.cause as { readonly message?: string; readonly cause?: { readonly code?: string } } | undefined
  return cause?.cause?.code ?? cause?.message ?? 'no answer'
}

/** How members are made: `judge` looks at all that they answer. */
export interface MemberDeps extends EndpointListeners {
  readonly pace: Pace
  readonly judge?: Judge | undefined
}

export function createMember(target: Target, { pace, judge, ...listeners }: MemberDeps): Member {
  const health = createHealth(target, pace, listeners)
  const endpoint = createEndpoint(target, { pay: health.budget.pay, notice: health.noticed })
  const identity = createIdentity(pace)
  let checking: Promise<Outcome | undefined> | undefined

  const askSame: AskSame = async (calls) => {
    const progress = createProgress()
    const trouble = await endpoint.ask(calls, progress)
    if (trouble !== undefined) throw new Unanswered(trouble)
    return answersIn(progress, calls)
  }

  function failed(trouble: Trouble): Outcome {
    identity.shake()
    health.failed(trouble.kind, inWords(trouble), trouble.retryAfterMs)
    return { member, trouble }
  }

  function refused(objection: Objection): Outcome {
    const { word, method, detail } = objection
    identity.shake()
    if (word !== undefined && isLie(word)) health.lied(word, detail)
    else if (word !== undefined) health.failed(word, detail)
    const failure = new WeftError('CHAIN_ANSWER_INVALID', { endpoint: target.endpoint, method, detail })
    return { member, trouble: { kind: 'invalid', failure, retryAfterMs: undefined }, objection }
  }

  /** Holds the endpoint to the chain that it served before. Whoever comes meanwhile waits for the same answer. */
  function exchanged(): Promise<Outcome | undefined> {
    checking ??= check().finally(() => {
      checking = undefined
    })
    return checking
  }

  async function check(): Promise<Outcome | undefined> {
    const calls = identity.question()
    const progress = createProgress()
    const trouble = await endpoint.ask(calls, progress)
    return trouble === undefined ? held(calls, answersIn(progress, calls)) : failed(trouble)
  }

  function held(question: readonly RpcCall[], answers: readonly RpcAnswer[]): Outcome | undefined {
    const detail = identity.held(question, answers)
    if (detail !== undefined) return another(detail)
    if (health.chain() === 'wrong') health.judgeChain(true, '')
    return undefined
  }

  /**
   * Asks, where that is due, in the same request whether the chain is the one that was served before: of who fails half of the time two requests in a row
   * would be too many.
   */
  async function askHeld(calls: readonly RpcCall[], progress: Progress): Promise<Outcome | undefined> {
    const question = identity.isDue() ? identity.question() : []
    const all = createProgress()
    take(progress, all, question.length)
    const trouble = await endpoint.ask([...question, ...calls], all)
    take(all, progress, -question.length)
    if (trouble !== undefined) return failed(trouble)
    return question.length === 0 ? undefined : held(question, answersIn(all, question))
  }

  function another(detail: string): Outcome {
    identity.shake()
    health.exchanged(detail)
    const failure = new WeftError('CHAIN_EXCHANGED', { endpoint: target.endpoint, detail })
    return { member, trouble: { kind: 'invalid', failure, retryAfterMs: undefined } }
  }

  /** Whether the answers are those of another chain, as far as they make one doubt. */
  async function doubted(calls: readonly RpcCall[], answers: readonly RpcAnswer[]): Promise<Outcome | undefined> {
    const why = identity.contradictedBy(calls, answers)
    if (why !== undefined) return another(why)
    return identity.learn(calls, answers) ? exchanged() : undefined
  }

  /** What is wrong with the answers, if they are judged. */
  async function judged(calls: readonly RpcCall[], answers: readonly RpcAnswer[]): Promise<Outcome | undefined> {
    try {
      const objection = await judge?.(calls, answers, askSame)
      return objection && refused(objection)
    } catch (failure) {
      if (failure instanceof Unanswered) return failed(failure.trouble)
      throw failure
    }
  }

  const member: Member = {
    target,
    health,
    forgetChain: identity.forget,
    async ask(calls, progress) {
      const startMs = pace.nowMs()
      const other = await askHeld(calls, progress)
      // What failed may go on where it was.
      if (other !== undefined && !isExchanged(other)) return other
      const tookMs = pace.nowMs() - startMs
      const answers = answersIn(progress, calls)
      const bad = other ?? (await judged(calls, answers)) ?? (await doubted(calls, answers))
      if (bad !== undefined) {
        // Asked again, it answers anew.
        progress.answers.clear()
        progress.parts.clear()
        return bad
      }
      health.answered(tookMs)
      return { member, answers }
    },
  }
  return member
}

const isExchanged = ({ trouble }: Outcome): boolean => trouble?.failure.code === 'CHAIN_EXCHANGED'

/** What is known of the calls of one list goes to those of another, where they stand so many places further. */
function take(from: Progress, to: Progress, places: number): void {
  for (const [index, answer] of from.answers) if (index + places >= 0) to.answers.set(index + places, answer)
  for (const [index, parts] of from.parts) if (index + places >= 0) to.parts.set(index + places, parts)
}

const answersIn = ({ answers }: Progress, calls: readonly RpcCall[]): readonly RpcAnswer[] =>
  calls.map((_, index) => answers.get(index) as RpcAnswer)

/** What may be printed of several. */
export const namesOf = (members: readonly Member[]): string => members.map(({ target }) => target.endpoint).join(', ')
