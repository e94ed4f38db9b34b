import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import type { BatchForm } from '#domain/market-rules.ts'
import { systemClock } from '#io/clock/system.ts'
import { openWorld, type Size } from './world.ts'

/** How long the event loop stands still at most while an epoch is sealed and submissions of the next one come in, and their receipts wait. */
export async function blocked(size: Size, form: BatchForm): Promise<{ readonly longestMs: number; readonly receiptMs: number }> {
  const world = await openWorld({ ...size, form })
  try {
    await world.release(1)
    await world.vote(1)
    await world.release(2)
    const ready = Promise.withResolvers<void>()
    let isReady = false
    world.onFirstFile(() => {
      isReady = true
      ready.resolve()
    })
    const delays = monitorEventLoopDelay({ resolution: 1 })
    delays.enable()
    await world.close(1)
    let receiptMs = 0
    let sentMs = performance.now()
    const next = world.vote(2, async () => {
      if (!isReady) receiptMs = Math.max(receiptMs, performance.now() - sentMs)
      await systemClock.sleep(10)
      sentMs = performance.now()
    })
    await ready.promise
    delays.disable()
    await next
    return { longestMs: delays.max / 1e6, receiptMs }
  } finally {
    await world.stop()
  }
}
