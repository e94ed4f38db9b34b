import { afterEach, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { EpochId } from '#domain/ids.ts'
import type { ChangePort } from './journey/cast.ts'
import { createNetwork, type Network } from './journey/network.ts'

/** A role that is up stays up (G12): whatever call to a chain fails, at whatever moment, the role lives on and the epoch is whole. */

const running: Network[] = []
afterEach(async () => {
  for (const network of running.splice(0)) await network.stop()
})

const EPOCHS = [1, 2] as EpochId[]

/** Waits for what fails by itself, as its port says. */
const NEVER_FAILS = new Set(['follow'])

/** Ports each of whose calls fails, for each role, from its `first` time on, so many `times` in a row. What has failed is put into `failed`. */
function failing(first: number, times: number, failed: Set<string>): ChangePort {
  return (machine, port) => {
    const counts = new Map<string, number>()
    // The pauses of a release grow with every failure of it (E5): with as many as all its calls together have, nobody waits that long.
    const inARow = machine === 'epochs' ? 1 : times
    const isDown = (method: string): boolean => {
      const count = (counts.get(method) ?? 0) + 1
      counts.set(method, count)
      return count >= first && count < first + inARow
    }
    return new Proxy(port, {
      get(target, name) {
        const method = String(name)
        const work: unknown = Reflect.get(target, name)
        if (typeof work !== 'function' || NEVER_FAILS.has(method)) return work
        return async (...args: unknown[]) => {
          if (!isDown(method)) return Reflect.apply(work, target, args)
          failed.add(`${machine} ${method}`)
          throw new WeftError('CHAIN_UNREACHABLE', { endpoint: machine, method })
        }
      },
    })
  }
}

/** Calls that each role makes in an epoch: who makes none of them any more is not tried any more. */
const CALLS = [
  'epochs block',
  'epochs currentEpoch',
  'epochs head',
  'epochs market',
  'epochs send',
  'sequencer batchCids',
  'sequencer gasMax',
  'sequencer market',
  'sequencer send',
  'sequencer sendInOrder',
  'sequencer slots',
  'validator 1 batch',
  'validator 1 hasAttested',
  'validator 1 market',
  'validator 1 send',
  'validator 1 slots',
]

test('G12: on a chain that makes blocks only for transactions, the releases of later epochs end the windows of earlier ones', async () => {
  const network = await createNetwork({ seed: 1, honestSlots: 3, lyingSlots: 0, isMinedOnDemand: true, sourceBlockTimeSeconds: 1 })
  running.push(network)
  // The window of an epoch is ten blocks long, and nobody makes blocks but the network itself.
  for (let epochId = 1; epochId <= 16; epochId += 1) expect(await network.releaseEpoch()).toBe(epochId)
  for (const epochId of EPOCHS) {
    const batches = await network.attested(epochId, network.validators.length)
    expect(batches.every(({ isFinalized }) => isFinalized)).toBe(true)
    expect(network.sequencer().epoch(epochId)).toMatchObject({ state: 'ended', reason: 'all_batches_anchored' })
  }
})

const moments = [1, 2, 3, 4, 5, 7, 10].flatMap((first) => [1, 3].map((times) => [first, times] as const))

test.each(moments)('G12: every call to a chain may fail the %i. time it is made, %i times in a row', async (first, times) => {
  const failed = new Set<string>()
  const network = await createNetwork({ seed: 1, honestSlots: 3, lyingSlots: 0, port: failing(first, times, failed) })
  running.push(network)
  for (const epochId of EPOCHS) {
    expect(await network.releaseEpoch()).toBe(epochId)
    const batches = await network.attested(epochId, network.validators.length)
    expect(batches.flatMap(({ projectIds = [] }) => projectIds)).toEqual(network.projects.toSorted())
    expect(batches.every(({ isFinalized }) => isFinalized)).toBe(true)
    await network.until(() => network.sequencer().epoch(epochId)?.state === 'ended')
    expect(network.sequencer().epoch(epochId)).toMatchObject({ reason: 'all_batches_anchored' })
  }
  if (first === 1) for (const call of CALLS) expect(failed).toContain(call)
})
