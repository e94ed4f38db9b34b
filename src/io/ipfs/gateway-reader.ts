import { createGateways, type GatewaysDeps, type GatewaysOptions } from './gateways.ts'
import type { Ipfs } from './port.ts'

/**
 * Reads content block by block from gateways that it does not trust. Wrong bytes of one do not hurt when another has the right
 * ones; `IPFS_CONTENT_WRONG` when only wrong ones came, `IPFS_CONTENT_TOO_LARGE` for a right block larger than any that is taken. `timeoutMs` is for one request, `get`'s own for the whole.
 */
export function createGatewayReader(options: GatewaysOptions, deps?: GatewaysDeps): Pick<Ipfs, 'get'> {
  const gateways = createGateways(options, deps)
  return {
    async get(cid, limits) {
      const { parseCid, readContent, wait, withDeadline } = await import('./unixfs.ts')
      const root = parseCid(cid)
      return withDeadline(cid, { timeoutMs: limits.timeoutMs, signal: limits.signal, wait }, (until) =>
        readContent(root, { bytesMax: limits.bytesMax, signal: until }, gateways.fetch),
      )
    },
  }
}
