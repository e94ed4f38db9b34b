import { expect, test } from 'vitest'
import type { Address, BlockNumber } from '#domain/ids.ts'
import { createFakeSourceChain } from '#io/chain/fake/source.ts'
import type { BlockRef } from '#io/chain/port.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { createSeededRandom } from '#io/keys/random.ts'
import { openFork } from './fork.ts'

const at = (number: number) => number as BlockNumber
const CALL = { address: `0x${'aa'.repeat(20)}` as Address, function: 'function f() view returns (uint256)', args: [] }

/** Blocks 0 to 29; the fork is that below block 20. */
async function open() {
  const clock = createVirtualClock()
  const chain = createFakeSourceChain({ blocks: 30, read: () => [7n] })
  const asked: number[] = []
  const counted: typeof chain.block = (number) => {
    asked.push(number)
    return chain.block(number)
  }
  const above = (await chain.block(at(20))) as BlockRef
  const fork = openFork(
    { chain: { ...chain, block: counted }, above, signal: new AbortController().signal },
    { clock, random: createSeededRandom(1), report: () => undefined },
  )
  return { clock, chain, fork, asked, above }
}

test('N17: a fork is steady while all that was read of it is there, whatever comes above', async () => {
  const { chain, fork, above } = await open()
  expect(fork.hash).toBe(above.parentHash)
  expect(await fork.read({ ...CALL, blockNumber: at(12) })).toEqual([7n])
  chain.reorg(10)
  expect(await fork.isSteady()).toBe(true)
  expect(await fork.read({ ...CALL, blockNumber: at(19) })).toEqual([7n])
  chain.reorg(11)
  expect(await fork.isSteady()).toBe(false)
})

test('N17: of a block that was read before, nothing of another fork is read', async () => {
  const { chain, fork } = await open()
  await fork.block(at(12))
  chain.reorg(20)
  const works = [
    fork.block(at(12)),
    fork.read({ ...CALL, blockNumber: at(12) }),
    fork.events({ address: CALL.address, events: [], fromBlock: at(11), toBlock: at(12) }),
    fork.read({ ...CALL, blockNumber: at(19) }),
  ]
  for (const work of works) await expect(work).rejects.toMatchObject({ code: 'CHAIN_ANSWER_INVALID', kind: 'transient' })
  // One that was not read yet is of the new fork, and tells nobody: the last one does.
  expect(await fork.read({ ...CALL, blockNumber: at(15) })).toEqual([7n])
  expect(await fork.isSteady()).toBe(false)
})

test('who asks while others look shares the next look', async () => {
  const { fork, asked } = await open()
  expect(await Promise.all([fork.isSteady(), fork.isSteady(), fork.isSteady()])).toEqual([true, true, true])
  expect(asked).toEqual([19])
})

test('a node that lacks a block for a moment is asked again; one that is down says nothing of the fork', async () => {
  const { clock, chain, fork } = await open()
  chain.setReachable(false)
  const look = fork.isSteady()
  await clock.advance(300)
  chain.setReachable(true)
  expect(await clock.runUntil(look, { limitMs: 10_000 })).toBe(true)
  chain.setReachable(false)
  await expect(clock.runUntil(fork.isSteady(), { limitMs: 60_000 })).rejects.toMatchObject({ code: 'CHAIN_UNREACHABLE' })
})

test('reads of one block that come at once ask for it once, its transactions too', async () => {
  const { fork, asked } = await open()
  const reads = Array.from({ length: 50 }, () => fork.read({ ...CALL, blockNumber: at(12) }))
  await Promise.all([...reads, fork.transactions({ blockNumber: at(12) }), fork.read({ ...CALL, blockNumber: at(13) })])
  expect(asked).toEqual([12, 13])
})
