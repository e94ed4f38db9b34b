import { isWeftError } from '#domain/errors.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import { createStateProver } from '#io/chain/read/state-prover.ts'
import type { Rpc } from '#io/chain/rpc/rpc.ts'
import { systemClock } from '#io/clock/system.ts'
import type { IndexReads } from '#io/database/port.ts'
import { folderPages } from '#io/http/folder.ts'
import type { Page } from '#io/http/port.ts'
import { type HttpLimits, serveHttp } from '#io/http/server.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import { createServe, type Serve } from '#roles/api/serve/serve.ts'
import { makeProof } from '#roles/consumer/proof/make.ts'
import { readApiKeys } from './api-keys.ts'
import { dashboardFolder } from './dashboard.ts'
import type { RoleHome } from './home.ts'
import { intakesOf } from './intake.ts'
import type { Market } from './market.ts'
import type { Settings } from './settings/settings.ts'
import type { Started } from './stop.ts'
import { VERSION } from './version.ts'

/** Data is for everybody, dashboards ask much at once, and streams stay open: more of everything than a sequencer lets in. */
const LIMITS: Partial<HttpLimits> = {
  connectionsMax: 4_096,
  connectionsPerAddressMax: 128,
  requestsMax: 64,
  requestsPerAddressMax: 16,
  requestsPerConnectionMax: 1_000,
  perAddress: { tokensPerSecond: 100, tokensMax: 500 },
  flowsMax: 2_000,
  flowsPerAddressMax: 64,
}
/** A proof is a handful of calls to the chain, and some files. */
const PROOF_TIMEOUT_MS = 15_000

export interface ServeParts {
  readonly settings: Pick<Settings, 'httpListen' | 'corsOrigins' | 'apiKeys' | 'sequencerHttp' | 'sequencerToken'>
  readonly home: Pick<RoleHome, 'report'>
  readonly chain: AnchorChain
  readonly rpc: Rpc
  readonly ipfs: Pick<Ipfs, 'get'>
  readonly market: Pick<Market, 'terms'>
  readonly index: IndexReads
}

/** Serves what the index holds, and the dashboard; where that cannot be built it is told and left out. Throws `SETTINGS_INVALID`, `LISTEN_FAILED`. */
export async function startServe(parts: ServeParts, started: Started): Promise<{ readonly serve: Serve; readonly url: string }> {
  const { settings, home, chain, rpc, ipfs, market, index } = parts
  const keys = readApiKeys(settings.apiKeys)
  const states = createStateProver(rpc)
  const serve = createServe({
    index,
    chain,
    ipfs,
    clock: systemClock,
    sequencers: intakesOf(settings),
    version: VERSION,
    computes: async () => computesOf(market),
    proofOf: (point) => makeProof({ ...point, signal: AbortSignal.timeout(PROOF_TIMEOUT_MS) }, { chain, states, ipfs, clock: systemClock }),
  })
  const http = await serveHttp(
    {
      listen: settings.httpListen,
      origins: settings.corsOrigins.length === 0 ? undefined : settings.corsOrigins.map((url) => new URL(url).origin),
      keys,
      routes: serve.routes,
      pages: { ...(await dashboardPages(home)), ...serve.pages },
      limits: LIMITS,
    },
    { nowMs: systemClock.nowMs, report: home.report },
  )
  started.add('HTTP server', http)
  return { serve, url: http.url }
}

/** Those that this program has no version of are not described. */
function computesOf({ terms }: Pick<Market, 'terms'>) {
  try {
    return terms.computes().computes
  } catch (failure) {
    if (isWeftError(failure, 'SETTINGS_INVALID')) return undefined
    throw failure
  }
}

async function dashboardPages({ report }: Pick<RoleHome, 'report'>): Promise<Readonly<Record<string, Page>>> {
  try {
    return folderPages(await dashboardFolder({ onBuild: () => report('dashboard_builds', {}) }))
  } catch (failure) {
    if (!isWeftError(failure)) throw failure
    report('dashboard_left_out', { detail: failure.message })
    return {}
  }
}
