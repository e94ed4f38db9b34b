import type { Misbehaviour as Trouble } from '#io/chain/rpc/health.ts'
import { isLie } from '#io/chain/rpc/judge.ts'
import { answersForked } from './forked.ts'
import { answersBehind } from './lagging.ts'
import { type Answer, type Behaviour, type Call, type Exchange, honest, type Reply } from './proxy.ts'
import { BATCH_LIMITS, RANGE_LIMITS, RATE_LIMITS, RESULT_LIMITS, REVERTS, type Wording } from './wordings.ts'

/** What endpoints were seen to do, by name. */
export interface Misbehaviour {
  readonly behaviour: Behaviour
  /** Whether a role that has no other endpoint is owed whole epochs all the same. */
  readonly isBearable: boolean
  /** The words under which an endpoint that does so may be named; none where there is nothing wrong with it. */
  readonly named: readonly Trouble[]
}

const ofRandom = <Value>(values: readonly Value[], { random }: Exchange): Value =>
  values[Math.floor(random.fraction() * values.length)] as Value

/** Answers of the node, changed one by one. */
const changed =
  (change: (call: Call, answer: Answer, exchange: Exchange) => Answer): Behaviour =>
  async (exchange) => {
    const answers = await exchange.ask(exchange.calls)
    return { body: exchange.written(answers.map((answer, index) => change(exchange.calls[index] as Call, answer, exchange))) }
  }
/** Answers of the node where `refuse` has nothing to say. */
const refusing = (refuse: (call: Call, answer: Answer) => readonly Wording[] | undefined): Behaviour =>
  changed((call, answer, exchange) => {
    const wordings = refuse(call, answer)
    return wordings === undefined ? answer : { id: call.id, error: ofRandom(wordings, exchange) }
  })
const always =
  (reply: Reply): Behaviour =>
  async () =>
    reply
/** The same for so large a share of the requests; the others are answered. */
const sometimes =
  (share: number, otherwise: Behaviour): Behaviour =>
  (exchange) =>
    (exchange.random.fraction() < share ? otherwise : honest)(exchange)
/** The same for the first requests, then all is well. */
const atFirst =
  (requests: number, otherwise: Behaviour): Behaviour =>
  (exchange) =>
    (exchange.count < requests ? otherwise : honest)(exchange)
const behind =
  (blocks: (exchange: Exchange) => number): Behaviour =>
  async (exchange) => ({ body: exchange.written(await answersBehind(exchange, blocks(exchange))) })
const redirecting =
  (status: number): Behaviour =>
  async ({ nodeUrl }) => ({ status, headers: { location: nodeUrl } })

const logsOf = ({ method }: Call, { result }: Answer): Record<string, unknown>[] | undefined =>
  method === 'eth_getLogs' && Array.isArray(result) ? result : undefined
const withLogs = (change: (logs: Record<string, unknown>[], exchange: Exchange) => unknown[]): Behaviour =>
  changed((call, answer, exchange) => {
    const logs = logsOf(call, answer)
    return logs === undefined ? answer : { ...answer, result: change(logs, exchange) }
  })
/** Blocks in the range of a query for logs; 1 for one by hash. */
function rangeOf({ params }: Call): number {
  const { fromBlock, toBlock } = params[0] as { readonly fromBlock?: string; readonly toBlock?: string }
  return fromBlock === undefined ? 1 : Number(toBlock) - Number(fromBlock) + 1
}

/** Of one that lags without being the worse for it. */
export const LAG_BLOCKS = 2
const RANGE_MAX = 4
const RESULTS_MAX = 2
const BATCH_MAX = 3
const FAR_BLOCKS = 100_000
const farther = (number: unknown): string => `0x${(Number(number) + FAR_BLOCKS).toString(16)}`

/** As geth does: one refusal for the whole list. */
const limitingBatches: Behaviour = async (exchange) => {
  if (exchange.calls.length <= BATCH_MAX) return honest(exchange)
  return { body: JSON.stringify([{ id: null, error: ofRandom(BATCH_LIMITS, exchange) }]) }
}
const busyInWords: Behaviour = async (exchange) => ({
  body: exchange.written(exchange.calls.map(({ id }) => ({ id, error: ofRandom(RATE_LIMITS, exchange) }))),
})
const withoutBaseFee = changed(({ method }, answer) => {
  if (method !== 'eth_getBlockByNumber' || answer.result === null) return answer
  // `latest` only: whoever hashes headers anew needs all of an older one.
  return { ...answer, result: { ...(answer.result as object), baseFeePerGas: null } }
})
const ahead = changed(({ method, params }, answer) => {
  if (method === 'eth_blockNumber') return { ...answer, result: farther(answer.result) }
  if (method !== 'eth_getBlockByNumber' || params[0] !== 'latest') return answer
  const block = answer.result as { readonly number: string }
  return { ...answer, result: { ...block, number: farther(block.number) } }
})

const ENDS_AFTER_MS = 2_000

const bearable = (behaviour: Behaviour, ...named: Trouble[]): Misbehaviour => ({ behaviour, isBearable: true, named })
const unbearable = (behaviour: Behaviour, ...named: Trouble[]): Misbehaviour => ({ behaviour, isBearable: false, named })

export const MISBEHAVIOURS = {
  lag: bearable(
    behind(() => LAG_BLOCKS),
    'lagging',
    'incomplete',
  ),
  far_lag: unbearable(
    behind(() => 12),
    'lagging',
    'incomplete',
  ),
  rotation: bearable(
    behind(({ random }) => (random.fraction() < 1 / 3 ? LAG_BLOCKS : 0)),
    'lagging',
    'incomplete',
  ),
  limited_range: bearable(
    refusing((call) => (call.method === 'eth_getLogs' && rangeOf(call) > RANGE_MAX ? RANGE_LIMITS : undefined)),
    'limits_range',
  ),
  limited_results: bearable(
    refusing((call, answer) => ((logsOf(call, answer)?.length ?? 0) > RESULTS_MAX && rangeOf(call) > 1 ? RESULT_LIMITS : undefined)),
    'limits_results',
  ),
  limited_batches: bearable(limitingBatches, 'limits_batch'),
  single_calls: bearable(
    async (exchange) => (exchange.isList ? { body: JSON.stringify({ id: null, error: BATCH_LIMITS[0] }) } : honest(exchange)),
    'limits_batch',
  ),
  no_base_fee: bearable(withoutBaseFee, 'forges'),
  reverts_in_other_words: bearable(
    changed((_, answer, exchange) => {
      const { code, data } = answer.error ?? {}
      return code === 3 ? { id: answer.id, error: { ...ofRandom(REVERTS, exchange), data } } : answer
    }),
  ),
  redirect_301: bearable(redirecting(301), 'redirects'),
  redirect_302: bearable(redirecting(302), 'redirects'),
  redirect_307: bearable(redirecting(307), 'redirects'),
  busy: bearable(sometimes(0.3, always({ status: 429, headers: { 'retry-after': '1' }, body: 'slow down' })), 'busy'),
  busy_in_words: bearable(sometimes(0.3, busyInWords), 'busy'),
  error_500_at_first: bearable(atFirst(2, always({ status: 500, body: 'starting' })), 'busy'),
  error_504: bearable(sometimes(0.3, always({ status: 504, body: '<html>gateway time-out</html>' })), 'busy'),
  half_failing: bearable(
    (exchange) => sometimes(0.5, always(exchange.random.fraction() < 0.5 ? { status: 500 } : { how: 'reset' }))(exchange),
    'busy',
    'unreachable',
  ),
  cut_off: bearable(
    sometimes(0.3, async (exchange) => ({ ...(await honest(exchange)), how: 'cut' })),
    'unreachable',
  ),
  slow: bearable(async (exchange) => ({ ...(await honest(exchange)), delayMs: Math.floor(exchange.random.fraction() * 400) }), 'slow'),
  hanging_at_first: bearable(atFirst(2, always({ how: 'reset', delayMs: ENDS_AFTER_MS })), 'slow', 'unreachable'),
  hanging: unbearable(always({ how: 'reset', delayMs: 60_000 }), 'slow', 'unreachable'),
  always_500: unbearable(always({ status: 500, body: 'broken' }), 'busy'),
  nulls: unbearable(
    changed(({ id, method }, answer) => (method === 'eth_call' ? { id, result: null } : answer)),
    'incomplete',
  ),
  no_bytes: unbearable(
    changed(({ id, method }, answer) => (method === 'eth_call' ? { id, result: '0x' } : answer)),
    'incomplete',
    'contradicts',
  ),
  no_json: unbearable(always({ body: '<html>welcome</html>' }), 'invalid'),
  wrong_chain: unbearable(
    changed(({ method }, answer) => (method === 'eth_chainId' ? { ...answer, result: '0x539' } : answer)),
    'wrong_chain',
  ),
  far_ahead: unbearable(ahead, 'invents', 'forges'),
  // What only proofs find out.
  no_logs: unbearable(
    withLogs(() => []),
    'omits',
  ),
  some_logs: unbearable(
    withLogs((logs, { random }) => logs.filter(() => random.fraction() < 0.5)),
    'omits',
  ),
  invented_logs: unbearable(
    withLogs((logs) => logs.flatMap((log) => [log, { ...log, logIndex: farther(log['logIndex']) }])),
    'invents',
  ),
  // Nothing is wrong with a fork, so far as it can be seen on it: others have other blocks.
  forked: unbearable(async (exchange) => ({ body: exchange.written(await answersForked(exchange)) }), 'incomplete', 'other_forks'),
} as const satisfies Readonly<Record<string, Misbehaviour>>
export type MisbehaviourName = keyof typeof MISBEHAVIOURS
export const NAMES = Object.keys(MISBEHAVIOURS) as MisbehaviourName[]

/** What nobody can see who has only one endpoint, and asks it nothing twice. */
const BESIDE_OTHERS: readonly Trouble[] = ['lagging', 'incomplete', 'slow', 'other_forks']
/** What is told of where it makes a difference, and may make none: a lag that others have too (docs/ENDPOINTS.md). */
const MAY_PASS: readonly MisbehaviourName[] = ['lag', 'rotation']
/** Whether somebody is to be told of it. */
export function isToBeNamed(name: MisbehaviourName, how: 'alone' | 'beside'): boolean {
  if (MAY_PASS.includes(name)) return false
  const named: readonly Trouble[] = MISBEHAVIOURS[name].named
  return named.some((word) => how === 'beside' || !BESIDE_OTHERS.includes(word))
}
/** Whether it is one that is asked nothing for long once it is found out. */
export const isLying = (name: MisbehaviourName): boolean => MISBEHAVIOURS[name].named.some(isLie)

/** Whether an endpoint that does so may be told of under that word. */
export const mayBeCalled = (name: MisbehaviourName, word: string): boolean =>
  (MISBEHAVIOURS[name].named as readonly string[]).includes(word)
