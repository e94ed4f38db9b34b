import { statfsSync, statSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { reading, type Reading } from '#domain/metrics.ts'
import { systemClock } from '#io/clock/system.ts'
import { indexFile, stateFile } from './home.ts'

/** What the process and its disk are at. */

const DELAY_RESOLUTION_MS = 100
const DELAY_SPAN_MS = 10_000
const NANO = 1e9

/** How late timers are, since it was asked last or for ten seconds longer. It looks ten times a second, outside of JavaScript. */
export function createLoopDelay() {
  const histogram = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS })
  histogram.enable()
  let sinceMs = systemClock.nowMs()
  /** As it was told last: whoever asks right after another one gets the same. */
  let told: readonly Reading[] = []
  // What is measured is the time between two looks.
  const late = (nanoseconds: number): number => Math.max(0, nanoseconds / NANO - DELAY_RESOLUTION_MS / 1_000)
  return {
    readings(): readonly Reading[] {
      if (histogram.count === 0) return told
      const percentiles = [
        ['50', histogram.percentile(50)],
        ['99', histogram.percentile(99)],
        ['100', histogram.max],
      ] as const
      told = percentiles.map(([percentile, value]) => reading('weft_event_loop_delay_seconds', late(value), { percentile }))
      if (systemClock.nowMs() - sinceMs > DELAY_SPAN_MS) {
        histogram.reset()
        sinceMs = systemClock.nowMs()
      }
      return told
    },
    stop: () => void histogram.disable(),
  }
}

export function ofProcess(): readonly Reading[] {
  const { user, system } = process.cpuUsage()
  return [
    reading('process_start_time_seconds', Math.round(Date.now() / 1_000 - process.uptime()), {}),
    reading('process_cpu_seconds_total', (user + system) / 1e6, {}),
    reading('process_resident_memory_bytes', process.memoryUsage.rss(), {}),
  ]
}

export function ofDisk(directory: string): readonly Reading[] {
  const stores = [
    ['state', stateFile(directory)],
    ['index', indexFile(directory)],
  ] as const
  try {
    const { bavail, blocks, bsize } = statfsSync(directory)
    return [
      reading('weft_disk_free_bytes', bavail * bsize, {}),
      reading('weft_disk_size_bytes', blocks * bsize, {}),
      ...stores.flatMap(([file, path]) => {
        const bytes = sizeOf(path) + sizeOf(`${path}-wal`)
        return bytes === 0 ? [] : [reading('weft_store_bytes', bytes, { file })]
      }),
    ]
  } catch {
    return [] // A disk that is gone is told by the store.
  }
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0
