import { WeftError } from '#domain/errors.ts'
import { systemClock } from '#io/clock/system.ts'
import type { Clock } from '#io/clock/port.ts'
import { createBlocks } from './blocks.ts'
import { createEndpoints, type Endpoints } from './endpoints.ts'
import { createHttp, type Http } from './http.ts'
import type { Verify } from './points.ts'
import type { TrustedMarket, Verifying } from './verify.ts'

/** What a client is made with, and what is made of it. */

export interface ClientOptions {
  /** One api, or several that hold the same market: where one does not answer, or lies, the next one is asked. */
  readonly api: string | URL | readonly (string | URL)[]
  /** What is checked here: nothing; that a value is what has its CID; that the market holds it as final. Unless said, `none`. */
  readonly verify?: Verify
  /** For `proof`: the market that is meant, as its people name it. An api's word for it would prove nothing. */
  readonly market?: TrustedMarket
  /** For `proof`: JSON-RPC endpoints of the anchor chain. Nothing but the hash of a block is asked of them. */
  readonly rpc?: string | URL | readonly (string | URL)[]
  /**
   * So many must say the same. With `proof`: of the RPC endpoints, of a block's hash; more than half of them, unless said. Otherwise: of the
   * endpoints of the api, of each answer; unless said, one answers.
   */
  readonly agree?: number
  /** A key of the api, where it asks for one. */
  readonly key?: string
  /** Told of whatever another endpoint, or another connection, has made good: a lie, a silence. */
  readonly onProblem?: (problem: WeftError) => void
  /** For one answer, read to its end: 30,000 unless said. */
  readonly timeoutMs?: number
  /** Entries that a list fetches at once: 100 unless said, at most 1,000. */
  readonly pageLength?: number
  /** Unless said, the one of the platform. */
  readonly fetch?: typeof fetch
  /** For the pauses between connections of a stream. */
  readonly clock?: Clock
}

export interface ClientParts {
  readonly urls: readonly string[]
  readonly http: Http
  readonly endpoints: Endpoints
  readonly verifying: Verifying
  readonly pageLength: number
  readonly clock: Clock
  readonly random: { fraction(): number }
  readonly report: (problem: WeftError) => void
}

const TIMEOUT_MS = 30_000
/** As the api has it. */
const PAGE_LENGTH = 100
const PAGE_LENGTH_MAX = 1_000

/** Throws `CLIENT_OPTIONS_INVALID`, with all problems at once. */
export function partsOf(options: ClientOptions): ClientParts {
  const { verify = 'none', market, agree, key, timeoutMs = TIMEOUT_MS, pageLength = PAGE_LENGTH, clock = systemClock } = options
  const problems: string[] = []
  const urls = urlsOf('api', options.api, problems)
  const rpc = urlsOf('rpc', options.rpc ?? [], problems)
  const asked = verify === 'proof' ? rpc : urls
  if (!['none', 'cid', 'proof'].includes(verify)) problems.push(`verify: ${verify} is none of none, cid, proof`)
  if (urls.length === 0) problems.push('api: at least one URL')
  if (verify === 'proof' && rpc.length === 0)
    problems.push("rpc: verify 'proof' needs the endpoints of the anchor chain whose word you take")
  if (verify === 'proof' && !/^0x[0-9a-fA-F]{40}$/.test(market?.dataMarket ?? ''))
    problems.push("market: verify 'proof' needs { dataMarket }, the address of the market that you mean")
  if (agree !== undefined && !(Number.isInteger(agree) && agree >= 1 && agree <= asked.length))
    problems.push(`agree: ${agree} of the ${asked.length} endpoints cannot agree`)
  if (!(Number.isInteger(pageLength) && pageLength >= 1 && pageLength <= PAGE_LENGTH_MAX))
    problems.push(`pageLength: from 1 to ${PAGE_LENGTH_MAX}`)
  if (problems.length > 0) throw new WeftError('CLIENT_OPTIONS_INVALID', { problems })
  const report = options.onProblem ?? (() => undefined)
  // Not the function itself: a browser's does not work as another object's method.
  const ask: typeof fetch = options.fetch ?? ((...request) => fetch(...request))
  const http = createHttp({ fetch: ask, timeoutMs, key })
  return {
    urls,
    http,
    endpoints: createEndpoints({ urls, agree: verify === 'proof' ? undefined : agree }, { http, report }),
    verifying: verify === 'proof' ? provenBy(options, rpc, { http, report }) : { verify },
    pageLength,
    clock,
    random: { fraction: () => Math.random() },
    report,
  }
}

function provenBy({ agree, market }: ClientOptions, rpc: readonly string[], deps: Pick<ClientParts, 'http' | 'report'>): Verifying {
  const most = Math.floor(rpc.length / 2) + 1
  const { dataMarket = '', anchorChainId } = market ?? {}
  return {
    verify: 'proof',
    market: { dataMarket: dataMarket.toLowerCase(), anchorChainId },
    blocks: createBlocks({ urls: rpc, agree: agree ?? most }, deps),
    http: deps.http,
  }
}

function urlsOf(name: string, given: string | URL | readonly (string | URL)[], problems: string[]): string[] {
  const list = typeof given === 'string' || given instanceof URL ? [given] : given
  return list.flatMap((each) => {
    const url = String(each).replace(/\/+$/, '')
    if (/^https?:\/\/[^/?#]+[^?#]*$/.test(url)) return [url]
    problems.push(`${name}: ${url} is no address that begins with http: or https:`)
    return []
  })
}
