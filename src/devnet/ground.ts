import { aaveV3 } from 'weft/computes/aave-v3'
import { uniswapV2 } from 'weft/computes/uniswap-v2'
import type { JsonValue } from '#domain/compute.ts'
import type { WeftError } from '#domain/errors.ts'
import type { MarketRules } from '#domain/market-rules.ts'
import { systemClock } from '#io/clock/system.ts'
import type { FolderSet } from '#node/compute-folder.ts'
import { keepManifest } from '#node/manifest-files.ts'
import { NETWORK_FILE, type Network, writeNetwork } from '#node/network.ts'
import type { Started } from '#node/stop.ts'
import type { ManifestWish } from '#operator/market-plan.ts'
import type { Manifest } from '#wire/manifest.ts'
import { type DevAccount, devAccount } from './accounts.ts'
import { type Anvil, startAnvil } from './anvil.ts'
import { deployProtocol, fundAccounts } from './deploy.ts'
import { type DevnetFolder, takeFolder } from './folder.ts'
import { ownChoices } from '#node/own-computes.ts'
import { CHAIN_STATE } from './registry.ts'
import type { DevnetReport } from './report.ts'
import { deployAave, devnetReserves } from './source-chain/aave.ts'
import { deployUniswap } from './source-chain/deploy.ts'
import { seedLending } from './source-chain/lending.ts'
import { startTrader } from './source-chain/trader.ts'

export interface GroundOptions {
  /** Empty, or the folder of an earlier devnet, which is replaced. */
  readonly dataDir: string
  /** Nobody needs it when the devnet has ended: the chain's state is not kept. */
  readonly isTemporary: boolean
  /** Of the trades on the source chain. */
  readonly seed: number
  readonly slots: number
  readonly liars: number
  readonly anchoring: MarketRules['anchoring']
  /** Compute sets of folders, which run beside those that the devnet has. */
  readonly computes?: readonly FolderSet[]
  /** Whether what is edited there takes effect. */
  readonly watch?: boolean
  /** In anchor blocks, instead of the devnet's own. */
  readonly windows?: typeof WINDOWS
  /** In source blocks, instead of the devnet's own. */
  readonly epochSize?: number
}

/** What a role is told to read a chain from, instead of the chain's own URL: for tests that put something between. */
export type RpcFor = (role: string, chain: 'anchor' | 'source', rpcUrl: string) => string

/** The chain ids of the networks that the devnet stands for: Powerloom mainnet and Ethereum. */
const ANCHOR_CHAIN_ID = 7_869
const SOURCE_CHAIN_ID = 1
const NAMESPACE = 'devnet-UNISWAPV2-ETH'
const BLOCK_TIME_SECONDS = 1
/**
 * Timing, in blocks of one second. An epoch is released every 6 s; its window is open for 5 blocks, enough for a slow machine. Three
 * blocks later it is final.
 */
export const EPOCH_SIZE = 6
export const WINDOWS = { snapshotBlocks: 5, batchBlocks: 30, attestationBlocks: 60 }
/** Small enough that an epoch has two batches, the second continuing the first one's tree. */
const PROJECTS_PER_BATCH = 25n
/** The honest ones, by the names of their folders; each works for its share of the slots. */
export const SNAPSHOTTERS = ['snapshotter', 'snapshotter-2'] as const
const VALIDATORS = 3
const ATTESTATIONS_MIN = 2

/** The accounts of a devnet, by what they do. */
export interface Cast {
  readonly owner: DevAccount
  readonly epochManager: DevAccount
  readonly sequencer: DevAccount
  readonly validators: readonly DevAccount[]
  readonly honest: DevAccount
  readonly liar: DevAccount
}

/** What the roles find when they start. */
export interface Ground {
  readonly dataDir: string
  readonly folder: DevnetFolder
  readonly anchor: Anvil
  readonly source: Anvil
  readonly protocol: Network
  readonly cast: Cast
  /** What the market asks for. */
  readonly manifest: Manifest
  /** Which of its compute sets lie in folders. */
  readonly computes: readonly FolderSet[]
  /** All editions of them that there were, where the folders are watched; it grows. */
  readonly editions?: FolderSet[] | undefined
  readonly sourceChainId: number
  /** Of each honest snapshotter: one alone would agree with itself about anything, `Math.random()` too. */
  readonly honestSeats: readonly (readonly number[])[]
  readonly lyingSlots: readonly number[]
}

function castOf(): Cast {
  return {
    owner: devAccount('owner'),
    epochManager: devAccount('epoch manager'),
    sequencer: devAccount('sequencer'),
    validators: Array.from({ length: VALIDATORS }, (_, index) => devAccount(`validator ${index + 1}`)),
    honest: devAccount('honest snapshotter'),
    liar: devAccount('lying snapshotter'),
  }
}

/** Chains, contracts, pairs, loans and trades, in an empty folder. Throws as `takeFolder` and `startChains` do. */
export async function layGround(
  {
    dataDir,
    isTemporary,
    seed,
    slots,
    liars,
    anchoring,
    computes = [],
    watch = false,
    windows = WINDOWS,
    epochSize = EPOCH_SIZE,
  }: GroundOptions,
  report: DevnetReport,
  started: Started,
  onBegun: () => void,
): Promise<Ground> {
  const folder = takeFolder(dataDir, { isTemporary })
  // Until now nothing was anybody's to stop.
  onBegun()
  started.add('data directory', folder)
  folder.make('logs')
  // Where its snapshotters write down what they sign.
  folder.make('signed')
  report.progress('starting the anchor chain and the source chain …')
  const [anchor, source] = await startChains(started, isTemporary ? [] : ['--dump-state', folder.file(CHAIN_STATE)])
  report.progress('deploying the protocol state contracts, Uniswap V2 and Aave V3 …')
  const cast = castOf()
  const slotIds = Array.from({ length: slots }, (_, index) => index + 1)
  const honestSlots = slotIds.slice(0, slots - liars)
  const { market, tokens } = await deployUniswap({ rpcUrl: source.rpcUrl })
  const lending = await deployAave({ rpcUrl: source.rpcUrl, reserves: devnetReserves(tokens) })
  await seedLending(source.rpcUrl, lending)
  const shipped = [
    { name: uniswapV2.name, version: uniswapV2.version, config: market as unknown as JsonValue },
    { name: aaveV3.name, version: aaveV3.version, config: lending.market as unknown as JsonValue },
  ]
  const own = ownChoices(computes, shipped, market as unknown as JsonValue)
  const { manifest: set, ...protocol } = await deployProtocol({
    rpcUrl: anchor.rpcUrl,
    deployerKey: cast.owner.key,
    market: {
      epochSize,
      sourceChainId: SOURCE_CHAIN_ID,
      sourceBlockTimeSeconds: BLOCK_TIME_SECONDS,
      attestationsMin: ATTESTATIONS_MIN,
      rootOnlyBatches: anchoring === 'roots',
    },
    windows,
    slots: slotIds.map((slotId) => (honestSlots.includes(slotId) ? cast.honest : cast.liar).address),
    sequencers: [cast.sequencer.address],
    validators: cast.validators.map(({ address }) => address),
    epochManager: cast.epochManager.address,
    manifest: {
      namespace: NAMESPACE,
      completeness: 'required',
      batch: { projectsPerBatch: PROJECTS_PER_BATCH, anchoring },
      computes: [...shipped, ...own] as unknown as JsonValue,
    },
  })
  // Where `weft deploy` puts it, and where roles that get the network file look.
  folder.make('manifests')
  const wish = set as ManifestWish
  keepManifest(dataDir, wish)
  await fundAccounts(
    anchor.rpcUrl,
    [cast.epochManager, cast.sequencer, ...cast.validators].map(({ address }) => address),
  )
  // Operators' commands find the contracts as those of a real network: `./weft market show --data-dir …`.
  writeNetwork(folder.file(NETWORK_FILE), protocol)
  const onTrouble = (failure: WeftError): void => report.progress(`the trader goes on after: ${failure.message}`)
  const trader = await startTrader(
    { rpcUrl: source.rpcUrl, market, lending, seed, blockTimeMs: BLOCK_TIME_SECONDS * 1_000 },
    { clock: systemClock, onTrouble },
  )
  started.add('trader', trader)
  return {
    dataDir,
    folder,
    anchor,
    source,
    protocol,
    cast,
    manifest: wish.manifest,
    computes,
    ...(watch && { editions: [...computes] }),
    sourceChainId: SOURCE_CHAIN_ID,
    honestSeats: SNAPSHOTTERS.map((_, seat) => honestSlots.filter((_slot, index) => index % SNAPSHOTTERS.length === seat)),
    lyingSlots: slotIds.slice(honestSlots.length),
  }
}

/** Both chains. When one does not start, the other is stopped with everything else. Throws `CHILD_PROCESS_FAILED`. */
async function startChains(started: Started, anchorFlags: readonly string[]): Promise<[Anvil, Anvil]> {
  const chains = [
    startAnvil({ chainId: ANCHOR_CHAIN_ID, blockTimeSeconds: BLOCK_TIME_SECONDS, flags: anchorFlags }),
    startAnvil({ chainId: SOURCE_CHAIN_ID }),
  ] as const
  for (const outcome of await Promise.allSettled(chains)) if (outcome.status === 'fulfilled') started.add('anvil', outcome.value)
  return Promise.all(chains)
}
