import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import type { ComputeSet } from '#domain/compute.ts'
import { WeftError } from '#domain/errors.ts'
import { systemClock } from '#io/clock/system.ts'
import { createSubmissionClient } from '#io/grpc/client.ts'
import { serveHttp } from '#io/http/server.ts'
import { systemRandom } from '#io/keys/random.ts'
import { openSignedFile } from '#io/keys/signed-file.ts'
import { createSnapshotter, type Snapshotter } from '#roles/snapshotter/snapshotter.ts'
import { statusRoutes } from '#roles/snapshotter/status.ts'
import { anchorChain, anchorRpc, ipfsPlace, sourceChain } from './adapters.ts'
import { holdSlots } from './hold.ts'
import type { RoleHome } from './home.ts'
import { isLoopback, ownNames } from './loopback.ts'
import { openMarket } from './market.ts'
import type { Wire } from './role.ts'
import type { Settings } from './settings/settings.ts'
import { signerOf } from './signer.ts'
import { snapshotterTerms } from './snapshotter-terms.ts'
import type { Started } from './stop.ts'
import { countedClient, countSnapshots, snapshotterVitals } from './vitals.ts'

/** `prepare` may change the computes before they run; the devnet makes a liar with it. */
export function wireSnapshotter(prepare: (computes: ComputeSet) => ComputeSet = (computes) => computes): Wire<Snapshotter> {
  return async (settings, home, started, signal) => {
    const rpc = anchorRpc(settings, home)
    const chain = await anchorChain(settings, home, { rpc, signal })
    const place = await holdSlots(settings.slots, { chain, home, started, signal })
    const signed = openSignedFile({
      folder: signedFolder(settings.signedDir),
      place,
      dataDir: resolve(home.directory),
      slotIds: settings.slots,
      nowMs: systemClock.nowMs(),
    })
    started.add('record of what is signed', signed)
    const source = await sourceChain(settings, { chain, home }, signal)
    const ipfs = await ipfsPlace(settings, home, started)
    const market = await openMarket(settings, { home, chain, clock: systemClock, ipfs: ipfs.node, signal })
    const { client, last: lastAnswer } = countedClient(createSubmissionClient({ endpoint: settings.collector }), {
      recorder: home.notes.recorder,
      nowMs: systemClock.nowMs,
    })
    started.add('gRPC client', { stop: () => client.close() })
    const signer = signerOf(settings)
    const snapshotter = createSnapshotter(
      { slotIds: settings.slots, ipfsEpochsKept: settings.ipfsEpochsKept },
      {
        chain,
        source,
        ipfs: ipfs.copies.ipfs,
        store: home.store,
        clock: systemClock,
        random: systemRandom,
        signer,
        signed,
        collector: client,
        terms: snapshotterTerms(market, prepare),
        report: home.report,
        tracer: home.tracer,
        ...countSnapshots(home.notes.recorder),
      },
    )
    const status = await startStatus(settings, home, started)
    return {
      places: { ...status, ipfs: ipfs.node.addresses(), gateway: [ipfs.gatewayUrl], ...ipfs.carPlaces },
      handle: snapshotter,
      vitals: snapshotterVitals({
        stats: snapshotter.stats,
        slotIds: settings.slots,
        lastAnswer,
        store: home.store,
        signer: signer.address,
        chain,
        isAlone: () => market.terms.rules.availability === 'required' && ipfs.isAlone(),
      }),
      run: market.beside((signal) => snapshotter.run(signal)),
    }
  }
}

/** Unless told otherwise below the home of the user: whoever else signs with the same keys is most likely the same user. */
const signedFolder = (given: string): string => (given === 'auto' ? join(homedir(), '.local', 'state', 'weft', 'signed') : given)

/** The status routes, where the operator asks for them. Throws `SETTINGS_INVALID` where other machines would reach them, `LISTEN_FAILED`. */
async function startStatus(
  { statusListen, httpHosts }: Settings,
  home: RoleHome,
  started: Started,
): Promise<{ readonly http?: readonly string[] }> {
  if (statusListen === '') return {}
  if (!isLoopback(statusListen))
    throw new WeftError('SETTINGS_INVALID', {
      problems: [`--status-listen ${statusListen} is open to other machines: it must be loopback`],
    })
  const http = await serveHttp(
    { listen: statusListen, routes: statusRoutes(home.store), pages: {}, isOwnName: ownNames(httpHosts) },
    { nowMs: systemClock.nowMs, report: home.report },
  )
  started.add('HTTP server', http)
  return { http: [http.url] }
}
