import { isWeftError, WeftError } from '#domain/errors.ts'
import { safeUint } from '#domain/ids.ts'
import type { RpcAnswer, RpcCall } from './answer.ts'
import type { OnEndpointTrouble, OnEndpointUse } from './health.ts'
import type { Judge } from './judge.ts'
import type { Pace } from './pace.ts'
import { createPool } from './pool.ts'
import { createReach, type Reach } from './reach.ts'
import { parseTargets } from './target.ts'

/** A chain's JSON-RPC endpoint over HTTP, or several as one. Answers are matched to calls by id, whatever their order. */
export interface Rpc {
  /** Scheme and host of each: what may be printed. */
  readonly endpoint: string
  /** Answers are held against the headers that are asked for with them. */
  readonly isJudged?: boolean
  /** Told how far what was handed out reaches: nothing older is answered for the newest state. */
  readonly reach?: Reach
  /** Throws `CHAIN_UNREACHABLE`, `CHAIN_ANSWER_INVALID`. Calls made in one turn travel together, to one endpoint, and the same of several once. */
  ask(method: string, params: readonly unknown[]): Promise<RpcAnswer>
  /** As `ask`; a refusal is `CHAIN_ANSWER_INVALID` too. */
  call(method: string, params: readonly unknown[]): Promise<unknown>
  /** The same, where what is asked of contracts is what more than half of the endpoints say: for what is relied on for long. Throws `CHAIN_DISPUTED` besides. */
  readonly agreed?: Rpc
  /** As `call` for several, in one request as far as it holds them, answered in their order. */
  all(calls: readonly RpcCall[]): Promise<unknown[]>
}

/** Of one chain; `rpcUrl` names one or several endpoints, as `parseTargets` has them. */
export interface RpcOptions {
  readonly rpcUrl: string
  readonly pause: Pace
  /** Of several endpoints, those of another chain are told of and never used. A single one is believed: `assertChainId`. */
  readonly chainId?: number
  readonly onEndpointTrouble?: OnEndpointTrouble | undefined
  readonly onEndpointUse?: OnEndpointUse | undefined
  /** Looks at all that an endpoint answers; what it objects to is asked of another one. */
  readonly judge?: Judge | undefined
}

type AskAll = (calls: readonly RpcCall[]) => Promise<readonly RpcAnswer[]>

/** Opens nothing yet: the first call does. `pause` is used between tries. Throws `SETTINGS_INVALID` for what is no HTTP URL. */
export function createRpc({ rpcUrl, pause, chainId, onEndpointTrouble, onEndpointUse, judge }: RpcOptions): Rpc {
  const targets = parseTargets(rpcUrl)
  const endpoint = targets.map((target) => target.endpoint).join(', ')
  const reach = createReach(pause)
  const pool = createPool({
    targets,
    chainId,
    pace: pause,
    onTrouble: onEndpointTrouble,
    onUse: onEndpointUse,
    judge: reach.judgedBy(judge),
    followed: reach.hashAt,
  })
  const reaching =
    (ask: AskAll): AskAll =>
    async (calls) => {
      for (;;) {
        const witnessed = reach.witnessed(calls)
        try {
          return (await ask(witnessed)).slice(witnessed.length - calls.length)
        } catch (failure) {
          const isWitnessed = witnessed !== calls && isWeftError(failure, 'CHAIN_ANSWER_INVALID')
          if (!isWitnessed || !(await reach.isRewritten(pool.ask))) throw failure
        }
      }
    }
  const about = { endpoint, isJudged: judge !== undefined, reach }
  const agreed = {
    ...about,
    ...asking(
      endpoint,
      reaching((calls) => pool.agreed(calls, reach.floor())),
    ),
  }
  return { ...about, agreed, ...asking(endpoint, reaching(pool.ask)) }
}

/** Gathers what is asked in one turn. */
function asking(endpoint: string, askAll: AskAll): Pick<Rpc, 'ask' | 'call' | 'all'> {
  let waiting = new Map<string, PromiseWithResolvers<RpcAnswer> & { readonly call: RpcCall }>()

  function resultOf(answer: RpcAnswer, method: string): unknown {
    if (answer.isOk) return answer.result
    throw new WeftError('CHAIN_ANSWER_INVALID', { endpoint, method, detail: `${answer.refusal.message} (${answer.refusal.code})` })
  }

  function flush(): void {
    const group = [...waiting.values()]
    waiting = new Map()
    const asked = askAll(group.map(({ call }) => call))
    group.forEach(({ resolve }, index) => {
      resolve(asked.then((answers) => answers[index] as RpcAnswer))
    })
  }

  function ask(method: string, params: readonly unknown[]): Promise<RpcAnswer> {
    const key = JSON.stringify([method, params])
    const same = waiting.get(key)
    if (same !== undefined) return same.promise
    if (waiting.size === 0) queueMicrotask(flush)
    const one = { call: { method, params }, ...Promise.withResolvers<RpcAnswer>() }
    waiting.set(key, one)
    return one.promise
  }

  return {
    ask,
    call: async (method, params) => resultOf(await ask(method, params), method),
    async all(calls) {
      const answers = await askAll(calls)
      return answers.map((answer, index) => resultOf(answer, calls[index]?.method ?? ''))
    },
  }
}

/** Throws `CHAIN_WRONG` unless the endpoint serves this chain. */
export async function assertChainId(rpc: Rpc, chainId: number): Promise<void> {
  const gotChainId = Number(await rpc.call('eth_chainId', []))
  if (gotChainId !== chainId) throw new WeftError('CHAIN_WRONG', { endpoint: rpc.endpoint, expectedChainId: chainId, gotChainId })
}

/** What `parse` makes of an answer; whatever it throws becomes `CHAIN_ANSWER_INVALID`, for a node may answer anything. */
export function parseAnswer<Value>(rpc: Rpc, method: string, parse: () => Value): Value {
  try {
    return parse()
  } catch (cause) {
    const detail = (cause instanceof Error ? cause.message : String(cause)).slice(0, 200)
    throw new WeftError('CHAIN_ANSWER_INVALID', { endpoint: rpc.endpoint, method, detail }, cause)
  }
}

/** A safe non-negative integer from a node's hex. For use within `parseAnswer`. */
export function parseQuantity(text: unknown): number {
  const value = typeof text === 'string' && /^0x[0-9a-fA-F]{1,16}$/.test(text) ? safeUint(BigInt(text)) : undefined
  if (value === undefined) throw new Error(`${String(text).slice(0, 40)} is not a quantity`)
  return value
}
