import { createHash } from 'node:crypto'
import type { BatchForm } from '#domain/market-rules.ts'
import { parseCompactBatch } from '#wire/batch-cbor.ts'
import { parseBatch } from '#wire/batch-json.ts'
import { createTree } from '#wire/merkle.ts'
import { cpuMs, median } from './rows.ts'
import { openWorld, type Size } from './world.ts'

/** One epoch, from the close of its window until the first of its files is given to IPFS, with all bytes and roots on disk. */
export interface Sealed {
  readonly submissions: number
  readonly batches: number
  readonly bytes: number
  readonly cpuMs: number
  /** CPU of sha256 over the same bytes, in the same run. */
  readonly sha256Ms: number
  /** CPU of the trees of submission ids alone, as the product hashes them, in the same run. */
  readonly treesMs: number
}

const FLOOR_ROUNDS = 21
/** The first ones warm up, as a sequencer is after a few seconds. */
const WARM_UP = 2

export async function seal(size: Size, form: BatchForm, rounds = 3): Promise<Sealed> {
  const world = await openWorld({ ...size, form })
  try {
    const spent: number[] = []
    for (let epoch = 1; epoch <= WARM_UP + rounds; epoch += 1) {
      await world.release(epoch)
      await world.vote(epoch)
      const ready = Promise.withResolvers<void>()
      world.onFirstFile(ready.resolve)
      world.files.length = 0
      const took = await cpuMs(async () => {
        await world.close(epoch)
        await ready.promise
      })
      if (epoch > WARM_UP) spent.push(took)
      await mineUntil(world, () => world.ended.length === epoch)
    }
    const ids = world.files.map((file) => idsIn(file, form))
    return {
      submissions: size.projects * size.slots,
      batches: world.files.length,
      bytes: world.files.reduce((sum, file) => sum + file.length, 0),
      cpuMs: median(spent),
      sha256Ms: await floorMs(() => world.files.forEach((file) => void createHash('sha256').update(file).digest())),
      treesMs: await floorMs(() => treesOf(ids)),
    }
  } finally {
    await world.stop()
  }
}

async function floorMs(work: () => void): Promise<number> {
  const floors: number[] = []
  for (let round = 0; round < FLOOR_ROUNDS; round += 1) floors.push(await cpuMs(work))
  return median(floors)
}

function idsIn(file: Uint8Array, form: BatchForm): readonly string[] {
  const parsed = form === 'json' ? parseBatch(file) : parseCompactBatch(file)
  return parsed.ok ? parsed.batch.submissions.map(({ submissionId }) => submissionId) : []
}

/** One tree that goes on from batch to batch, and its root after each. */
function treesOf(batches: readonly (readonly string[])[]): void {
  const tree = createTree()
  for (const ids of batches) {
    tree.append(ids)
    tree.publishedRoot()
  }
}

/** Mines a block whenever something waits for one. */
export async function mineUntil(
  { chain, until }: Pick<Awaited<ReturnType<typeof openWorld>>, 'chain' | 'until'>,
  isSo: () => boolean,
): Promise<void> {
  await until(() => {
    if (chain.pendingCount() > 0) chain.mine()
    return isSo()
  })
}
