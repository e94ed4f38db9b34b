import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import type { BatchForm } from '#domain/market-rules.ts'
import { systemClock } from '#io/clock/system.ts'
import { openWorld, type Size } from './world.ts'

export interface Blocked {
  /** By the clock, with what other processes of the machine and its disk take. */
  readonly longestMs: number
  /** The most that this thread computes in one turn of the event loop. */
  readonly longestCpuMs: number
  /** From 200 submissions to the last of their receipts. */
  readonly receiptMs: number
}

/** How long the event loop stands still at most while an epoch is sealed and submissions of the next one come in, and their receipts wait. */
export async function blocked(size: Size, form: BatchForm): Promise<Blocked> {
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
    const turns = watchTurns()
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
    const longestCpuMs = turns.stop()
    await next
    return { longestMs: delays.max / 1e6, longestCpuMs, receiptMs }
  } finally {
    await world.stop()
  }
}

/** Looks at the thread's CPU time once a turn. */
function watchTurns() {
  let longestUs = 0
  let before = process.threadCpuUsage()
  let isOver = false
  const look = (): void => {
    const { user, system } = process.threadCpuUsage()
    longestUs = Math.max(longestUs, user - before.user + system - before.system)
    before = { user, system }
    if (!isOver) setImmediate(look)
  }
  setImmediate(look)
  return {
    stop(): number {
      isOver = true
      return longestUs / 1_000
    },
  }
}
