import { dirname } from 'node:path'
import { isWeftError, toldOf, WeftError } from '#domain/errors.ts'
import type { Cid, EpochId } from '#domain/ids.ts'
import type { MarketRules } from '#domain/market-rules.ts'
import type { AnchorChain, ManifestRef, MarketState } from '#io/chain/port.ts'
import { untilAborted } from '#domain/until-aborted.ts'
import type { Clock } from '#io/clock/port.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import { systemRandom } from '#io/keys/random.ts'
import { live } from '#life/live.ts'
import { persist } from '#life/persist.ts'
import type { RuleBook } from '#life/rules.ts'
import { isSamePlan, type PlannedSet, setsInWords } from '#roles/snapshotter/plan.ts'
import { isSnapshotCid } from '#wire/cid.ts'
import { type Manifest, MANIFEST_BYTES_MAX, parseManifest, rulesOf } from '#wire/manifest.ts'
import { COMPUTE_SETS, type MarketComputes, openComputes, plannedSetOf } from './computes.ts'
import type { RoleHome } from './home.ts'
import { findManifest, keepManifest, manifestFrom, toldFolder } from './manifest-files.ts'
import { openManifestMemory } from './manifest-memory.ts'
import type { Settings } from './settings/settings.ts'

/** What a market asks for in an epoch. */
export interface MarketTerms {
  readonly rules: MarketRules
  /** Which computes make its projects: the manifest's, or the operator's where there is none. Throws `SETTINGS_INVALID` for what cannot be had. */
  computes(): MarketComputes
}

export interface Market {
  /** Those of the next epoch, as far as it was known at start. */
  readonly terms: MarketTerms
  /**
   * What applies to a released epoch, as the chain says. Throws failures of the chain, `MANIFEST_UNAVAILABLE` while nobody has brought the
   * manifest, `MANIFEST_INVALID`, `MARKET_CONTRADICTED`, and `SETTINGS_INVALID` where there is no manifest and no flags in its place.
   */
  termsAt(epochId: EpochId): Promise<MarketTerms>
  /** As a role is told. */
  readonly rules: RuleBook
  /** Looks for manifests that are announced, and fetches them before their epochs come. Resolves when the signal aborts. */
  watch(signal: AbortSignal): Promise<void>
  /** Runs a role, and `watch` beside it; whichever fails ends both. */
  beside(run: (signal: AbortSignal) => Promise<void>): (signal: AbortSignal) => Promise<void>
}

export interface MarketDeps {
  readonly home: Pick<RoleHome, 'directory' | 'report'>
  readonly chain: AnchorChain
  readonly clock: Clock
  readonly ipfs: Pick<Ipfs, 'add' | 'get'>
  /** Ends the search that the start waits for. */
  readonly signal?: AbortSignal
}

/** A published manifest is announced well ahead, so this need not be soon; but epochs may be of a second, and sixty of them are what owners are given. */
const LOOK_EVERY_MS = 15_000
/** While one that is named is not there, or nobody said which is: epochs may wait for it, and whoever has it may come any time. */
const LOOK_AGAIN_MS = 5_000
/** For peers that are connected: they have it or they have not. */
const FETCH_TIMEOUT_MS = 20_000
/** Manifests kept in memory; a market changes its rules once in a while. */
const KNOWN_MAX = 16

/** Where a rule comes from when the market has no manifest and nobody says otherwise. The deployed sequencer follows these (spec/06 §3, §5, §11). */
export const DEPLOYED_RULES = {
  windowUnit: 'seconds',
  deadlineBufferMaxBlocks: 1_000,
  tally: { minVotes: 0, minShareBp: 0 },
  voting: 'open',
  anchoring: 'projects',
  projectsPerBatch: 50,
  // A full node of the largest market known votes on a few hundred projects.
  projectsPerSlotMax: 1_000,
  availability: 'none',
  completeness: 'none',
  batchForm: 'json',
  batchTree: 'either',
} as const satisfies Partial<MarketRules>

type Flags = Pick<Settings, 'network' | 'manifest'> &
  Partial<Pick<Settings, 'namespace' | 'windowUnit' | 'projectsPerBatch' | 'market' | 'computes'>>

/** What flags say in place of a manifest; the problems when they do not say enough. */
function termsOfFlags({
  namespace,
  windowUnit = DEPLOYED_RULES.windowUnit,
  projectsPerBatch = DEPLOYED_RULES.projectsPerBatch,
  market,
}: Flags): MarketTerms | undefined {
  if (namespace === undefined) return undefined
  const computes = (): MarketComputes => {
    if (market !== undefined) return market
    throw new WeftError('SETTINGS_INVALID', { problems: ['--market (WEFT_MARKET) is needed: the market has no manifest'] })
  }
  return { rules: { ...DEPLOYED_RULES, namespace, windowUnit: windowUnit as MarketRules['windowUnit'], projectsPerBatch }, computes }
}

/** What the manifest says otherwise than the contract, and the flags otherwise than the manifest: where each is set. */
function contradictionsOf(
  manifest: Manifest,
  cid: string,
  { contract, flags }: { readonly contract: MarketState; readonly flags: Flags },
): string[] {
  const problems: string[] = []
  const compare = (name: string, asked: unknown, place: string, other: unknown): void => {
    if (other !== undefined && asked !== other) problems.push(`${name}: the manifest ${cid} says ${asked}, ${place} ${other}`)
  }
  compare('sourceChainId', manifest.sourceChainId, "the market's contract", contract.sourceChainId)
  compare('epochSize', manifest.epochSize, "the market's contract", contract.epochSize)
  compare('namespace', manifest.namespace, '--namespace (WEFT_NAMESPACE)', flags.namespace)
  compare('window.unit', manifest.window.unit, '--window-unit (WEFT_WINDOW_UNIT)', flags.windowUnit)
  compare(
    'batch.projectsPerBatch',
    manifest.batch.projectsPerBatch,
    '--projects-per-batch (WEFT_PROJECTS_PER_BATCH)',
    flags.projectsPerBatch,
  )
  const asked = setsOf(manifest, flags)
  if (flags.market !== undefined && !isSamePlan(flags.market.sets, asked)) {
    const [told, given] = [asked, flags.market.sets].map(setsInWords)
    problems.push(`computes: the manifest ${cid} says ${told}, --market (WEFT_MARKET) ${given}`)
  }
  return problems
}

/** Those that this program has, shipped or in a folder that was given. */
const knownSets = ({ computes = [] }: Flags) => [...COMPUTE_SETS, ...computes]
const setsOf = ({ computes }: Manifest, flags: Flags): PlannedSet[] => computes.map((each) => plannedSetOf(each, knownSets(flags)))

/** Manifests by CID: from memory, from disk, from the peers of the IPFS node, whoever has bytes that hash to it. */
function createLibrary({ home, ipfs }: MarketDeps, place: { readonly contract: MarketState; readonly flags: Flags }) {
  const known = new Map<string, MarketTerms>()
  const { flags, contract } = place
  const folders = [home.directory, ...(flags.network === '' ? [] : [dirname(flags.network)])]

  /** Its bytes, or where they are not, in words. */
  async function onDisk(cid: Cid): Promise<Uint8Array | string> {
    for (const folder of folders) {
      const found = await findManifest(folder, cid)
      if (found !== undefined) return found
    }
    const told = folders.map((folder) => toldFolder(folder, cid))
    if (flags.manifest === '') return told.join(', ')
    const given = await manifestFrom(flags.manifest, cid, contract)
    return typeof given === 'string' ? [...told, given].join(', ') : given
  }

  async function take(cid: Cid, bytes: Uint8Array): Promise<MarketTerms> {
    const manifest = parseManifest(bytes, cid)
    const problems = contradictionsOf(manifest, cid, place)
    if (problems.length > 0) throw new WeftError('MARKET_CONTRADICTED', { problems })
    const computes = () => openComputes([...manifest.computes], knownSets(flags))
    const terms = { rules: rulesOf(manifest), computes }
    for (const oldest of known.keys()) if (known.size >= KNOWN_MAX) known.delete(oldest)
    known.set(cid, terms)
    // For the next start, and for peers that have it not.
    keepManifest(home.directory, { cid, bytes })
    await ipfs.add(bytes)
    return terms
  }

  return {
    /** Does not wait for the network. Throws `MANIFEST_UNAVAILABLE`, and as `take`. */
    async find(cid: string): Promise<MarketTerms> {
      const terms = known.get(cid)
      if (terms !== undefined) return terms
      if (!isSnapshotCid(cid))
        throw new WeftError('MANIFEST_INVALID', {
          manifest: cid.slice(0, 128),
          problems: ['the chain names no CID of the form that manifests have: version 1, sha2-256, base32 in small letters'],
        })
      const found = await onDisk(cid)
      if (typeof found !== 'string') return take(cid, found)
      throw new WeftError('MANIFEST_UNAVAILABLE', { cid, lookedIn: found })
    },
    /** As `find`, and asks the peers of the IPFS node as well. */
    async fetch(cid: string, signal: AbortSignal | undefined, onSearch?: (failure: WeftError) => void): Promise<MarketTerms> {
      try {
        return await this.find(cid)
      } catch (failure) {
        if (!isWeftError(failure, 'MANIFEST_UNAVAILABLE')) throw failure
        onSearch?.(failure)
        const bytes = await ipfs
          .get(cid as Cid, { bytesMax: MANIFEST_BYTES_MAX, timeoutMs: FETCH_TIMEOUT_MS, ...(signal && { signal }) })
          .catch((cause: unknown) => {
            if (isWeftError(cause, 'IPFS_NOT_FOUND')) throw failure
            throw cause
          })
        return take(cid as Cid, bytes)
      }
    },
  }
}

type Library = ReturnType<typeof createLibrary>

/** Looks out for manifests that are announced, and for those that an epoch waits for, until it has them. */
function createLookout({ chain, clock, home }: MarketDeps, library: Library) {
  /** Of epochs that are released; what is announced is asked for anew each time, for it may be replaced. */
  const awaited = new Map<string, ManifestRef>()
  const told = new Set<string>()
  /** Between two looks. */
  let resting = new AbortController()

  async function bring(ref: ManifestRef, signal: AbortSignal): Promise<void> {
    const { cid, fromEpochId } = ref
    try {
      await library.fetch(cid, signal)
      awaited.delete(cid)
      if (!told.has(cid)) home.report('manifest_known', { cid, fromEpochId })
      told.add(cid)
    } catch (failure) {
      if (signal.aborted || !isWeftError(failure) || failure.kind === 'bug') throw failure
      home.report('manifest_unknown', { ...toldOf(failure), cid, fromEpochId })
    }
  }

  return {
    /** It is looked for at once. */
    wait(ref: ManifestRef): void {
      if (!awaited.has(ref.cid)) resting.abort()
      awaited.set(ref.cid, ref)
    },
    async watch(signal: AbortSignal): Promise<void> {
      /** By CID. One that nobody has takes its time; what is announced in its place must not wait for that. */
      const underWay = new Map<string, Promise<void>>()
      const failed = Promise.withResolvers<never>()
      failed.promise.catch(() => undefined)
      try {
        for (;;) {
          resting = new AbortController()
          // When the chain does not answer, its turn comes again.
          const named = await chain.manifests().catch(unlessTransient)
          const refs = [...awaited.values(), named?.current, named?.pending].filter((ref) => ref !== undefined)
          for (const ref of refs) {
            if (underWay.has(ref.cid)) continue
            const bringing = bring(ref, signal).finally(() => underWay.delete(ref.cid))
            underWay.set(ref.cid, bringing)
            bringing.catch(failed.reject)
          }
          const isAllThere = named !== undefined && refs.every(({ cid }) => told.has(cid))
          const rested = clock.sleep(isAllThere ? LOOK_EVERY_MS : LOOK_AGAIN_MS, AbortSignal.any([signal, resting.signal]))
          await Promise.race([rested.catch(() => signal.throwIfAborted()), failed.promise])
        }
      } catch (failure) {
        if (!signal.aborted) throw failure
      } finally {
        await Promise.allSettled(underWay.values())
      }
    },
  }
}

function unlessTransient(failure: unknown): undefined {
  if (!isWeftError(failure) || failure.kind !== 'transient') throw failure
}

/**
 * What the market asks for, from the chain and the manifest that it names; by flags where it names none. Throws when role, manifest and
 * contract do not say the same, once the chain has answered: `MARKET_CONTRADICTED`, `SETTINGS_INVALID`; `MANIFEST_DENIED` when the chain names none though it did; and as `Market.termsAt`.
 */
export async function openMarket(flags: Flags, deps: MarketDeps): Promise<Market> {
  const { chain, home } = deps
  const signal = deps.signal ?? new AbortController().signal
  const read = () => untilAborted(Promise.all([chain.market(), chain.manifests(), chain.currentEpoch()]), signal)
  const patient = { clock: deps.clock, random: systemRandom, report: home.report }
  const [contract, { current, pending }, { epochId }] = await persist({ doing: 'read_market', attempt: read, signal }, patient)
  const library = createLibrary(deps, { contract, flags })
  const lookout = createLookout(deps, library)
  const ofFlags = termsOfFlags(flags)
  const memory = openManifestMemory(deps.home.directory, chain)
  if (current !== undefined && epochId > 0) memory.note(current)

  function withoutManifest(asked: EpochId): MarketTerms {
    memory.assertNone(asked)
    if (ofFlags !== undefined) return ofFlags
    throw new WeftError('SETTINGS_INVALID', { problems: ['--namespace (WEFT_NAMESPACE) is needed: the market has no manifest'] })
  }

  async function termsAt(asked: EpochId): Promise<MarketTerms> {
    const ref = await chain.manifestAt(asked)
    if (ref === undefined) return withoutManifest(asked)
    memory.note(ref)
    try {
      return await library.find(ref.cid)
    } catch (failure) {
      if (isWeftError(failure, 'MANIFEST_UNAVAILABLE')) lookout.wait(ref)
      throw failure
    }
  }

  const next = pending !== undefined && pending.fromEpochId <= epochId + 1 ? pending : current
  const terms =
    next === undefined
      ? withoutManifest(epochId)
      : await library.fetch(next.cid, deps.signal, ({ facts }) =>
          home.report('manifest_sought', { ...facts, fromEpochId: next.fromEpochId }),
        )
  return {
    terms,
    termsAt,
    rules: { present: terms.rules, rulesAt: async (asked) => (await termsAt(asked)).rules },
    watch: lookout.watch,
    beside: (run) => (signal) =>
      live(signal, ({ spawn, signal: ending }) => {
        void spawn(lookout.watch(ending))
        void spawn(run(ending))
      }),
  }
}
