import type { CID } from 'multiformats/cid'
import { WeftError } from '#domain/errors.ts'
import type { Cid } from '#domain/ids.ts'
import type { Secret } from '#domain/secret.ts'
import { ask, jsonOf, type Question, unexpected } from './ask.ts'
import { createGatewayReader } from './gateway-reader.ts'
import type { PlaceAdapter } from './place.ts'
import { type Wait, wait as realWait } from './unixfs.ts'

/** Ten requests with their origins and words. */
const ANSWER_BYTES_MAX = 262_144
/** As many of one name and content as a crash at the worst moments could leave behind. */
const REQUESTS_MAX = 10
const REQUEST_ID_LENGTH_MAX = 512
/** A service that has the content says so at once; one that still fetches it is not hurried. */
const POLL_MS = { first: 250, last: 4_000 }
/** One gateway, one block. For the whole the signal decides. */
const GATEWAY_TIMEOUT_MS = 10_000
const READ_TIMEOUT_MS = 60_000
/** The specification takes no more than 20. */
const ORIGINS_MAX = 20

export interface PinningServiceOptions {
  /** Where `/pins` is below. */
  readonly url: string
  /** Sent as bearer to that URL and nowhere else. */
  readonly token?: Secret<string> | undefined
  /** Gateways at which what it has is read back. */
  readonly gateways: readonly string[]
  /** What the requests are called there: who shares an account with others must not remove theirs. */
  readonly label: string
}

export interface PinningServiceDeps {
  /** Multiaddrs of the node that holds the content. */
  readonly origins: () => readonly string[]
  readonly wait?: Wait
}

/**
 * A service that speaks the IPFS Pinning Service API (https://ipfs.github.io/pinning-services-api-spec/). It is told who has the content and
 * fetches it from there; it is read back at gateways, for the API itself gives no bytes.
 */
export function pinningService(options: PinningServiceOptions, { origins, wait = realWait }: PinningServiceDeps): PlaceAdapter {
  const name = `service:${new URL(options.url).host}`
  const gateways = createGatewayReader({ urls: options.gateways, timeoutMs: GATEWAY_TIMEOUT_MS })
  const failed = (detail: string) => new WeftError('PLACE_FAILED', { place: name, detail })

  function call(method: Question['method'], path: string, signal: AbortSignal, body?: object) {
    const headers = {
      ...(options.token && { authorization: `Bearer ${options.token.reveal()}` }),
      ...(body && { 'content-type': 'application/json' }),
    }
    const question = { place: name, url: `${options.url.replace(/\/+$/, '')}${path}`, method, headers, bytesMax: ANSWER_BYTES_MAX }
    return ask({ ...question, ...(body && { body: JSON.stringify(body) }) }, signal)
  }

  /** What the service knows of the content under our label, whatever became of it. */
  async function requestsOf(root: CID, signal: AbortSignal): Promise<readonly Request[]> {
    const query = { cid: root.toString(), name: options.label, status: 'queued,pinning,pinned,failed', limit: String(REQUESTS_MAX) }
    const list = jsonOf(name, await call('GET', `/pins?${new URLSearchParams(query)}`, signal)) as { readonly results?: unknown } | null
    if (!Array.isArray(list?.results)) throw failed('no list of requests')
    return list.results.slice(0, REQUESTS_MAX).map((each) => requestIn(each, root, failed))
  }

  async function request(root: CID, signal: AbortSignal): Promise<Request> {
    const body = { cid: root.toString(), name: options.label, origins: origins().slice(0, ORIGINS_MAX) }
    return requestIn(jsonOf(name, await call('POST', '/pins', signal, body)), root, failed)
  }

  return {
    name,
    async put({ root }, signal) {
      const known = (await requestsOf(root, signal)).find(({ status }) => status !== 'failed')
      let current = known ?? (await request(root, signal))
      for (let pauseMs = POLL_MS.first; current.status !== 'pinned'; pauseMs = Math.min(pauseMs * 2, POLL_MS.last)) {
        if (current.status === 'failed') throw failed('the service could not get the content')
        await wait(pauseMs, signal)
        current = requestIn(jsonOf(name, await call('GET', pathOf(current), signal)), root, failed)
      }
    },
    read: (root, { bytesMax, signal }) => gateways.get(root.toString() as Cid, { bytesMax, signal, timeoutMs: READ_TIMEOUT_MS }),
    async remove(root, signal) {
      for (const each of await requestsOf(root, signal)) {
        const answer = await call('DELETE', pathOf(each), signal)
        // 404: somebody else was faster.
        if (answer.status !== 404 && (answer.status < 200 || answer.status > 299)) throw unexpected(name, answer)
      }
    },
  }
}

interface Request {
  readonly id: string
  readonly status: 'queued' | 'pinning' | 'pinned' | 'failed'
}

const STATUSES: readonly unknown[] = ['queued', 'pinning', 'pinned', 'failed'] satisfies Request['status'][]
const pathOf = ({ id }: Request): string => `/pins/${encodeURIComponent(id)}`

/** Throws `PLACE_FAILED` for what is no `PinStatus`, `IPFS_CONTENT_WRONG` for one of other content. */
function requestIn(answer: unknown, root: CID, failed: (detail: string) => WeftError): Request {
  const { requestid, status, pin } = (answer ?? {}) as Readonly<Record<string, unknown>>
  const cid = (pin as { readonly cid?: unknown } | null | undefined)?.cid
  if (cid !== root.toString()) throw new WeftError('IPFS_CONTENT_WRONG', { cid: root.toString(), got: String(cid).slice(0, 80) })
  // Two dots would be another path.
  const isId = typeof requestid === 'string' && requestid.length <= REQUEST_ID_LENGTH_MAX && !/^\.{0,2}$/.test(requestid)
  if (!isId || !STATUSES.includes(status)) throw failed('no status of a request')
  return { id: requestid, status: status as Request['status'] }
}
