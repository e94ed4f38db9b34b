import { expect, test } from 'vitest'
import type { EpochId } from '#domain/ids.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { live } from './live.ts'
import { markCopy, restoredUpTo } from './restored.ts'

test('an epoch that is called the newest, and that nobody has released, bars nothing: the chain is asked again', async () => {
  const store = createFakeStore()
  await markCopy(store)
  let newest = 1_000_000
  const chain = {
    currentEpoch: async () => ({ epochId: newest as EpochId }),
    release: async (epochId: EpochId) => (epochId <= 7 ? { number: epochId } : undefined),
  } as unknown as AnchorChain
  const clock = createVirtualClock()
  const stopping = new AbortController()
  let upTo: EpochId | undefined
  const running = live(stopping.signal, async (life) => {
    upTo = await restoredUpTo({ store, chain, clock, random: { fraction: () => 1 }, report: () => undefined }, life)
  })
  running.catch(() => undefined)
  await clock.advance(1_000)
  newest = 7
  await clock.advance(20_000)
  expect(upTo).toBe(7)
  stopping.abort()
})
