import type { RpcAnswer, RpcCall } from './answer.ts'
import { isByHash } from './heads.ts'
import { kindOfRefusal } from './refusals.ts'

/** Calls that have no answer on any endpoint: a market asks for a few. */
const EMPTY_MAX = 1_000

/** Contract and function of a call. */
function keyOf({ params }: RpcCall): string {
  const { to, data } = params[0] as { readonly to?: unknown; readonly data?: unknown }
  return `${to} ${String(data).slice(0, 10)}`
}

/** Nothing for an answer, of a call that should have one. */
function isEmpty({ method }: RpcCall, answer: RpcAnswer | undefined): boolean {
  if (method !== 'eth_call' || answer === undefined) return false
  return answer.isOk ? answer.result === '0x' : answer.refusal.code === 0
}

/** Nodes that do not know EIP-1898 say so with this code: the parameters are not what they take. */
export const INVALID_PARAMS = -32_602

/** Whether the block cannot be named by its hash, so far as whoever answered goes. With a state override it may be that which is not known. */
export function isHashUnknown(call: RpcCall, answer: RpcAnswer | undefined): boolean {
  return answer?.isOk === false && answer.refusal.code === INVALID_PARAMS && isByHash(call) && call.params.length < 3
}

/** Which answers another endpoint may have better: a block or state that this one lacks, a method, or nothing at all for a call. */
export function createDoubts() {
  const knownEmpty = new Set<string>()

  function isDoubtful(call: RpcCall, answer: RpcAnswer | undefined, head: number): boolean {
    if (answer === undefined) return false
    if (isEmpty(call, answer)) return !knownEmpty.has(keyOf(call))
    if (isHashUnknown(call, answer)) return true
    if (!answer.isOk) return ['absent', 'method'].includes(kindOfRefusal(answer.refusal, call.method) ?? '')
    if (answer.result !== null) return false
    // By its hash, somebody has named it.
    return call.method === 'eth_getBlockByHash' || (call.method === 'eth_getBlockByNumber' && Number(call.params[0]) <= head)
  }

  return {
    /** `head` is the newest block that any endpoint told of. */
    areThere: (calls: readonly RpcCall[], answers: readonly RpcAnswer[], head: number): boolean =>
      calls.some((call, index) => isDoubtful(call, answers[index], head)),

    /** The method of which somebody lacked what another has; a block that comes a little later is nothing to speak of. */
    lacking: (calls: readonly RpcCall[], answers: readonly RpcAnswer[], head: number): string | undefined =>
      calls.find((call, index) => !call.method.startsWith('eth_getBlockBy') && isDoubtful(call, answers[index], head))?.method,

    /** Several endpoints have said the same of what is empty: it is so, and not looked for again. */
    believe(calls: readonly RpcCall[], all: readonly (readonly RpcAnswer[])[]): void {
      if (all.length < 2) return
      for (const [index, call] of calls.entries())
        if (all.every((answers) => isEmpty(call, answers[index])) && knownEmpty.size < EMPTY_MAX) knownEmpty.add(keyOf(call))
    },
  }
}
