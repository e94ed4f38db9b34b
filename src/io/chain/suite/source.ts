import { describe, expect, test } from 'vitest'
import type { Address, BlockNumber, Hash } from '#domain/ids.ts'
import type { SourceChain } from '#io/chain/port.ts'
import { keccak256 } from '#wire/keccak.ts'

/** A source chain with a token at `token`: 5 units were minted to `owner` in block `first`, 7 more in block `second`, and nothing since. */
export interface SourceWorld {
  readonly source: SourceChain
  readonly token: Address
  readonly owner: Address
  readonly first: BlockNumber
  readonly second: BlockNumber
}

const NOBODY = `0x${'0'.repeat(40)}` as Address
const BALANCE = 'function balanceOf(address owner) view returns (uint256)'
const TRANSFER = 'event Transfer(address indexed from, address indexed to, uint256 value)'
const APPROVAL = 'event Approval(address indexed owner, address indexed spender, uint256 value)'
const word = (hex: string) => `0x${hex.slice(2).padStart(64, '0')}`
const keccak = (text: string) => `0x${keccak256(new TextEncoder().encode(text)).toHex()}`
const above = (block: number, count = 1) => (block + count) as BlockNumber

/** What every source chain keeps. */
export function sourceSuite(name: string, open: () => Promise<SourceWorld>): void {
  describe(`source chain: ${name}`, () => {
    test('blocks form a chain up to the head, and above it there is nothing', async () => {
      const { source } = await open()
      const head = await source.head()
      expect(await source.block(head.number)).toEqual(head)
      expect((await source.block(above(head.number, -1)))?.hash).toBe(head.parentHash)
      expect(await source.block(above(head.number))).toBeUndefined()
    })

    test('what it calls safe and final lies no higher than the head, the final no higher than the safe', async () => {
      const { source } = await open()
      const [head, safe, finalized] = [await source.head('latest'), await source.head('safe'), await source.head('finalized')]
      expect(head).toEqual(await source.head())
      expect([safe.number <= head.number, finalized.number <= safe.number]).toEqual([true, true])
    })

    test('a view is read as of the block named, integers as bigint', async () => {
      const { source, token, owner, first, second } = await open()
      const balanceAt = (blockNumber: BlockNumber) => source.read({ address: token, function: BALANCE, args: [owner], blockNumber })
      expect(await Promise.all([above(first, -1), first, second, above(second)].map(balanceAt))).toEqual([[0n], [5n], [12n], [12n]])
      expect(
        await source.read({ address: token, function: 'function decimals() view returns (uint8)', args: [], blockNumber: first }),
      ).toEqual([6n])
      expect(
        await source.read({ address: token, function: 'function symbol() view returns (string)', args: [], blockNumber: first }),
      ).toEqual(['TKN'])
    })

    test('a revert, and an address without that contract, are CALL_REVERTED', async () => {
      const { source, token, second } = await open()
      const transfer = {
        function: 'function transfer(address to, uint256 value) returns (bool)',
        args: [token, 10n ** 30n],
        blockNumber: second,
      }
      await expect(source.read({ ...transfer, address: token })).rejects.toMatchObject({ code: 'CALL_REVERTED' })
      await expect(source.read({ ...transfer, address: NOBODY })).rejects.toMatchObject({ code: 'CALL_REVERTED' })
    })

    test('what lies above the head is no answer yet, neither a value nor an empty list', async () => {
      const { source, token, owner } = await open()
      const { number } = await source.head()
      const read = source.read({ address: token, function: BALANCE, args: [owner], blockNumber: above(number, 5) })
      await expect(read).rejects.toMatchObject({ code: 'CHAIN_ANSWER_INVALID', kind: 'transient' })
      const events = source.events({ address: token, events: [TRANSFER], fromBlock: number, toBlock: above(number, 5) })
      await expect(events).rejects.toMatchObject({ code: 'CHAIN_ANSWER_INVALID', kind: 'transient' })
    })

    test('a view of a block named by its hash too is read on that fork, below another block, or not at all', async () => {
      const { source, token, owner, first, second } = await open()
      const hashAt = async (number: number) => (await source.block(number as BlockNumber))?.hash as Hash
      const balance = (blockNumber: BlockNumber, blockHash: Hash) =>
        source.read({ address: token, function: BALANCE, args: [owner], blockNumber, blockHash })
      expect(await balance(first, await hashAt(first))).toEqual([5n])
      const other = source.read({ address: token, function: BALANCE, args: [owner], blockNumber: first, blockHash: await hashAt(second) })
      await expect(other).rejects.toMatchObject({ code: 'CHAIN_ANSWER_INVALID', kind: 'transient' })
      // Of its newest block a node may answer with the state of the one that it is making.
      const { number, hash } = await source.head()
      await expect(balance(number, hash)).rejects.toMatchObject({ code: 'CHAIN_ANSWER_INVALID', kind: 'transient' })
    })

    test('views asked at once are each answered as if asked alone, whatever becomes of the others', async () => {
      const { source, token, owner, first, second } = await open()
      const hashOf = new Map(
        await Promise.all([first, second].map(async (number) => [number, (await source.block(number))?.hash as Hash] as const)),
      )
      const at = (blockNumber: BlockNumber, change: object = {}) => {
        const call = { address: token, function: BALANCE, args: [owner], blockNumber, ...change }
        return source.read({ ...call, blockHash: hashOf.get(blockNumber) as Hash })
      }
      const symbol = { function: 'function symbol() view returns (string)', args: [] }
      const transfer = { function: 'function transfer(address to, uint256 value) returns (bool)', args: [token, 10n ** 30n] }
      const otherForm = { function: 'function decimals() view returns (string)', args: [] }
      const asked = () => [
        ...Array.from({ length: 300 }, (_, index) => at(index % 2 === 0 ? first : second)),
        at(first, symbol),
        at(second, transfer),
        at(second, { address: NOBODY }),
        at(second, otherForm),
        at(second, symbol),
      ]
      const outcomes = await Promise.allSettled(asked())
      const told = outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : outcome.reason.code))
      expect(told).toEqual([
        ...Array.from({ length: 300 }, (_, index) => (index % 2 === 0 ? [5n] : [12n])),
        ['TKN'],
        'CALL_REVERTED',
        'CALL_REVERTED',
        'CALL_REVERTED',
        ['TKN'],
      ])
    })

    test("events of several contracts asked at once are each contract's own", async () => {
      const { source, token, owner, first, second } = await open()
      const toBlockHash = (await source.block(second))?.hash as Hash
      const of = (address: Address, events = [TRANSFER], fromBlock = first) =>
        source.events({ address, events, fromBlock, toBlock: second, toBlockHash })
      const found = await Promise.all([of(token), of(owner), of(token), of(token, [APPROVAL]), of(token, [TRANSFER], second)])
      expect(found.map((events) => events.map(({ args }) => args['value']))).toEqual([[5n, 7n], [], [5n, 7n], [], [7n]])
    })

    test('events up to a block named by its hash too are of that fork, or there are none', async () => {
      const { source, token, first, second } = await open()
      const hashAt = async (number: number) => (await source.block(number as BlockNumber))?.hash as Hash
      const range = { address: token, events: [TRANSFER], fromBlock: first, toBlock: second }
      expect(await source.events({ ...range, toBlockHash: await hashAt(second) })).toEqual(await source.events(range))
      const other = source.events({ ...range, toBlockHash: await hashAt(first) })
      await expect(other).rejects.toMatchObject({ code: 'CHAIN_ANSWER_INVALID', kind: 'transient' })
    })

    test('the transactions of a block come with what became of them and what they logged', async () => {
      const { source, token, owner, first, second } = await open()
      const topics = [keccak('Transfer(address,address,uint256)'), word(NOBODY), word(owner)]
      const [transaction, ...others] = await source.transactions({ blockNumber: first })
      const logs = [{ address: token, topics, data: word('0x5'), logIndex: 0 }]
      expect(transaction).toMatchObject({ blockNumber: first, index: 0, to: token, value: 0n, isSuccess: true, logs })
      expect([others, await source.transactions({ blockNumber: above(second) })]).toEqual([[], []])
      expect(transaction?.input).toMatch(/^0x40c10f19/)
      const [event] = await source.events({ address: token, events: [TRANSFER], fromBlock: first, toBlock: first })
      expect(transaction?.hash).toBe(event?.transactionHash)
    })

    test('the transactions of a block named by its hash too are of that fork, or there are none; above the head there is no answer', async () => {
      const { source, first, second } = await open()
      const hashAt = async (number: number) => (await source.block(number as BlockNumber))?.hash as Hash
      const of = async (blockHash: Hash) => source.transactions({ blockNumber: first, blockHash })
      expect(await of(await hashAt(first))).toEqual(await source.transactions({ blockNumber: first }))
      await expect(of(await hashAt(second))).rejects.toMatchObject({ code: 'CHAIN_ANSWER_INVALID', kind: 'transient' })
      const { number } = await source.head()
      const later = source.transactions({ blockNumber: above(number, 5) })
      await expect(later).rejects.toMatchObject({ code: 'CHAIN_ANSWER_INVALID', kind: 'transient' })
    })

    test('events of the range, of the contract and of the kinds named, in chain order', async () => {
      const { source, token, owner, first, second } = await open()
      const eventsIn = async (fromBlock: BlockNumber, toBlock: BlockNumber, events = [TRANSFER, APPROVAL], address = token) => {
        const found = await source.events({ address, events, fromBlock, toBlock })
        return found.map((event) => [event.name, event.blockNumber, event.args, event.address])
      }
      const minted = (block: BlockNumber, value: bigint) => ['Transfer', block, { from: NOBODY, to: owner, value }, token]
      expect(await eventsIn(first, second)).toEqual([minted(first, 5n), minted(second, 7n)])
      expect(await eventsIn(first, first)).toEqual([minted(first, 5n)])
      expect(await eventsIn(above(first), above(second, -1))).toEqual([])
      expect(await eventsIn(first, second, [APPROVAL])).toEqual([])
      expect(await eventsIn(first, second, [TRANSFER], owner)).toEqual([])
    })
  })
}
