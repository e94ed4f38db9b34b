import { WeftError } from '#domain/errors.ts'
import type { BlockNumber } from '#domain/ids.ts'
import type { BlockRef } from '#io/chain/port.ts'
import { isMatch } from '#io/chain/proof/filter.ts'
import type { Proofs } from '#io/chain/proof/proofs.ts'
import type { RpcAnswer } from '#io/chain/rpc/answer.ts'
import { quantity, readBlock, readBlocks, readHead } from '#io/chain/rpc/block.ts'
import { kindOfRefusal } from '#io/chain/rpc/refusals.ts'
import type { Rpc } from '#io/chain/rpc/rpc.ts'
import { eventsOf, logFilters, parseLogs } from './events.ts'
import type { EventSources, RawLog } from './events.ts'
import type { BlockSource, BlockWithEvents } from './follow.ts'

/** Blocks per log query while far behind; halved when it fails. What an endpoint takes in one go is the endpoint's own affair. */
const RANGE_BLOCKS_MAX = 1_000
/**
 * So close to the head logs are asked for by block hash. By range, a node that lags behind the one that named the head answers with no
 * logs at all for blocks it does not have yet, and says nothing; by hash it must say that it does not know the block.
 */
const NEAR_HEAD_BLOCKS = 16

/** Whether an answer says that whoever gave it has not that block yet. */
function isAbsent(answer: RpcAnswer): boolean {
  return answer.isOk ? answer.result === null : kindOfRefusal(answer.refusal, 'eth_getLogs') === 'absent'
}

/**
 * The blocks of a chain with the events of one market. Of what was asked for, the blocks up to the first that is missing are handed out: an
 * endpoint may be many nodes, of which one lags. Throws `CHAIN_UNREACHABLE`, `CHAIN_ANSWER_INVALID`.
 */
export function createBlockSource(rpc: Rpc, sources: EventSources, proofs?: Pick<Proofs, 'excludes'>): BlockSource {
  const filters = logFilters(sources)
  let rangeBlocks = RANGE_BLOCKS_MAX
  const askLogs = (place: Readonly<Record<string, string>>): Promise<RpcAnswer[]> =>
    Promise.all(filters.map((filter) => rpc.ask('eth_getLogs', [{ ...filter, ...place }])))

  /** The logs of a block; where answers are judged, with the header that they are held against. Of most blocks the header says by itself that there are none. */
  async function askBlock({ hash }: BlockRef) {
    if (proofs?.excludes(hash, filters) === true) return { logs: [], isMissing: false }
    const header = rpc.isJudged === true ? [rpc.ask('eth_getBlockByHash', [hash, false])] : []
    const [logs, headers] = await Promise.all([askLogs({ blockHash: hash }), Promise.all(header)])
    return { logs, isMissing: [...logs, ...headers].some(isAbsent) }
  }

  /** The logs that were asked for: a node may answer with more. */
  function logsIn(answers: readonly RpcAnswer[]): RawLog[] {
    return answers.flatMap((answer, index) => {
      if (answer.isOk) return parseLogs(rpc, answer.result).filter((log) => isMatch(filters[index] ?? {}, log))
      const detail = `${answer.refusal.message} (${answer.refusal.code})`
      throw new WeftError('CHAIN_ANSWER_INVALID', { endpoint: rpc.endpoint, method: 'eth_getLogs', detail })
    })
  }

  async function readRange(from: BlockNumber, to: BlockNumber): Promise<BlockWithEvents[]> {
    // In one turn, so that one node answers both.
    const [blocks, answers] = await Promise.all([readBlocks(rpc, from, to), askLogs({ fromBlock: quantity(from), toBlock: quantity(to) })])
    const byNumber = Map.groupBy(logsIn(answers), ({ blockNumber }) => blockNumber)
    return blocks.map((block) => ({ block, events: eventsOf(block, byNumber.get(block.number) ?? [], sources) }))
  }

  async function readNearHead(from: BlockNumber, head: BlockRef): Promise<BlockWithEvents[]> {
    const blocks = from === head.number ? [head] : await readBlocks(rpc, from, head.number)
    const answers = await Promise.all(blocks.map(askBlock))
    const missing = answers.findIndex(({ isMissing }) => isMissing)
    return blocks
      .slice(0, missing < 0 ? blocks.length : missing)
      .map((block, index) => ({ block, events: eventsOf(block, logsIn(answers[index]?.logs ?? []), sources) }))
  }

  return {
    head: () => readHead(rpc),
    block: (number) => readBlock(rpc, number),
    async read(from, head) {
      const far = head.number - NEAR_HEAD_BLOCKS
      if (from > far) return readNearHead(from, head)
      try {
        const blocks = await readRange(from, Math.min(far, from + rangeBlocks - 1) as BlockNumber)
        rangeBlocks = Math.min(RANGE_BLOCKS_MAX, rangeBlocks * 2)
        return blocks
      } catch (failure) {
        rangeBlocks = Math.max(1, Math.floor(rangeBlocks / 2))
        throw failure
      }
    },
  }
}
