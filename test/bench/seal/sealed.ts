import { createHash } from 'node:crypto'
import type { BatchForm } from '#domain/market-rules.ts'
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
    const floors: number[] = []
    for (let round = 0; round < FLOOR_ROUNDS; round += 1)
      floors.push(await cpuMs(() => world.files.forEach((file) => void createHash('sha256').update(file).digest())))
    return {
      submissions: size.projects * size.slots,
      batches: world.files.length,
      bytes: world.files.reduce((sum, file) => sum + file.length, 0),
      cpuMs: median(spent),
      sha256Ms: median(floors),
    }
  } finally {
    await world.stop()
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
