import { join, resolve } from 'node:path'
import type { ComputeEpoch, JsonValue } from '#domain/compute.ts'
import { WeftError } from '#domain/errors.ts'
import { type Cid, type EpochId, parseProjectId, type ProjectId } from '#domain/ids.ts'
import { createRpc } from '#io/chain/rpc/rpc.ts'
import { connectSourceChain } from '#io/chain/source/source.ts'
import { systemClock } from '#io/clock/system.ts'
import { parseManifest } from '#wire/manifest.ts'
import { createChainData } from './chain-data.ts'
import type { ComputesNamed } from './compute-twice.ts'
import { isShipped } from './computes.ts'
import type { SourcePlace } from './epoch-source.ts'
import { findManifest } from './manifest-files.ts'
import { readMarketList } from './market-file.ts'
import { openAnchor, type VerifyPlaces } from './verify.ts'

/** Where a builder's computes are run: with a network around them, or on a source chain alone. */
export interface ComputePlace {
  readonly named: ComputesNamed
  readonly namespace: string
  readonly epochSeconds: number
  readonly source: SourcePlace
  /** How epochs lie, where no network says it. */
  readonly form?: EpochForm
  /** Throws `SETTINGS_INVALID` for an epoch that was not released. */
  rangeOf(epochId: EpochId): Promise<ComputeEpoch>
  /** What a network made of it. Nothing where there is none, or it has not decided. */
  finalized(projectId: ProjectId, epochId: EpochId): Promise<{ readonly cid: string; readonly text: string } | undefined>
  /** First epoch in which the network has the project; without a network there is no such. */
  firstEpochId(projectId: ProjectId): Promise<EpochId | undefined>
  /** The newest that was released. */
  newest(): Promise<EpochId | undefined>
  /** Those that lie whole within source blocks, ascending. */
  epochsWithin(from: number, to: number): AsyncIterable<EpochId>
}

/** A devnet, as it is found. */
export interface DevnetPlace extends VerifyPlaces {
  readonly dataDir: string
  readonly processId: number
  readonly sourceRpcUrl: string
  readonly sourceChainId: number
  /** Folders of its compute sets. */
  readonly computes?: readonly string[]
}

/** Of a chain that may: deeper than any reorganisation that a market waits for. */
const SETTLED_BLOCKS = 64

/** Connected once, by whoever needs it first. */
function lazily(connect: () => ReturnType<typeof connectSourceChain>): SourcePlace['connect'] {
  let connecting: ReturnType<typeof connectSourceChain> | undefined
  return () => {
    connecting ??= connect()
    return connecting
  }
}

/** The market of a devnet, with the folders beside it. Throws as the anchor chain does, and `MANIFEST_UNAVAILABLE`. */
export async function placeInDevnet(
  devnet: DevnetPlace,
  {
    folders,
    gateways,
    signal,
  }: { readonly folders: readonly string[]; readonly gateways: readonly string[]; readonly signal: AbortSignal },
): Promise<ComputePlace> {
  const chain = await openAnchor(devnet)
  const [market, manifests] = await Promise.all([chain.market(), chain.manifests()])
  const cid = ((manifests.pending ?? manifests.current)?.cid ?? '') as Cid
  const bytes = await findManifest(devnet.dataDir, cid)
  if (bytes === undefined) throw new WeftError('MANIFEST_UNAVAILABLE', { cid, lookedIn: devnet.dataDir })
  const { namespace, computes } = parseManifest(bytes, cid)
  const data = createChainData(chain, { gateways, signal })
  const { sourceRpcUrl: rpcUrl, sourceChainId: chainId } = devnet
  const all = [...new Set([...folders, ...(devnet.computes ?? [])].map((folder) => resolve(folder)))]
  return {
    // Of a set that was edited whichever version lies in its folder.
    named: {
      folders: all,
      sets: computes.map((choice) => (isShipped(choice) ? choice : { name: choice.name, config: choice.config })),
      own: { places: (computes.find(({ name }) => name === 'uniswap-v2')?.config ?? {}) as JsonValue },
    },
    namespace,
    epochSeconds: market.epochSize * market.sourceBlockTimeSeconds,
    source: {
      // Two devnets have the same blocks under other hashes, at the same port too.
      name: `devnet ${devnet.dataDir} ${devnet.processId}`,
      settledBlocks: 0,
      connect: lazily(async () => {
        if (rpcUrl === '') throw new WeftError('SETTINGS_INVALID', { problems: [sourceGone(devnet.dataDir)] })
        return connectSourceChain({ rpcUrl, chainId, clock: systemClock })
      }),
    },
    async rangeOf(epochId) {
      const { end, contractNumber } = await chain.epochInfo(epochId)
      if (contractNumber === 0) throw new WeftError('SETTINGS_INVALID', { problems: [`epoch ${epochId} was not released`] })
      return { epochId, begin: end - market.epochSize + 1, end }
    },
    async finalized(projectId, epochId) {
      for await (const { status, snapshotCid: found, text } of data.points(projectId, [epochId]))
        if (status === 'finalized' && found !== undefined && text !== undefined) return { cid: found, text }
      return undefined
    },
    async firstEpochId(projectId) {
      const first = await chain.projectFirstEpochId(projectId)
      return first === 0 ? undefined : first
    },
    newest: async () => (await chain.currentEpoch()).epochId,
    async *epochsWithin(from, to) {
      const { epochId: newest } = await chain.currentEpoch()
      for (let epochId = 1; epochId <= newest; epochId += 1) {
        const { end, contractNumber } = await chain.epochInfo(epochId as EpochId)
        if (end > to) return
        if (contractNumber !== 0 && end - market.epochSize + 1 >= from) yield epochId as EpochId
      }
    },
  }
}

const sourceGone = (dataDir: string): string =>
  `the devnet of ${dataDir} has ended, and its source chain with it: computes run on one that runs, or on the chain of --rpc`

/** How epochs lie on a chain that nobody releases them of. */
export interface EpochForm {
  /** In source blocks. */
  readonly epochSize: number
  /** With which epoch 1 begins. */
  readonly firstBlock: number
  readonly blockTimeSeconds: number
  readonly namespace: string
}

/** A source chain alone. Throws `SETTINGS_INVALID`. */
export function placeOnChain(
  rpcUrl: string,
  form: EpochForm,
  { folders, market }: { readonly folders: readonly string[]; readonly market: string | undefined },
): ComputePlace {
  if (folders.length === 0 && market === undefined)
    throw new WeftError('SETTINGS_INVALID', { problems: ['--computes or --market is needed: what is to be computed'] })
  const { epochSize, firstBlock, blockTimeSeconds, namespace } = form
  parseProjectId(`type:${namespace}`)
  return {
    named: { folders: folders.map((folder) => resolve(folder)), sets: market === undefined ? [] : readMarketList(market) },
    namespace,
    form,
    epochSeconds: epochSize * blockTimeSeconds,
    source: {
      name: rpcUrl,
      settledBlocks: SETTLED_BLOCKS,
      connect: lazily(async () => {
        const chainId = Number(await createRpc({ rpcUrl, pause: systemClock }).call('eth_chainId', []))
        return connectSourceChain({ rpcUrl, chainId, clock: systemClock })
      }),
    },
    async rangeOf(epochId) {
      const begin = firstBlock + (epochId - 1) * epochSize
      return { epochId, begin, end: begin + epochSize - 1 }
    },
    finalized: async () => undefined,
    firstEpochId: async () => undefined,
    newest: async () => undefined,
    async *epochsWithin(from, to) {
      for (
        let epochId = Math.max(1, Math.ceil((from - firstBlock) / epochSize) + 1);
        firstBlock + epochId * epochSize - 1 <= to;
        epochId += 1
      )
        yield epochId as EpochId
    },
  }
}

/** Below it lies what was read and computed, unless another folder is named. */
export const CACHE_FOLDER = join('.weft', 'computes')
