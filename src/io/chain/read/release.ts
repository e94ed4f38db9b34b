import { WeftError } from '#domain/errors.ts'
import type { BlockNumber, ContractNumber, EpochId } from '#domain/ids.ts'
import type { BlockRef } from '#io/chain/port.ts'
import { readBlock, readHeadHeader } from '#io/chain/rpc/block.ts'
import type { Rpc } from '#io/chain/rpc/rpc.ts'
import { type EventSources, releaseFilter } from './events.ts'
import { firstSeeing } from './first-seeing.ts'
import { readLogs } from './logs.ts'

/**
 * The block that released an epoch, of which contracts have noted the number that they saw then: of several blocks with that number it is the last one
 * with the event. Throws `CHAIN_UNREACHABLE`, `CHAIN_ANSWER_INVALID`, also where whoever answers has not the block.
 */
export async function readRelease(
  rpc: Rpc,
  sources: EventSources,
  { epochId, seen }: { readonly epochId: EpochId; readonly seen: ContractNumber },
): Promise<BlockRef> {
  const head = await readHeadHeader(rpc)
  const first = await firstSeeing(rpc, seen, head)
  const last = ((await firstSeeing(rpc, (seen + 1) as ContractNumber, head)) - 1) as BlockNumber
  const number = first < last ? await released(rpc, sources, epochId, { fromBlock: first, toBlock: last }) : first
  const block = number === undefined ? undefined : await readBlock(rpc, number)
  if (block !== undefined) return block
  const detail = `the release of epoch ${epochId} is not there`
  throw new WeftError('CHAIN_ANSWER_INVALID', { endpoint: rpc.endpoint, method: 'eth_getLogs', detail })
}

async function released(
  rpc: Rpc,
  sources: EventSources,
  epochId: EpochId,
  range: { readonly fromBlock: BlockNumber; readonly toBlock: BlockNumber },
): Promise<BlockNumber | undefined> {
  const logs = await readLogs(rpc, [releaseFilter(sources, epochId)], { ...range, isWhole: true })
  return logs.at(-1)?.blockNumber as BlockNumber | undefined
}
