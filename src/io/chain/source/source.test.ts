import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { encodeAbiParameters, encodeDeployData, encodeFunctionData, parseAbiParameters } from 'viem'
import type { Abi } from 'viem'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startAnvil } from '#devnet/anvil.ts'
import type { Anvil } from '#devnet/anvil.ts'
import type { ChainValue } from '#domain/compute.ts'
import { parseAddress } from '#domain/ids.ts'
import type { Address, BlockNumber, Hash } from '#domain/ids.ts'
import { startLyingProxy } from '#io/chain/proof/lying-proxy.test-node.ts'
import type { ProofOptions } from '#io/chain/proof/proofs.ts'
import type { EndpointTrouble } from '#io/chain/rpc/health.ts'
import { createRpc } from '#io/chain/rpc/rpc.ts'
import { sourceSuite } from '#io/chain/suite/source.ts'
import type { SourceWorld } from '#io/chain/suite/source.ts'
import { systemClock } from '#io/clock/system.ts'
import { connectSourceChain } from './source.ts'

const { abi, bytecode } = JSON.parse(
  readFileSync(new URL('../../../../contracts/artifacts/DevnetToken.json', import.meta.url), 'utf8'),
) as {
  readonly abi: Abi
  readonly bytecode: `0x${string}`
}
const CHAIN_ID = 31_338
const owner = `0x${'0a'.repeat(20)}` as Address

/** All that anvil says is proved, by all its receipts. */
const proofs: ProofOptions = {
  receiptsShare: 1,
  random: () => 0,
  onUnproved(means) {
    throw new Error(`anvil cannot prove ${means}`)
  },
}

let anvil: Anvil
let world: SourceWorld

beforeAll(async () => {
  anvil = await startAnvil({ chainId: CHAIN_ID })
  const rpc = createRpc({ rpcUrl: anvil.rpcUrl, pause: systemClock })
  const [from] = (await rpc.call('eth_accounts', [])) as [string]
  const mined = async (transaction: object) => {
    const hash = await rpc.call('eth_sendTransaction', [{ from, gas: '0x4c4b40', ...transaction }])
    await rpc.call('evm_mine', [])
    return (await rpc.call('eth_getTransactionReceipt', [hash])) as {
      readonly contractAddress: string
      readonly blockNumber: string
      readonly status: string
    }
  }
  const deployed = await mined({ data: encodeDeployData({ abi, bytecode, args: ['Token', 'TKN', 6] }) })
  const mint = (value: bigint) =>
    mined({ to: deployed.contractAddress, data: encodeFunctionData({ abi, functionName: 'mint', args: [owner, value] }) })
  const first = await mint(5n)
  await rpc.call('evm_mine', [])
  const second = await mint(7n)
  await rpc.call('anvil_mine', ['0x3'])
  const source = await connectSourceChain({ rpcUrl: anvil.rpcUrl, chainId: CHAIN_ID, clock: systemClock, proofs })
  world = {
    source,
    token: parseAddress(deployed.contractAddress),
    owner,
    first: Number(first.blockNumber) as BlockNumber,
    second: Number(second.blockNumber) as BlockNumber,
  }
})
afterAll(() => anvil.stop())

sourceSuite('viem on anvil', async () => world)

describe('a node that lies before anvil', () => {
  const TRANSFER = 'event Transfer(address indexed from, address indexed to, uint256 value)'
  type Log = { readonly data: string }

  test.each<[string, (method: string, result: unknown) => unknown]>([
    ['omits', (method, result) => (method === 'eth_getLogs' ? [] : result)],
    [
      'invents',
      (method, result) =>
        method === 'eth_getLogs' ? (result as Log[]).map((log) => ({ ...log, data: log.data.replace(/.$/, 'f') })) : result,
    ],
    [
      'forges',
      (method, result) => (method.startsWith('eth_getBlockBy') ? { ...(result as object), stateRoot: `0x${'1'.repeat(64)}` } : result),
    ],
    ['withholds', (method, result) => (/Receipts?$/.test(method) ? null : method === 'eth_getLogs' ? [] : result)],
  ])('%s: it is told of, and the other one is believed', async (word, lie) => {
    let isLying = false
    await using liar = await startLyingProxy(anvil.rpcUrl, (method, result) => (isLying ? lie(method, result) : result))
    const troubles: EndpointTrouble[] = []
    const source = await connectSourceChain({
      rpcUrl: `${liar.rpcUrl};weight=1000, ${anvil.rpcUrl}`,
      chainId: CHAIN_ID,
      clock: systemClock,
      onEndpointTrouble: (trouble) => troubles.push(trouble),
      proofs,
    })
    isLying = true
    const { token: address, first: fromBlock, second: toBlock } = world
    const toBlockHash = (await world.source.block(toBlock))?.hash as Hash
    for (const range of [
      { fromBlock, toBlock },
      { fromBlock, toBlock, toBlockHash },
    ]) {
      const found = await source.events({ address, events: [TRANSFER], ...range })
      expect(found.map(({ args }) => args['value'])).toEqual([5n, 7n])
    }
    expect(troubles.map(({ endpoint, trouble }) => [endpoint, trouble])).toEqual([[liar.rpcUrl, word]])
  })
})

describe('an endpoint that says something else of a block than its roots do', () => {
  type Raw = Readonly<Record<string, unknown>>
  const first = (result: unknown, change: Raw): unknown =>
    (result as Raw[]).map((raw, index) => (index === 0 ? { ...raw, ...change } : raw))
  const inBlock =
    (change: Raw) =>
    (method: string, result: unknown): unknown => {
      const { transactions } = (result ?? {}) as { readonly transactions?: readonly unknown[] }
      if (method !== 'eth_getBlockByNumber' || typeof transactions?.[0] !== 'object') return result
      return { ...(result as Raw), transactions: first(transactions, change) }
    }
  const inReceipts =
    (change: Raw) =>
    (method: string, result: unknown): unknown =>
      method === 'eth_getBlockReceipts' ? first(result, change) : result

  test.each([
    ['a transaction with another value', inBlock({ value: '0x1' })],
    ['a transaction of somebody else', inBlock({ from: `0x${'11'.repeat(20)}` })],
    ['a transaction under another hash', inBlock({ hash: `0x${'22'.repeat(32)}` })],
    ['a transaction of a type that nobody knows', inBlock({ type: '0x64' })],
    ['a transaction in another place', inBlock({ transactionIndex: '0x3' })],
    ['a receipt of failure', inReceipts({ status: '0x0' })],
    ['a receipt without logs', inReceipts({ logs: [] })],
  ])('%s: it forges, and the other one is believed', async (_, lie) => {
    let isLying = false
    await using liar = await startLyingProxy(anvil.rpcUrl, (method, result) => (isLying ? lie(method, result) : result))
    const troubles: EndpointTrouble[] = []
    const source = await connectSourceChain({
      rpcUrl: `${liar.rpcUrl};weight=1000, ${anvil.rpcUrl}`,
      chainId: CHAIN_ID,
      clock: systemClock,
      onEndpointTrouble: (trouble) => troubles.push(trouble),
      proofs,
    })
    isLying = true
    const asked = { blockNumber: world.first }
    expect(await source.transactions(asked)).toEqual(await world.source.transactions(asked))
    expect(troubles.map(({ endpoint, trouble }) => [endpoint, trouble])).toEqual([[liar.rpcUrl, 'forges']])
  })
})

describe('source chain over viem', () => {
  test.each([
    ['a signature that is none', 'balanceOf(address)', [owner]],
    ['an event', 'event Transfer(address indexed from, address indexed to, uint256 value)', []],
    ['arguments of another type', 'function balanceOf(address owner) view returns (uint256)', ['not an address']],
    ['too few arguments', 'function balanceOf(address owner) view returns (uint256)', []],
    ['other outputs', 'function decimals() view returns (string)', []],
  ])('%s is the caller’s mistake: CALL_REVERTED, not an outage', async (_name, signature, args) => {
    const read = world.source.read({ address: world.token, function: signature, args: args as ChainValue[], blockNumber: world.second })
    await expect(read).rejects.toMatchObject({ code: 'CALL_REVERTED' })
  })

  test.each([
    ['an opcode that is none', '0xfe'],
    ['a jump to nowhere', '0x5f56'],
    ['an empty stack', '0x50'],
    ['a stack that is full', '0x5b5f600056'],
    ['data that nobody returned', '0x60015f5f3e'],
    ['nothing, for it never ends', '0x5b600056'],
    ['more memory than there is', '0x5f6001600160ff1b52'],
    ['a revert without data', '0x5f5ffd'],
  ])('a contract that ends at %s has answered: CALL_REVERTED, not an outage', async (_name, code) => {
    const address = `0x${'0c'.repeat(20)}` as Address
    await createRpc({ rpcUrl: anvil.rpcUrl, pause: systemClock }).call('anvil_setCode', [address, code])
    const { number: blockNumber } = await world.source.head()
    const read = world.source.read({ address, function: 'function symbol() view returns (string)', args: [], blockNumber })
    await expect(read).rejects.toMatchObject({ code: 'CALL_REVERTED' })
  })

  test('every read has the same gas, whatever the node would give it: running out of it is an answer', async () => {
    // GAS PUSH0 MSTORE PUSH1 32 PUSH0 RETURN
    const address = `0x${'0d'.repeat(20)}` as Address
    await createRpc({ rpcUrl: anvil.rpcUrl, pause: systemClock }).call('anvil_setCode', [address, '0x5a5f5260205ff3'])
    const { number: blockNumber } = await world.source.head()
    const [left] = await world.source.read({ address, function: 'function gas() view returns (uint256)', args: [], blockNumber })
    expect(Number(left)).toBeLessThan(16_777_216)
    expect(Number(left)).toBeGreaterThan(16_700_000)
  })

  test('an event whose indexed fields differ is another event', async () => {
    const events = await world.source.events({
      address: world.token,
      events: ['event Transfer(address from, address to, uint256 value)'],
      fromBlock: world.first,
      toBlock: world.second,
    })
    expect(events).toEqual([])
  })

  test('a node of another chain is refused', async () => {
    await expect(connectSourceChain({ rpcUrl: anvil.rpcUrl, chainId: 1, clock: systemClock })).rejects.toMatchObject({
      code: 'CHAIN_WRONG',
    })
  })

  test('structs are lists, addresses and bytes lower case, at any depth', async () => {
    const types = 'uint8, (address a, uint256[] b, (int64 c, bool d)[2] e) s, bytes4, bytes, string, bool'
    const pair = (c: bigint) => ({ c, d: c > 0n })
    const address = '0xF68342970beF978697e1104223b2E1B6a1D7764d'
    const values = [7, { a: address, b: [1n, 2n], e: [pair(-3n), pair(4n)] }, '0xABCDEF01', '0xAB', '\ufeffText', true] as const
    const data = encodeAbiParameters(parseAbiParameters(types) as never, values as never)
    const server = createServer(async (request, response) => {
      const calls = JSON.parse(Buffer.concat(await Array.fromAsync(request)).toString()) as {
        readonly id: number
        readonly method: string
      }[]
      response.end(JSON.stringify(calls.map(({ id, method }) => ({ id, result: method === 'eth_chainId' ? '0x1' : data }))))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    try {
      const source = await connectSourceChain({
        rpcUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        chainId: 1,
        clock: systemClock,
      })
      const read = await source.read({
        address: owner,
        function: `function f() view returns (${types})`,
        args: [],
        blockNumber: 1 as BlockNumber,
      })
      expect(read).toEqual([
        7n,
        [
          address.toLowerCase(),
          [1n, 2n],
          [
            [-3n, false],
            [4n, true],
          ],
        ],
        '0xabcdef01',
        '0xab',
        '\ufeffText',
        true,
      ])
    } finally {
      server.close()
    }
  })
})
