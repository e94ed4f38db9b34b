import { describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { Address, BlockNumber } from '#domain/ids.ts'
import { sourceSuite } from '#io/chain/suite/source.ts'
import { keccak256 } from '#wire/keccak.ts'
import { createFakeSourceChain } from './source.ts'

const token = `0x${'70'.repeat(20)}` as Address
const owner = `0x${'0a'.repeat(20)}` as Address
const [first, second] = [5, 9] as [BlockNumber, BlockNumber]
const minted = (blockNumber: BlockNumber, value: bigint) => ({
  name: 'Transfer',
  args: { from: `0x${'0'.repeat(40)}`, to: owner, value },
  address: token,
  blockNumber,
  logIndex: 0,
  transactionHash: `0x${'aa'.repeat(32)}`,
})

const word = (hex: string) => `0x${hex.slice(2).padStart(64, '0')}`
const mint = ({ blockNumber, transactionHash: hash, args }: ReturnType<typeof minted>) => ({
  hash,
  blockNumber,
  index: 0,
  from: owner,
  to: token,
  value: 0n,
  input: `0x40c10f19${word(owner).slice(2)}${word(`0x${args.value.toString(16)}`).slice(2)}`,
  isSuccess: true,
  logs: [
    {
      address: token,
      topics: [`0x${keccak256(new TextEncoder().encode('Transfer(address,address,uint256)')).toHex()}`, word('0x'), word(owner)],
      data: word(`0x${args.value.toString(16)}`),
      logIndex: 0,
    },
  ],
})

sourceSuite('fake', async () => ({
  source: createFakeSourceChain({
    blocks: 12,
    events: [minted(second, 7n), minted(first, 5n)],
    transactions: [mint(minted(first, 5n)), mint(minted(second, 7n))],
    read(call) {
      if (call.address === token && call.function.includes('balanceOf'))
        return [(call.blockNumber >= first ? 5n : 0n) + (call.blockNumber >= second ? 7n : 0n)]
      if (call.address === token && call.function === 'function decimals() view returns (uint8)') return [6n]
      if (call.address === token && call.function.includes('symbol')) return ['TKN']
      throw new WeftError('CALL_REVERTED', { call: call.function, reason: 'scripted' })
    },
  }),
  token,
  owner,
  first,
  second,
}))

describe('fake source chain', () => {
  test('gives no events of a range of which it leaves some out', async () => {
    const filter = {
      address: token,
      events: ['event Transfer(address from, address to, uint256 value)'],
      fromBlock: 1 as BlockNumber,
      toBlock: 9 as BlockNumber,
    }
    const source = createFakeSourceChain({ blocks: 12, events: [minted(first, 5n), minted(second, 7n)] })
    source.setOmission({ isPartial: false, every: 2 })
    const read = () =>
      source.events(filter).then(
        (events) => events.length,
        ({ code }: { readonly code: string }) => code,
      )
    expect([await read(), await read(), await read()]).toEqual([2, 'CHAIN_ANSWER_INVALID', 2])
    source.setOmission()
    expect([await read(), await read()]).toEqual([2, 2])
  })

  test('grows, is rewritten, and goes away', async () => {
    const source = createFakeSourceChain({ blocks: 4 })
    const before = [await source.block(1 as BlockNumber), await source.block(2 as BlockNumber)]
    source.reorg(2)
    const after = [await source.block(1 as BlockNumber), await source.block(2 as BlockNumber)]
    expect([after[0] === before[0], after[1]?.hash === before[1]?.hash, after[1]?.parentHash]).toEqual([true, false, before[0]?.hash])
    source.mine(2)
    expect((await source.head()).number).toBe(5)
    source.setReachable(false)
    await expect(source.head()).rejects.toMatchObject({ code: 'CHAIN_UNREACHABLE' })
  })
})
