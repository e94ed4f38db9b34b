import type { Report } from '#domain/events.ts'
import { systemClock } from '#io/clock/system.ts'
import { type HttpServer, serveHttp } from '#io/http/server.ts'
import { GATEWAY_LIMITS, type GatewayDeps, gatewayRoutes } from '#io/ipfs/gateway.ts'
import type { BlockReader } from '#io/ipfs/searched.ts'
import { ownNames } from './loopback.ts'

/** Serves blocks, and the contents that they make up, on the loopback, called by an address of this machine or one of `hosts`. Port 0 takes a free one. Throws `LISTEN_FAILED`. */
export function serveGateway(
  { blocks, port = 0, hosts = [] }: { readonly blocks: BlockReader; readonly port?: number; readonly hosts?: readonly string[] },
  { report = () => undefined, wait }: GatewayDeps & { readonly report?: Report } = {},
): Promise<HttpServer> {
  const routes = gatewayRoutes(blocks, { wait })
  return serveHttp(
    { listen: `127.0.0.1:${port}`, routes, pages: {}, isOwnName: ownNames(hosts), limits: GATEWAY_LIMITS },
    { nowMs: systemClock.nowMs, report },
  )
}
