import type { CID } from 'multiformats/cid'
import { isWeftError, WeftError } from '#domain/errors.ts'
import { bytesWithin } from '#wire/body.ts'
import { BLOCK_BYTES_MAX, type Ipfs } from './port.ts'

/** Reads from trustless gateways (https://specs.ipfs.tech/http-gateways/trustless-gateway/). Runs in a browser too. */

/** The media type by which gateways and their readers mean the bytes of one block. */
export const RAW_BLOCK = 'application/vnd.ipld.raw'

/**
 * Reads content block by block from gateways that it does not trust. Wrong bytes of one do not hurt when another has the right
 * ones; `IPFS_CONTENT_WRONG` when only wrong ones came. `timeoutMs` is for one request, `get`'s own for the whole.
 */
export function createGatewayReader(options: { readonly urls: readonly string[]; readonly timeoutMs: number }): Pick<Ipfs, 'get'> {
  return {
    async get(cid, limits) {
      const { checkBlock, parseCid, readContent, wait, withDeadline } = await import('./unixfs.ts')
      const root = parseCid(cid)
      return withDeadline(cid, { timeoutMs: limits.timeoutMs, signal: limits.signal, wait }, (until) =>
        readContent(root, { bytesMax: limits.bytesMax, signal: until }, (block, signal) =>
          fetchFromAny(block, { ...options, signal, check: checkBlock }),
        ),
      )
    },
  }
}

interface Sources {
  readonly urls: readonly string[]
  readonly timeoutMs: number
  readonly signal: AbortSignal
  readonly check: (cid: CID, block: Uint8Array) => Promise<void>
}

async function fetchFromAny(cid: CID, sources: Sources): Promise<Uint8Array> {
  let wrong: unknown
  let unreachable: unknown
  for (const url of sources.urls) {
    try {
      const block = await fetchBlock(url, cid, AbortSignal.any([sources.signal, AbortSignal.timeout(sources.timeoutMs)]))
      if (block === undefined) continue
      await sources.check(cid, block)
      return block
    } catch (failure) {
      sources.signal.throwIfAborted()
      if (isWeftError(failure, 'IPFS_CONTENT_WRONG')) wrong = failure
      else unreachable = failure
    }
  }
  throw wrong ?? new WeftError('IPFS_NOT_FOUND', { cid: cid.toString(), waitedMs: sources.timeoutMs }, unreachable)
}

/** `undefined` when the gateway says that it has no such block, or anything but 200. */
async function fetchBlock(url: string, cid: CID, signal: AbortSignal): Promise<Uint8Array | undefined> {
  const response = await fetch(`${url.replace(/\/+$/, '')}/ipfs/${cid.toString()}?format=raw`, {
    headers: { accept: RAW_BLOCK },
    redirect: 'error',
    signal,
  })
  if (response.status !== 200) {
    await response.body?.cancel()
    return undefined
  }
  const block = await bytesWithin(BLOCK_BYTES_MAX, response.body)
  if (block === undefined) throw new WeftError('IPFS_CONTENT_WRONG', { cid: cid.toString(), got: `more than ${BLOCK_BYTES_MAX} bytes` })
  return block
}
