import { median, type Row, row } from '../seal/rows.ts'
import { measure } from './epoch.ts'
import { measureIdle } from './idle.ts'
import { measureMemory } from './memory.ts'
import { LOOKING, measureWindow } from './window.ts'

export interface TableOptions {
  /** Markets of so many pairs, the largest last: it is the one that has targets. */
  readonly pairs: readonly number[]
  readonly awayMs: number
  /** Of a project in bulk mode. */
  readonly bulkPairs?: number
}

/** An epoch of markets that have one a minute. */
const EPOCH_MS = 60_000

/** What all base snapshots of an epoch of ten blocks cost, and what they would with a request for each value. */
export async function* table({ pairs, awayMs, bulkPairs }: TableOptions): AsyncGenerator<Row> {
  // Once before: code that runs for the first time is not what is measured.
  await measure({ pairs: Math.min(...pairs), awayMs: 0 })
  for (const count of pairs) {
    const isLargest = count === pairs.at(-1)
    const done = await measure({ pairs: count, awayMs })
    const name = `${count} pairs, ${awayMs} ms away`
    yield row(`base snapshots of an epoch, ${name}`, done.ms, 'ms', isLargest ? 2_000 : undefined)
    yield row(`of it CPU, ${name}`, done.cpuMs, 'ms', isLargest ? 500 : undefined)
    yield row(`requests, ${name}`, done.posts, 'posts', isLargest ? 60 : undefined)
    yield row(`calls in them, ${name}`, done.calls, 'calls')
    if (!isLargest) continue
    const naive = await measure({ pairs: count, awayMs, isNaive: true })
    yield row(`requests beside one for each value, ${name}`, done.posts / naive.posts, '× naive')
    yield row(`time beside one for each value, ${name}`, done.ms / naive.ms, '× naive')
    yield row(`CPU beside one for each value, ${name}`, done.cpuMs / naive.cpuMs, '× naive')
  }
  if (bulkPairs === undefined) return
  for (const isIsolated of [false, true]) {
    const done = await measure({ pairs: bulkPairs, awayMs, isBulk: true, isIsolated })
    const name = `${bulkPairs} pairs in bulk${isIsolated ? ' by the set of a folder' : ''}, ${awayMs} ms away`
    yield row(`snapshots of an epoch, ${name}`, done.ms, 'ms', EPOCH_MS)
    yield row(`of it CPU, ${name}`, done.cpuMs, 'ms')
    yield row(`requests, ${name}`, done.posts, 'posts')
  }
}

const DAY_EPOCHS = 86_400
const HOUR_EPOCHS = 3_600
const EPOCHS = 100

/** What one project costs in each epoch that looks back on a day of epochs each second; and beside it on an hour, for the length is to cost little. */
export async function* windowTable(): AsyncGenerator<Row> {
  for (const [of, looking] of Object.entries(LOOKING)) {
    await measureWindow(looking, { windowEpochs: HOUR_EPOCHS, epochs: EPOCHS })
    const [hour, day] = [
      await measureWindow(looking, { windowEpochs: HOUR_EPOCHS, epochs: EPOCHS }),
      await measureWindow(looking, { windowEpochs: DAY_EPOCHS, epochs: EPOCHS }),
    ]
    const name = `${of} over ${DAY_EPOCHS} epochs`
    yield row(`CPU of an epoch, ${name}, median`, median(day.cpuMs), 'ms', 50)
    yield row(`CPU of an epoch, ${name}, 99 of 100`, day.cpuMs.at(-2) ?? 0, 'ms', 50)
    yield row(`the same beside ${HOUR_EPOCHS} epochs, ${of}, median`, median(day.cpuMs) / median(hour.cpuMs), '× an hour')
    yield row(`CPU to read it for the first time, ${name}`, day.firstCpuMs, 'ms')
  }
}

/** What a process of snapshotters and collectors takes that votes with a hundred slots in two markets, with the sets of Uniswap V2 and Aave V3, on a devnet beside it. */
export async function* memoryTable(): AsyncGenerator<Row> {
  yield row(
    'memory of a node with 100 slots and both sets in each of two markets, at most',
    await measureMemory({ slots: 100, epochs: 2 }),
    'MB',
    300,
  )
}

/** What a node of a hundred slots takes while no epoch is released: the beat of its chain is known to it after sixteen blocks. */
export async function* idleTable(): AsyncGenerator<Row> {
  const idle = await measureIdle({ slots: 100, blockTimeSeconds: 2, settleMs: 45_000, spanMs: 60_000 })
  yield row('CPU of an idle node with 100 slots, blocks of 2 s', idle.cpuPercent, '% of a core', 1)
  yield row('its requests to the chain', idle.postsPerMinute, 'posts a minute')
}
