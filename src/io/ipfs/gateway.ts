import { isUtf8 } from 'node:buffer'
import type { CID } from 'multiformats/cid'
import { isWeftError, WeftError } from '#domain/errors.ts'
import { Answer, type Asking, type HttpRoute } from '#io/http/port.ts'
import { encodeCar } from './car.ts'
import { dagJsonOf } from './dag-json.ts'
import { RAW_BLOCK } from './gateways.ts'
import { type BlockReader, searchedBlocks } from './searched.ts'
import { type BlockSource, DAG_CBOR, parseCid, readContent, type Wait, wait as realWait, withDeadline } from './unixfs.ts'

/**
 * What an IPFS gateway answers (https://specs.ipfs.tech/http-gateways/): content that is here or at connected peers, to be read by anybody and
 * changed by nobody, nothing listed. Its readers trust nobody and check for themselves all the same.
 */

/** Of a whole content, the largest snapshot. What is larger is read block by block. */
const CONTENT_BYTES_MAX = 16 * 1024 * 1024
/** For all of an answer. Connected peers answer within tens of milliseconds; who asks again goes on from what has come until then. */
const ANSWER_TIMEOUT_MS = 4_000

/** White space around JSON is a line end. */
const EDGE_BYTES = 16

/** Readers fetch eight blocks at a time, many after each other. */
export const GATEWAY_LIMITS = {
  requestsMax: 64,
  requestsPerAddressMax: 32,
  requestsPerConnectionMax: 1_000,
  perAddress: { tokensPerSecond: 500, tokensMax: 2_000 },
  /** On the loopback all readers have one address. */
  untaken: { bytesMax: 256 * 1024 * 1024, bytesPerCallerMax: 256 * 1024 * 1024 },
  /** `/ipfs/`, a CID and a format. */
  urlLengthMax: 512,
}

const TYPES = {
  raw: RAW_BLOCK,
  car: 'application/vnd.ipld.car',
  'dag-json': 'application/vnd.ipld.dag-json',
} as const
type Format = keyof typeof TYPES

export interface GatewayDeps {
  readonly wait?: Wait | undefined
}

/** One route, to be served with `GATEWAY_LIMITS`. */
export function gatewayRoutes(blocks: BlockReader, { wait = realWait }: GatewayDeps = {}): readonly HttpRoute[] {
  const searched = searchedBlocks(blocks)
  return [
    {
      method: 'GET',
      path: '/ipfs/{cid}',
      async answer({ cid, format: asked }, asking) {
        const root = parseCid(String(cid))
        const format = formatOf(asked, asking)
        const source: BlockSource = async (block, signal) => {
          await asking.breathe()
          return searched.read(block, asking.caller, signal)
        }
        return answerOf(root, format, { source, search: (read) => inTime(root, wait, read) })
      },
    },
  ]
}

/** The query counts before the header, as others do it. Throws `REQUEST_INVALID`. */
function formatOf(asked: unknown, asking: Asking): Format | undefined {
  const formats = Object.keys(TYPES) as Format[]
  const accept = asking.header('accept') ?? ''
  const format = asked === undefined ? formats.find((name) => accept.includes(TYPES[name])) : formats.find((name) => name === asked)
  if (asked === undefined || format !== undefined) return format
  throw new WeftError('REQUEST_INVALID', {
    problems: [`format: ${String(asked).slice(0, 80)} is none of ${formats.join(', ')}; without it the content comes`],
  })
}

interface Reading {
  readonly source: BlockSource
  search<Value>(read: (signal: AbortSignal) => Promise<Value>): Promise<Value>
}

async function answerOf(root: CID, format: Format | undefined, { source, search }: Reading): Promise<Answer> {
  const limits = (signal: AbortSignal) => ({ bytesMax: CONTENT_BYTES_MAX, signal })
  switch (format) {
    case 'raw':
      return answerWith(root, { format, bytes: await search((signal) => source(root, signal)) })
    case 'car': {
      const blocks = new Map<string, { readonly cid: CID; readonly bytes: Uint8Array }>()
      await search((signal) =>
        readContent(root, limits(signal), async (cid, until) => {
          const bytes = await source(cid, until)
          blocks.set(cid.toString(), { cid, bytes })
          return bytes
        }),
      )
      return answerWith(root, { format, bytes: encodeCar(root, [...blocks.values()]) })
    }
    case 'dag-json':
      if (root.code !== DAG_CBOR)
        throw new WeftError('REQUEST_INVALID', { problems: ['format: dag-json is of dag-cbor, and this is a file'] })
      return answerWith(root, {
        format,
        bytes: Buffer.from(dagJsonOf(root, await search((signal) => readContent(root, limits(signal), source)))),
      })
    default:
      return answerWith(root, { format, bytes: await search((signal) => readContent(root, limits(signal), source)) })
  }
}

/** Whoever waited in vain is told so in the words of a gateway. */
async function inTime<Value>(root: CID, wait: Wait, read: (signal: AbortSignal) => Promise<Value>): Promise<Value> {
  try {
    return await withDeadline(root.toString(), { timeoutMs: ANSWER_TIMEOUT_MS, wait }, read)
  } catch (failure) {
    if (!isWeftError(failure, 'IPFS_NOT_FOUND')) throw failure
    // What is no failure of ours is not what was waited for.
    if (failure.cause !== undefined) throw failure.cause
    throw new WeftError('CONTENT_NOT_SERVED', { cid: root.toString(), waitedMs: ANSWER_TIMEOUT_MS })
  }
}

function answerWith(root: CID, { format, bytes }: { readonly format: Format | undefined; readonly bytes: Uint8Array }): Answer {
  const cid = root.toString()
  const type = format === undefined ? contentType(root, bytes) : TYPES[format]
  const name = format === undefined ? cid : `${cid}.${format}`
  return new Answer({
    type,
    etag: `"${name}"`,
    keeping: 'immutable',
    headers: {
      vary: 'accept, accept-encoding',
      'x-ipfs-path': `/ipfs/${cid}`,
      // What is no JSON may be a page of somebody's: it is saved, not shown as one of ours.
      ...(!type.endsWith('json') && { 'content-disposition': `attachment; filename="${cid}.${format === 'car' ? 'car' : 'bin'}"` }),
    },
    body: { bytes },
  })
}

/** By how it begins and ends: to parse it would take time, and who reads it does so. */
function contentType(root: CID, bytes: Uint8Array): string {
  if (root.code === DAG_CBOR) return 'application/vnd.ipld.dag-cbor'
  const [head, tail] = [bytes.subarray(0, EDGE_BYTES), bytes.subarray(-EDGE_BYTES)].map((edge) => new TextDecoder().decode(edge).trim())
  const isJson = /^[{[]/.test(head ?? '') && /[}\]]$/.test(tail ?? '') && isUtf8(bytes)
  return isJson ? 'application/json' : 'application/octet-stream'
}
