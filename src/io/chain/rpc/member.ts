import type { RpcAnswer, RpcCall } from './answer.ts'
import { createEndpoint } from './endpoint.ts'
import type { Progress } from './endpoint.ts'
import { createHealth } from './health.ts'
import type { Health, OnEndpointTrouble } from './health.ts'
import type { Pace } from './pace.ts'
import type { Trouble } from './post.ts'
import type { Target } from './target.ts'

/** What one endpoint made of a group of calls: all answers, or why there are none. */
export type Outcome =
  | { readonly member: Member; readonly answers: readonly RpcAnswer[]; readonly trouble?: undefined }
  | { readonly member: Member; readonly answers?: undefined; readonly trouble: Trouble }

/** One of several endpoints: asked within its budget, and known by how it does. */
export interface Member {
  readonly target: Target
  readonly health: Health
  /** Never throws. */
  ask(calls: readonly RpcCall[], progress: Progress): Promise<Outcome>
}

/** What the trouble was, in words without secrets: the failure's own, or the platform's code for a connection. */
function inWords({ failure }: Trouble): string {
  if ('detail' in failure.facts) return String(failure.facts['detail'])
  const cause = failure.cause as { readonly message?: string; readonly cause?: { readonly code?: string } } | undefined
  return cause?.cause?.code ?? cause?.message ?? 'no answer'
}

export function createMember(target: Target, pace: Pace, onTrouble: OnEndpointTrouble | undefined): Member {
  const health = createHealth(target, pace, onTrouble)
  const endpoint = createEndpoint(target, health.budget.pay)
  const member: Member = {
    target,
    health,
    async ask(calls, progress) {
      const startMs = pace.nowMs()
      const trouble = await endpoint.ask(calls, progress)
      if (trouble !== undefined) {
        health.failed(trouble.kind, inWords(trouble), trouble.retryAfterMs)
        return { member, trouble }
      }
      health.answered(pace.nowMs() - startMs)
      return { member, answers: calls.map((_, index) => progress.answers.get(index) as RpcAnswer) }
    },
  }
  return member
}

/** What may be printed of several. */
export const namesOf = (members: readonly Member[]): string => members.map(({ target }) => target.endpoint).join(', ')
