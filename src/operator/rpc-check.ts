import { lateAfterSeconds, paceInWords } from '#domain/beat.ts'
import type { RpcAnswer, RpcCall } from '#io/chain/rpc/answer.ts'
import { quantity } from '#io/chain/rpc/block.ts'
import { post } from '#io/chain/rpc/post.ts'
import { parseTargets, type Target } from '#io/chain/rpc/target.ts'
import type { Clock } from '#io/clock/port.ts'
import { systemClock } from '#io/clock/system.ts'

/** What an endpoint can do, found out by asking: about two dozen requests, in a minute at most. */

/** Nothing more is asked after that. A request under way may take another fifteen seconds. */
const TIME_MAX_MS = 45_000
const RANGES = [10_000, 2_000, 1_000, 500, 100, 10, 1]
/** All logs of so many blocks: a full block of a great chain has some hundreds. */
const RESULT_BLOCKS = [1, 10, 50]
const BATCHES = [100, 50, 20, 10, 3]
/** Geth without an archive keeps the state of 128 blocks. */
const DEPTHS = [16, 120, 1_000, 10_000, 100_000, 1_000_000]
/** Nobody's contract: a filter that no log passes. */
const NOBODY = `0x${'0'.repeat(39)}1`

/** A snapshotter reads the state of an epoch's blocks while its window is open, and asks again when something fails. */
const SOURCE_DEPTH_MIN = 120
const LAG_BLOCKS_MAX = 4
/** So many blocks tell how long the chain takes for one. */
const PACE_BLOCKS = 50
/** By this machine's clock: no chain has blocks of the future. */
const AHEAD_MAX_SECONDS = 120

export interface EndpointReport {
  readonly endpoint: string
  /** What kept it from answering at all; everything below is unknown then. */
  readonly failure?: string
  readonly chainId?: number
  readonly head?: number
  /** Blocks behind the best of the endpoints of the same chain, asked at the same moment. */
  readonly lagBlocks?: number
  readonly latencyMs?: number
  /** By this machine's clock; below zero when one of the two goes wrong. */
  readonly headAgeSeconds?: number
  /** From one block to the next, on average of the last ones; absent where there is no older one. */
  readonly blockSeconds?: number
  /** Longest range of `eth_getLogs` that was served, of those tried up to 10,000; 0 when none was. */
  readonly logsRangeBlocks?: number
  /** Most results that came in one answer, and what was said when there were too many. */
  readonly logsResults?: number
  readonly logsResultsRefusal?: string
  /** Longest batch that was served, of those tried up to 100; 1 when none was. */
  readonly batchLength?: number
  /** How far back state was served, of the depths tried; 0 when not even near the head. */
  readonly stateDepthBlocks?: number
  readonly hasProof?: boolean
  /** How far below the head the chain calls blocks safe, and final; absent where the endpoint does not say. */
  readonly safeBlocksBack?: number
  readonly finalizedBlocksBack?: number
  readonly requests: number
  /** By what it is asked for: what stands in the way, nothing when it can serve. */
  readonly problems: Readonly<Record<RpcUse, readonly string[]>>
}

/** The anchor chain of whichever role, and the source chain of those that read it. */
const RPC_USES = ['anchor', 'source of epochs', 'source of a snapshotter'] as const
export type RpcUse = (typeof RPC_USES)[number]

type Found = Omit<EndpointReport, 'problems' | 'endpoint' | 'requests' | 'lagBlocks'>

/** Asks one endpoint, request by request; what it cannot answer is `undefined`. */
function createAsker(target: Target, clock: Clock) {
  const startMs = clock.nowMs()
  let requests = 0
  let nextId = 1
  async function ask(calls: readonly RpcCall[], isBare = false): Promise<readonly RpcAnswer[] | string> {
    if (clock.nowMs() - startMs > TIME_MAX_MS) return 'no time left'
    requests += 1
    const firstId = nextId
    nextId += calls.length
    const outcome = await post(target, { calls, firstId, isBare })
    if (Array.isArray(outcome)) return outcome
    const { failure } = outcome as Exclude<typeof outcome, RpcAnswer[]>
    const cause = failure.cause as { readonly message?: string; readonly cause?: { readonly code?: string } } | undefined
    return 'detail' in failure.facts ? String(failure.facts['detail']) : (cause?.cause?.code ?? cause?.message ?? failure.code)
  }
  return {
    requests: () => requests,
    ask,
    async one(method: string, ...params: readonly unknown[]): Promise<RpcAnswer | string> {
      const answers = await ask([{ method, params }], true)
      return typeof answers === 'string' ? answers : (answers[0] as RpcAnswer)
    },
  }
}
type Asker = ReturnType<typeof createAsker>

const isGood = (answer: RpcAnswer | string): boolean => typeof answer !== 'string' && answer.isOk && answer.result !== null
const resultOf = (answer: RpcAnswer | string | undefined): unknown =>
  typeof answer === 'object' && answer.isOk ? answer.result : undefined
const numberOf = (value: unknown): number | undefined =>
  typeof value === 'string' && Number.isSafeInteger(Number(value)) ? Number(value) : undefined

/** The first of `sizes`, largest first, that is served; `otherwise` when none is. */
async function largest(sizes: readonly number[], otherwise: number, isServed: (size: number) => Promise<boolean>): Promise<number> {
  for (const size of sizes) if (await isServed(size)) return size
  return otherwise
}

function logsOf({ one }: Asker, head: number) {
  const to = Math.max(0, head - 1)
  const ask = (blocks: number, filter: object) =>
    one('eth_getLogs', { ...filter, fromBlock: quantity(Math.max(0, to - blocks + 1)), toBlock: quantity(to) })
  return {
    range: () => largest(RANGES, 0, async (blocks) => isGood(await ask(blocks, { address: NOBODY }))),
    async results(): Promise<Pick<Found, 'logsResults' | 'logsResultsRefusal'>> {
      let most = 0
      for (const blocks of RESULT_BLOCKS) {
        const answer = await ask(blocks, {})
        const result = resultOf(answer)
        if (Array.isArray(result)) most = Math.max(most, result.length)
        else return { logsResults: most, logsResultsRefusal: refusalIn(answer) }
      }
      return { logsResults: most }
    },
  }
}

const refusalIn = (answer: RpcAnswer | string): string =>
  typeof answer === 'string' ? answer : answer.isOk ? 'no list of logs' : `${answer.refusal.message} (${answer.refusal.code})`

async function depthOf({ one }: Asker, head: number): Promise<number> {
  const depths = DEPTHS.filter((depth) => depth < head).toReversed()
  return largest(depths, 0, async (depth) => isGood(await one('eth_getBalance', NOBODY, quantity(head - depth))))
}

async function tagsOf({ one }: Asker, head: number): Promise<Pick<Found, 'safeBlocksBack' | 'finalizedBlocksBack'>> {
  const back = async (tag: string): Promise<number | undefined> => {
    const block = resultOf(await one('eth_getBlockByNumber', tag, false)) as { readonly number?: unknown } | null | undefined
    const number = numberOf(block?.number)
    return number === undefined ? undefined : Math.max(0, head - number)
  }
  const [safe, finalized] = [await back('safe'), await back('finalized')]
  return { ...(safe !== undefined && { safeBlocksBack: safe }), ...(finalized !== undefined && { finalizedBlocksBack: finalized }) }
}

type Header = { readonly number?: unknown; readonly timestamp?: unknown } | null | undefined

async function blockSecondsOf({ one }: Asker, head: number, timestamp: number | undefined): Promise<Pick<Found, 'blockSeconds'>> {
  const blocks = Math.min(PACE_BLOCKS, head)
  const before = resultOf(await one('eth_getBlockByNumber', quantity(head - blocks), false)) as Header
  const earlier = numberOf(before?.timestamp)
  if (blocks === 0 || timestamp === undefined || earlier === undefined) return {}
  return { blockSeconds: Math.max(0, Math.round((10 * (timestamp - earlier)) / blocks) / 10) }
}

async function explore(asker: Asker, clock: Clock): Promise<Found> {
  const startMs = clock.nowMs()
  const latest = await asker.one('eth_getBlockByNumber', 'latest', false)
  const latencyMs = clock.nowMs() - startMs
  const header = resultOf(latest) as Header
  const head = numberOf(header?.number)
  const chainId = numberOf(resultOf(await asker.one('eth_chainId')))
  if (head === undefined || chainId === undefined) return { failure: isGood(latest) ? 'no chain id, or no head' : refusalIn(latest) }
  const logs = logsOf(asker, head)
  const batches = (length: number) => asker.ask(Array.from({ length }, () => ({ method: 'eth_blockNumber', params: [] })))
  return {
    chainId,
    head,
    latencyMs,
    headAgeSeconds: Math.round(clock.nowMs() / 1_000) - (numberOf(header?.timestamp) ?? 0),
    ...(await blockSecondsOf(asker, head, numberOf(header?.timestamp))),
    logsRangeBlocks: await logs.range(),
    ...(await logs.results()),
    batchLength: await largest(BATCHES, 1, async (length) => {
      const answers = await batches(length)
      return typeof answers !== 'string' && answers.every(({ isOk }) => isOk)
    }),
    stateDepthBlocks: await depthOf(asker, head),
    hasProof: isGood(await asker.one('eth_getProof', NOBODY, [], 'latest')),
    ...(await tagsOf(asker, head)),
  }
}

/** What keeps an endpoint from being used, by use. Slow and short-ranged ones serve: they cost more requests. */
function problemsOf(found: Found, lagBlocks: number | undefined): EndpointReport['problems'] {
  const { failure, head = 0, headAgeSeconds = 0, blockSeconds, logsRangeBlocks = 0, stateDepthBlocks = 0 } = found
  if (failure !== undefined) return { anchor: [failure], 'source of epochs': [failure], 'source of a snapshotter': [failure] }
  const always = [
    ...((lagBlocks ?? 0) > LAG_BLOCKS_MAX ? [`${lagBlocks} blocks behind the others`] : []),
    ...(headAgeSeconds > lateAfterSeconds(blockSeconds)
      ? [`its newest block is ${headAgeSeconds} seconds old${paceInWords(blockSeconds)}`]
      : []),
    ...(headAgeSeconds < -AHEAD_MAX_SECONDS ? [`its newest block is ${-headAgeSeconds} seconds ahead of this machine's clock`] : []),
  ]
  const logs = logsRangeBlocks === 0 ? ['no logs by range'] : []
  const isShallow = stateDepthBlocks < SOURCE_DEPTH_MIN && stateDepthBlocks < head - SOURCE_DEPTH_MIN
  const state = isShallow ? [`state of ${stateDepthBlocks} blocks only, ${SOURCE_DEPTH_MIN} are needed`] : []
  return { anchor: [...always, ...logs], 'source of epochs': always, 'source of a snapshotter': [...always, ...logs, ...state] }
}

/** The head of each at the same moment, for the lag against the others; those that do not answer have none. */
async function headsOf(askers: readonly Asker[]): Promise<(number | undefined)[]> {
  return Promise.all(askers.map(async ({ one }) => numberOf(resultOf(await one('eth_blockNumber')))))
}

/** Checks all endpoints side by side; `texts` are as in the settings. Throws `SETTINGS_INVALID`. */
export async function checkEndpoints(texts: readonly string[], clock: Clock = systemClock): Promise<EndpointReport[]> {
  const targets = parseTargets(texts.join(','))
  const askers = targets.map((target) => createAsker(target, clock))
  const heads = await headsOf(askers)
  const founds = await Promise.all(askers.map((asker) => explore(asker, clock)))
  return targets.map(({ endpoint }, index) => {
    const found = founds[index] as Found
    const rivals = heads.filter((head, other) => head !== undefined && founds[other]?.chainId === found.chainId) as number[]
    const own = heads[index]
    const lagBlocks = own === undefined ? undefined : Math.max(...rivals, own) - own
    const lag = lagBlocks === undefined || found.failure !== undefined ? {} : { lagBlocks }
    return { endpoint, ...found, ...lag, requests: askers[index]?.requests() ?? 0, problems: problemsOf(found, lagBlocks) }
  })
}
