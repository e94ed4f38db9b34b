import { encodeAbiParameters, encodeEventTopics, encodeFunctionData, parseAbi } from 'viem'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { Address, BlockNumber } from '#domain/ids.ts'
import { createScriptedNode, hashOf, headerOf, hex, refuse, reverts } from '#io/chain/rpc/scripted.test-node.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { createSignatures } from './decode.ts'
import { connectSourceChain } from './source.ts'

const PAIR = `0x${'0a'.repeat(20)}` as Address
const SYNC = 'event Sync(uint112 reserve0, uint112 reserve1)'
const abi = parseAbi([SYNC])
const at = (number: number) => number as BlockNumber

afterEach(() => {
  vi.unstubAllGlobals()
})

function syncAt(block: number, index: number, reserve0: bigint) {
  return {
    address: PAIR,
    topics: encodeEventTopics({ abi, eventName: 'Sync' }),
    data: encodeAbiParameters([{ type: 'uint112' }, { type: 'uint112' }], [reserve0, 1n]),
    blockNumber: hex(block),
    blockHash: hashOf(`block ${block}`),
    logIndex: hex(index),
    transactionHash: hashOf(`transaction ${block} ${index}`),
  }
}

async function open(options: { readonly head: number; readonly logs?: unknown; readonly call?: unknown }) {
  const node = createScriptedNode({
    eth_chainId: () => hex(1),
    eth_getBlockByNumber: (block: string) => (Number(block) > options.head ? null : headerOf(Number(block))),
    eth_getLogs: () => options.logs ?? [],
    eth_call: () => ('call' in options ? options.call : '0x'),
  })
  vi.stubGlobal('fetch', node.fetch)
  const source = await connectSourceChain({ rpcUrl: 'http://node.test', chainId: 1, clock: createVirtualClock() })
  node.calls.splice(0)
  const events = (fromBlock: number, toBlock: number) =>
    source.events({ address: PAIR, events: [SYNC], fromBlock: at(fromBlock), toBlock: at(toBlock) })
  return { node, source, events }
}

describe('G2: events of the source chain', () => {
  test('are in the order of block and log, however the node orders them', async () => {
    const logs = [syncAt(12, 0, 5n), syncAt(9, 11, 4n), syncAt(9, 2, 1n), syncAt(9, 10, 3n), syncAt(9, 3, 2n), syncAt(12, 1, 6n)]
    const found = await (await open({ head: 20, logs })).events(9, 12)
    expect(found.map(({ args, blockNumber, logIndex }) => [args['reserve0'], blockNumber, logIndex])).toEqual([
      [1n, 9, 2],
      [2n, 9, 3],
      [3n, 9, 10],
      [4n, 9, 11],
      [5n, 12, 0],
      [6n, 12, 1],
    ])
  })

  test('are those of the range asked for, both ends, of the contract and the kinds named', async () => {
    const { node, events } = await open({ head: 20 })
    await events(9, 12)
    expect(node.calls).toEqual([
      { method: 'eth_getBlockByNumber', params: ['0xc', false] },
      {
        method: 'eth_getLogs',
        params: [{ address: PAIR, topics: [[encodeEventTopics({ abi, eventName: 'Sync' })[0]]], fromBlock: '0x9', toBlock: '0xc' }],
      },
    ])
  })

  test('of a node that does not have the last block yet are no answer, empty or not', async () => {
    for (const logs of [[], [syncAt(9, 1, 1n)]]) {
      const { events } = await open({ head: 11, logs })
      await expect(events(9, 12)).rejects.toMatchObject({ code: 'CHAIN_ANSWER_INVALID', kind: 'transient' })
    }
  })
})

describe('G2: a view of the source chain', () => {
  const read = { address: PAIR, function: 'function f(uint256 x) view returns (uint256)', args: [7n], blockNumber: at(255) }

  test('is asked for at the block named, with its arguments', async () => {
    const { node, source } = await open({ head: 300, call: `0x${'9'.padStart(64, '0')}` })
    expect(await source.read(read)).toEqual([9n])
    const data = encodeFunctionData({ abi: parseAbi(['function f(uint256 x) view returns (uint256)']), args: [7n] })
    expect(node.calls).toEqual([{ method: 'eth_call', params: [{ to: PAIR, data, gas: '0x1000000' }, '0xff'] }])
  })

  test('that reverts says why; that the node does not run is another matter', async () => {
    await expect((await open({ head: 300, call: reverts('K') })).source.read(read)).rejects.toMatchObject({
      code: 'CALL_REVERTED',
      facts: { reason: 'K' },
    })
    await expect((await open({ head: 300, call: refuse(-32_000, 'header not found') })).source.read(read)).rejects.toMatchObject({
      code: 'CHAIN_ANSWER_INVALID',
    })
    await expect((await open({ head: 300, call: null })).source.read(read)).rejects.toMatchObject({ code: 'CHAIN_ANSWER_INVALID' })
  })
})

describe('G7: signatures', () => {
  const signature = (index: number) => `function f${index}() view returns (uint256)`

  test('are parsed once, a thousand of them; the oldest is forgotten for one more', () => {
    const signatures = createSignatures()
    const first = signatures.function(signature(0))
    const second = signatures.function(signature(1))
    for (let index = 2; index < 1_000; index += 1) signatures.function(signature(index))
    // One that is known needs no room.
    expect(signatures.function(signature(0))).toBe(first)
    expect(signatures.function(signature(1))).toBe(second)
    signatures.function(signature(1_000))
    expect(signatures.function(signature(1))).toBe(second)
    expect(signatures.function(signature(0))).not.toBe(first)
  })

  test('name what they are asked for', () => {
    const signatures = createSignatures()
    expect(() => signatures.function(SYNC)).toThrow('CALL_REVERTED')
    expect(() => signatures.event(signature(0))).toThrow('CALL_REVERTED')
    expect(signatures.event(SYNC).name).toBe('Sync')
  })
})
