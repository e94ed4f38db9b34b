import { expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { Address } from '#domain/ids.ts'
import { marketOf } from '#io/chain/fake/anchor.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { createAppointed } from './appointed.ts'

test('C14: who is appointed and dismissed while the role runs is known within a minute, and an endpoint that fails takes nothing back', async () => {
  const clock = createVirtualClock()
  const [first, second] = ['a1', 'a2'].map((digits) => `0x${digits.repeat(20)}` as Address)
  let sequencers = [first as Address]
  let isDown = false
  const market = async () => {
    if (isDown) throw new WeftError('CHAIN_UNREACHABLE', { endpoint: 'e', method: 'm' })
    return marketOf({ sequencers, epochManager: first as Address })
  }
  const appointed = createAppointed({ clock, random: { fraction: () => 1 }, report: () => undefined, chain: { market } })
  const stopping = new AbortController()
  const running = appointed.run(stopping.signal)
  expect(appointed.sequencers()).toBeUndefined()
  await clock.advance(1)
  expect(appointed.sequencers()).toEqual([first])
  isDown = true
  sequencers = [second as Address]
  await clock.advance(61_000)
  expect(appointed.sequencers()).toEqual([first])
  isDown = false
  await clock.advance(11_000)
  expect(appointed.sequencers()).toEqual([second])
  stopping.abort(new Error('over'))
  await expect(running).rejects.toThrow('over')
})
