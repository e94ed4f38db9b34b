import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { uniswapV2 } from 'weft/computes/uniswap-v2'
import type { BlockNumber, ContractNumber } from '#domain/ids.ts'
import type { BlockRef } from '#io/chain/port.ts'
import { connectSourceChain } from '#io/chain/source/source.ts'
import { systemClock } from '#io/clock/system.ts'
import { systemRandom } from '#io/keys/random.ts'
import { openComputeFolder } from '#node/compute-folder.ts'
import { compute } from '#roles/snapshotter/compute.ts'
import { createInputs, type EpochDeps } from '#roles/snapshotter/epoch-run.ts'
import type { SourceReads } from '#roles/snapshotter/fork.ts'
import { planProjects } from '#roles/snapshotter/plan.ts'
import { bulkReserves } from './bulk/compute.ts'
import { cpuMs } from '../seal/rows.ts'
import { naiveSource } from './naive.ts'
import { CHAIN_ID, configOf, EPOCH, startNode } from './node.ts'

/** Longer than anything here: it is measured how far one gets, and a snapshotter ends what takes more than half a minute. */
const TIMEOUT_MS = 300_000

export interface Measured {
  readonly snapshots: number
  /** Of all bytes. */
  readonly sha256: string
  readonly ms: number
  readonly cpuMs: number
  readonly posts: number
  readonly calls: number
}

/** All base snapshots of one epoch, from the block above it to bytes of a fork that is still there. Without proofs of what the endpoint says. */
export async function measure(options: {
  readonly pairs: number
  readonly awayMs: number
  readonly isNaive?: boolean
  readonly isBulk?: boolean
  /** In an isolate, as a set of a folder. */
  readonly isIsolated?: boolean
}): Promise<Measured> {
  const node = await startNode(options.pairs, options.awayMs)
  try {
    const connected = await connectSourceChain({ rpcUrl: node.url, chainId: CHAIN_ID, clock: systemClock })
    const source: SourceReads = options.isNaive ? naiveSource(node.url) : connected
    await node.asked()
    const began = performance.now()
    let bytes: readonly Uint8Array[] = []
    const spentMs = await cpuMs(async () => {
      bytes = await snapshots(source, options)
    })
    const ms = performance.now() - began
    const sha256 = createHash('sha256').update(Buffer.concat(bytes)).digest('hex')
    return { snapshots: bytes.length, sha256, ms, cpuMs: spentMs, ...(await node.asked()) }
  } finally {
    node.stop()
  }
}

async function snapshots(
  source: SourceReads,
  { pairs, isBulk = false, isIsolated = false }: { readonly pairs: number; readonly isBulk?: boolean; readonly isIsolated?: boolean },
): Promise<readonly Uint8Array[]> {
  const config = configOf(pairs)
  const folder = isIsolated ? openComputeFolder(join(import.meta.dirname, 'bulk')) : undefined
  const computes = folder?.create({ pairs: config.pairs }) ?? (isBulk ? bulkReserves(config.pairs) : uniswapV2.create(config))
  const { signal } = new AbortController()
  const watch = { head: undefined, news: undefined }
  const used = { source, watch, clock: systemClock, random: systemRandom, report: () => undefined, computeTimeoutMs: TIMEOUT_MS }
  const makeInputs = createInputs(used as unknown as EpochDeps)
  const above = (await source.block((EPOCH.end + 1) as BlockNumber)) as BlockRef
  const snapshotOf = () => Promise.reject(new Error('no aggregates here'))
  const inputs = makeInputs({
    epoch: EPOCH,
    above,
    release: { number: 1 as BlockNumber, contractNumber: 1 as ContractNumber },
    computes,
    signal,
    snapshotOf,
  })
  const projects = planProjects(computes, 'BENCH').filter(({ kind }) => kind === 'snapshot')
  const bytes = await Promise.all(
    projects.map(async (project) => {
      const computed = await compute(project, inputs)
      if (!computed.ok) throw new Error(`${project.projectId}: ${computed.detail}`)
      if (!(await inputs.fork.isSteady())) throw new Error('the fork is gone')
      return computed.bytes
    }),
  )
  await folder?.stop()
  return bytes
}
