import { isWeftError } from '#domain/errors.ts'
import type { Cid, EpochId, ProjectId } from '#domain/ids.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import { createGatewayReader } from '#io/ipfs/gateway-reader.ts'
import { isUnreadable, SNAPSHOT_BYTES_MAX } from '#life/keep.ts'
import { whyAbsent } from '#roles/consumer/absent.ts'
import { FETCH_TIMEOUT_MS, type ReadFile } from '#roles/consumer/find-batch.ts'
import { openToBatches, reportedOf } from '#roles/consumer/reported.ts'
import { type AskedPoint, epochsBefore, meantPoint, projectsOfEach } from './data-point.ts'
import type { Data, EpochRow, PointRow } from './data.ts'
import { BLOCK_TIMEOUT_MS, readFileFrom } from './verify.ts'

interface ChainDataOptions {
  readonly gateways: readonly string[]
  readonly signal: AbortSignal
  /** As `meantPoint` has it. */
  readonly onLookBack?: (from: EpochId) => void
}

/** What a market holds, from chain and IPFS alone: as `./weft verify` reads it, without counting votes. */
export function createChainData(chain: AnchorChain, { gateways, signal, onLookBack }: ChainDataOptions): Data {
  const readFile = readFileFrom(gateways, signal)
  const ipfs = createGatewayReader({ urls: gateways, timeoutMs: BLOCK_TIMEOUT_MS })

  async function textOf(cid: Cid): Promise<{ readonly text: string } | { readonly why: string }> {
    try {
      const bytes = await ipfs.get(cid, { bytesMax: SNAPSHOT_BYTES_MAX, timeoutMs: FETCH_TIMEOUT_MS, signal })
      return { text: new TextDecoder().decode(bytes) }
    } catch (failure) {
      if (!isUnreadable(failure)) throw failure
      return { why: isWeftError(failure, 'IPFS_NOT_FOUND') ? 'nobody serves its bytes' : failure.message }
    }
  }

  async function point(projectId: ProjectId, epochId: EpochId): Promise<PointRow> {
    const reported = await reportedOf({ projectId, epochId }, chain, readFile)
    const { status, snapshotCid } = reported
    if (status === undefined || status === 'absent')
      return { projectId, epochId, status: 'absent', why: await whyAbsent({ projectId, epochId }, reported, chain) }
    return { projectId, epochId, status, snapshotCid, ...(await textOf(snapshotCid)) }
  }

  return {
    meant: (asked: AskedPoint) => meantPoint(asked, chain, readFile, onLookBack),
    async *points(projectId, epochIds) {
      for (const epochId of epochIds) yield await point(projectId, epochId)
    },
    async projects(search) {
      const newest = await newestWithProjects(chain, readFile)
      const wanted = search.toLowerCase()
      return newest.filter((projectId) => projectId.toLowerCase().includes(wanted)).sort()
    },
    async epochs(count) {
      const { epochId: newest } = await chain.currentEpoch()
      const epochIds = epochsBefore(newest).slice(0, count)
      // Before the batches, so that one which came meanwhile is not missed in an epoch that is called ended.
      const open = await openToBatches(epochIds, chain)
      return Promise.all(epochIds.map((epochId) => epochRow(epochId, open.includes(epochId), chain)))
    },
  }
}

/** Those of the newest ended epoch that has any, or else of the newest that has: who is asked for all that ever were is an index. */
async function newestWithProjects(chain: AnchorChain, readFile: ReadFile): Promise<readonly ProjectId[]> {
  const { epochId: newest } = await chain.currentEpoch()
  for await (const projects of projectsOfEach(epochsBefore(newest), chain, readFile)) return projects
  return []
}

async function epochRow(epochId: EpochId, isOpen: boolean, chain: AnchorChain): Promise<EpochRow> {
  const [{ timestamp, end, contractNumber }, batchCids] = await Promise.all([chain.epochInfo(epochId), chain.batchCids(epochId)])
  const batches = await Promise.all([...new Set(batchCids)].map((batchCid) => chain.batch(epochId, batchCid)))
  const isFinal = batches.every((batch) => batch?.isFinalized === true)
  const decided = isFinal ? 'finalized' : batches.some((batch) => batch?.isRefused === true) ? 'disputed' : 'pending'
  return {
    epochId,
    end,
    releasedAt: timestamp,
    status: contractNumber === 0 ? 'skipped' : isOpen ? 'open' : batches.length === 0 ? 'empty' : decided,
    batches: batches.length,
  }
}
