import { join } from 'node:path'
import type { JsonValue } from '#domain/compute.ts'
import { isWeftError, WeftError } from '#domain/errors.ts'
import type { EpochId, ProjectId } from '#domain/ids.ts'
import { systemClock } from '#io/clock/system.ts'
import { placeInDevnet } from '#node/compute-place.ts'
import { keepManifest } from '#node/manifest-files.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { encodeManifest } from '#wire/manifest.ts'
import { setManifest } from './deploy.ts'
import { createEdits, watchFolders } from './edits.ts'
import type { Ground } from './ground.ts'
import type { DevnetEndpoints } from './registry.ts'
import type { DevnetReport } from './report.ts'

/** An epoch may be released while its manifest is on the way: then it is for the one after it. */
const ATTEMPTS_MAX = 3

/** Watches the folders of a devnet that is up. */
export async function startWatching(
  ground: Ground,
  endpoints: DevnetEndpoints,
  deps: {
    readonly report: Pick<DevnetReport, 'progress'>
    readonly signal: AbortSignal
    onPlan(from: EpochId, projects: readonly ProjectId[]): void
  },
): Promise<{ stop(): Promise<void> }> {
  const { dataDir, manifest, editions = [], cast, anchor, protocol, computes } = ground
  const { report, onPlan } = deps
  const stopping = new AbortController()
  const signal = AbortSignal.any([deps.signal, stopping.signal])
  const gateways = Object.values(endpoints.gateways)
  const place = await placeInDevnet(endpoints, { folders: [], gateways, signal })

  async function publish(next: typeof manifest.computes, projects: readonly ProjectId[]): Promise<EpochId> {
    const bytes = encodeManifest({ ...manifest, computes: next })
    keepManifest(dataDir, { cid: await snapshotCidOf(bytes), bytes })
    for (let attempt = 1; ; attempt += 1) {
      const from = (((await place.newest()) ?? 0) + 1) as EpochId
      try {
        await setManifest({ rpcUrl: anchor.rpcUrl, ownerKey: cast.owner.key, network: protocol, bytes, fromEpochId: from, signal })
        onPlan(from, projects)
        return from
      } catch (failure) {
        signal.throwIfAborted()
        if (!isWeftError(failure) || attempt === ATTEMPTS_MAX) throw failure
      }
    }
  }

  const edits = createEdits({
    computes: manifest.computes,
    editions,
    places: uniswapIn(manifest.computes),
    place,
    cache: join(ground.folder.make('computed')),
    signal,
    say: report.progress,
    publish,
  })
  const watching = watchFolders(
    computes.map(({ folder }) => folder),
    edits.edited,
    systemClock,
  )
  report.progress(`watching ${computes.map(({ folder }) => folder).join(', ')}: an edit holds from the next epoch on`)
  return {
    async stop() {
      stopping.abort(new WeftError('STOPPED', { what: 'the watch' }))
      await watching.stop()
      // The first ones are whose they were.
      await Promise.all(editions.slice(computes.length).map((set) => set.stop()))
    },
  }
}

/** What `$name` stands for in the configuration of a folder. */
const uniswapIn = (computes: Ground['manifest']['computes']): JsonValue =>
  (computes.find(({ name }) => name === 'uniswap-v2')?.config ?? {}) as JsonValue
