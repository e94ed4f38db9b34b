import type { RpcAnswer, RpcCall } from './answer.ts'
import type { Trouble } from './post.ts'

/**
 * What an endpoint may say that is not so: `omits` a log that is there, `invents` one that is not, `forges` a header or receipts, `contradicts`
 * of a contract's state what most others say. Who does is asked no more for a while.
 */
export type Lie = 'omits' | 'invents' | 'forges' | 'contradicts'
/** What it may do besides: `withholds` receipts that the others give, answers from `other_forks`, or with what has not the form of an answer. */
export type Doubt = 'withholds' | 'other_forks' | 'invalid'

/** What is wrong with answers. Another endpoint is asked. */
export interface Objection {
  /** Under which the endpoint is told of. */
  readonly word?: Lie | Doubt
  /** Under which it is told of once another answer has shown, some times, that it was its own fault. */
  readonly suspicion?: 'lagging' | 'other_forks'
  readonly method: string
  readonly detail: string
}

/** More of the same endpoint. Rejects with `Unanswered` when there are no answers. */
export type AskSame = (calls: readonly RpcCall[]) => Promise<readonly RpcAnswer[]>

/** Looks at the answers to calls that were made together before anybody else does. `undefined`: nothing is wrong. */
export type Judge = (calls: readonly RpcCall[], answers: readonly RpcAnswer[], ask: AskSame) => Promise<Objection | undefined>

/** An endpoint failed while it was asked for more. */
export class Unanswered extends Error {
  readonly trouble: Trouble
  constructor(trouble: Trouble) {
    super(trouble.failure.message)
    this.trouble = trouble
  }
}

const LIES: ReadonlySet<string> = new Set<Lie>(['omits', 'invents', 'forges', 'contradicts'])
export const isLie = (word: string): word is Lie => LIES.has(word)
