import { expect, test, vi } from 'vitest'
import { systemClock } from '#io/clock/system.ts'
import { createLoopDelay } from './process-readings.ts'

test('who asks right after another one is told the same, also where the measurement has just begun anew', async () => {
  const loop = createLoopDelay()
  await vi.waitUntil(() => loop.readings().length > 0)
  const soon = vi.spyOn(systemClock, 'nowMs').mockReturnValue(systemClock.nowMs() + 60_000)
  try {
    const first = loop.readings()
    expect(first).toHaveLength(3)
    expect(loop.readings()).toEqual(first)
  } finally {
    soon.mockRestore()
    loop.stop()
  }
})
