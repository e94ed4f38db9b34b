import { anchored } from './anchored.ts'
import { blocksToAttested } from './attested.ts'
import { attestingRatio } from './attesting.ts'
import { blocked } from './blocked.ts'
import { diskAfterRetention } from './disk.ts'
import { type Row, row } from './rows.ts'
import { seal } from './sealed.ts'
import type { Size } from './world.ts'

const FORMS = ['json', 'dag-cbor'] as const
const ANCHORINGS = ['projects', 'roots'] as const

export interface TableOptions extends Size {
  /** Slots with which the same projects are sealed for the rows that tell how the cost grows. */
  readonly growth: readonly number[]
  /** Epochs measured for a row of CPU, of which the median counts. */
  readonly rounds: number
  /** Of the fake anchor chain, where a row counts its blocks. */
  readonly blockMs: number
}

/** The rows of the benchmark, one function for each kind. */
export async function* table({ growth, rounds, blockMs, ...size }: TableOptions): AsyncGenerator<Row> {
  yield* sealing(size, rounds)
  for (const form of FORMS) {
    const { longestMs, longestCpuMs, receiptMs } = await blocked(size, form)
    yield row(`event loop blocked while an epoch is sealed and the next comes in, ${form}`, longestMs, 'ms', 50)
    yield row(`the same by CPU of the thread, ${form}`, longestCpuMs, 'ms', 50)
    yield row(`slowest receipt of the next epoch meanwhile, for 200, ${form}`, receiptMs, 'ms')
  }
  for (const form of FORMS)
    yield row(`disk after retention, ${form}`, (await diskAfterRetention(size, form)) / 1_024, 'KiB/submission', 0.5)
  for (const slots of growth) {
    const { submissions, cpuMs } = await seal({ ...size, slots }, 'dag-cbor', rounds)
    yield row(`close to bytes, ${submissions} submissions, dag-cbor`, (1_000 * cpuMs) / submissions, 'µs/submission')
  }
  yield* onChain(size, blockMs)
}

async function* onChain(size: Size, blockMs: number): AsyncGenerator<Row> {
  const batches = Math.ceil(size.projects / 50)
  for (const anchoring of ANCHORINGS) {
    const { blocks, transactions } = await anchored(size, anchoring, blockMs)
    yield row(`close to ${batches} batches anchored, by ${anchoring}, fake chain`, blocks, 'blocks', 3)
    yield row(`calls for them, by ${anchoring}`, transactions, 'transactions', anchoring === 'roots' ? 2 : undefined)
  }
  for (const form of FORMS)
    yield row(`attesting without network, disk and threads, ${form}`, await attestingRatio(size, form), '× recoveries', 1.5)
  for (const anchoring of ANCHORINGS) {
    const blocks = await blocksToAttested(size, anchoring, blockMs)
    yield row(`${batches} batches attested after the last announced, by ${anchoring}, fake chain`, blocks, 'blocks', 3)
  }
}

async function* sealing(size: Size, rounds: number): AsyncGenerator<Row> {
  let floorMs = 0
  for (const form of FORMS) {
    const sealed = await seal(size, form, rounds)
    // The JSON comes first: what its bytes take to hash is what any form of this epoch is measured by once more.
    if (form === 'json') floorMs = sealed.sha256Ms
    yield row(`close to bytes and roots, ${form}, CPU`, sealed.cpuMs, 'ms')
    yield row(
      `close to bytes and roots, ${form}, beside sha256 of its bytes`,
      sealed.cpuMs / sealed.sha256Ms,
      '× sha256',
      form === 'json' ? 25 : 10,
    )
    const name = `close to bytes and roots, ${form}, beside sha256 of its bytes and the trees`
    // What nobody can do without: two hashes of a tree for each submission, however small the file is.
    yield row(name, sealed.cpuMs / (sealed.sha256Ms + sealed.treesMs), '× both', form === 'json' ? undefined : 10)
    if (form !== 'json') yield row(`close to bytes and roots, ${form}, beside sha256 of the JSON`, sealed.cpuMs / floorMs, '× sha256')
    yield row(`of it the trees of submission ids alone, ${form}`, sealed.treesMs / sealed.sha256Ms, '× sha256')
    yield row(`batch file, ${form}`, sealed.bytes / sealed.submissions, 'bytes/submission', form === 'json' ? undefined : 100)
  }
}
