import { decodeFunctionData, keccak256, parseTransaction, recoverTransactionAddress } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { describe, expect, test } from 'vitest'
import type { Address, BlockNumber, Cid, ContentHash, EpochId, Hash, ProjectId } from '#domain/ids.ts'
import { createSigner, parsePrivateKey } from '#io/keys/secp256k1.ts'
import type { ProtocolCall } from '#io/chain/port.ts'
import { createScriptedNode, hex, refuse, reverts } from '#io/chain/rpc/scripted.test-node.ts'
import { protocolStateAbi } from '#wire/abi/protocol-state.ts'
import type { Fees } from './fees.ts'
import { countTransactions, draftOf, encodeCall, estimateGas, senderOfTransaction, sign } from './transaction.ts'

const MARKET = `0x${'da'.repeat(20)}` as Address
const CONTRACT = `0x${'50'.repeat(20)}` as Address
const ROOT = `0x${'ab'.repeat(32)}` as Hash
const account = privateKeyToAccount(`0x${'07'.repeat(32)}`)
const signer = createSigner(parsePrivateKey('07'.repeat(32)))
const from = signer.address

test.each<[ProtocolCall, readonly unknown[]]>([
  [{ kind: 'releaseEpoch', begin: 100 as BlockNumber, end: 109 as BlockNumber }, [100n, 109n]],
  [
    {
      kind: 'submitSubmissionBatch',
      epochId: 7 as EpochId,
      batchCid: 'bafkbatch' as Cid,
      projectIds: ['a:B', 'c:B'] as ProjectId[],
      snapshotCids: ['bafk1', 'bafk2'] as Cid[],
      rootHash: ROOT,
    },
    ['bafkbatch', 7n, ['a:B', 'c:B'], ['bafk1', 'bafk2'], ROOT],
  ],
  [{ kind: 'endBatchSubmissions', epochId: 7 as EpochId }, [7n]],
  [{ kind: 'submitBatchAttestation', epochId: 7 as EpochId, batchCid: 'bafkbatch' as Cid, rootHash: ROOT }, ['bafkbatch', 7n, ROOT]],
])('a call names the market, then its own arguments in the contract’s order: %o', (call, args) => {
  const decoded = decodeFunctionData({ abi: protocolStateAbi, data: encodeCall(call, MARKET) })
  const [market, ...others] = decoded.args as unknown as [string, ...unknown[]]
  expect([decoded.functionName, market.toLowerCase(), others]).toEqual([call.kind, MARKET, args])
})

test('a vote that names a content is the function that compares it', () => {
  const contentHash = `0x${'cd'.repeat(31)}` as ContentHash
  const vote: ProtocolCall = {
    kind: 'submitBatchAttestation',
    epochId: 7 as EpochId,
    batchCid: 'bafkbatch' as Cid,
    rootHash: ROOT,
    contentHash,
  }
  const { functionName, args } = decodeFunctionData({ abi: protocolStateAbi, data: encodeCall(vote, MARKET) })
  expect([functionName, args?.slice(1)]).toEqual(['submitContentAttestation', ['bafkbatch', 7n, ROOT, contentHash]])
})

describe('the gas of a call', () => {
  const call = { kind: 'releaseEpoch', from, to: CONTRACT, data: '0x1234', value: 5n } as const
  const estimate = (answer: unknown, kind: string = call.kind, projectCount?: number) => {
    const node = createScriptedNode({ eth_estimateGas: () => answer })
    return { node, gas: estimateGas(node.rpc, { ...call, kind, projectCount }, { now: async () => 16_000_000n }) }
  }

  test('is a quarter above the estimate, for state may change before the block', async () => {
    const { node, gas } = estimate(hex(100_000))
    expect(await gas).toBe(125_000n)
    // Of the sender, of the value, at the latest block: anything else is another call.
    expect(node.calls).toEqual([{ method: 'eth_estimateGas', params: [{ from, to: CONTRACT, data: '0x1234', value: '0x5' }, 'latest'] }])
  })

  test('of a vote is enough to finalize a batch, whatever it was estimated at', async () => {
    expect(await estimate(hex(100_000), 'submitBatchAttestation').gas).toBe(16_000_000n)
    expect(await estimate(hex(100_000), 'submitBatchAttestation', 400).gas).toBe(16_000_000n)
  })

  test('of a vote on so many projects is what these may take, so that many votes fit into a block', async () => {
    expect(await estimate(hex(100_000), 'submitBatchAttestation', 0).gas).toBe(500_000n)
    expect(await estimate(hex(100_000), 'submitBatchAttestation', 50).gas).toBe(5_500_000n)
    expect(await estimate(hex(6_000_000), 'submitBatchAttestation', 50).gas).toBe(7_500_000n)
  })

  test('is never more than a transaction may have, and what needs more is told as that', async () => {
    expect(await estimate(hex(15_000_000)).gas).toBe(16_000_000n)
    expect(await estimate(hex(16_000_000)).gas).toBe(16_000_000n)
    for (const kind of ['submitSubmissionBatch', 'submitBatchAttestation'])
      await expect(estimate(hex(16_000_001), kind).gas).rejects.toMatchObject({ code: 'CALL_GAS_HIGH', facts: { call: kind } })
    const refused = estimate(refuse(-32_000, 'gas required exceeds allowance (16000000)')).gas
    await expect(refused).rejects.toMatchObject({ code: 'CALL_GAS_HIGH' })
  })

  test('of a call that the contract refuses is the contract’s reason', async () => {
    expect(await estimate(reverts('E22')).gas).toBe('E22')
  })

  test.each<[string, unknown]>([
    ['a node that refuses to estimate', refuse(-32_000, 'header not found')],
    ['an answer that is no quantity', 'many'],
  ])('%s is no refusal by the contract', async (_name, answer) => {
    await expect(estimate(answer).gas).rejects.toMatchObject({ code: 'CHAIN_ANSWER_INVALID', facts: { method: 'eth_estimateGas' } })
  })
})

describe('a signed transaction', () => {
  test.each<[string, Fees, string]>([
    ['with a base fee', { maxFeePerGas: 20n, maxPriorityFeePerGas: 2n }, 'eip1559'],
    ['without', { gasPrice: 9n }, 'legacy'],
  ])('holds all that was drafted, on its chain, under its nonce, %s', async (_name, fees, type) => {
    const draft = { to: CONTRACT, data: '0x1234', value: 7n, gas: 50_000n } as const
    const { raw, hash } = await sign(signer, { chainId: 31_337, nonce: 3, draft, fees })
    expect(parseTransaction(raw)).toMatchObject({ ...draft, ...fees, chainId: 31_337, nonce: 3, type })
    expect((await recoverTransactionAddress({ serializedTransaction: raw as never })).toLowerCase()).toBe(from)
    expect(draftOf(raw)).toEqual(draft)
    expect(hash).toBe(keccak256(raw))
  })

  test.each<[string, Fees, string]>([
    ['with a base fee', { maxFeePerGas: 20n, maxPriorityFeePerGas: 2n }, 'eip1559'],
    ['without', { gasPrice: 9n }, 'legacy'],
  ])('is byte for byte what viem signs, %s, whatever the signature', async (_name, fees, type) => {
    for (let nonce = 0; nonce < 20; nonce += 1) {
      const draft = { to: CONTRACT, data: '0x1234', value: 7n, gas: 50_000n } as const
      const { raw } = await sign(signer, { chainId: 31_337, nonce, draft, fees })
      expect(raw).toBe(await account.signTransaction({ ...draft, ...fees, chainId: 31_337, nonce, type } as never))
    }
  })

  test('that creates a contract names no receiver, drafted again too', async () => {
    const draft = { data: '0x60', value: 0n, gas: 1n } as const
    const { raw } = await sign(signer, { chainId: 1, nonce: 0, draft, fees: { gasPrice: 1n } })
    expect(draftOf(raw)).toEqual(draft)
  })
})

test('transactions are counted up to the block that is named', async () => {
  const node = createScriptedNode({ eth_getTransactionCount: (_address: string, block: string) => (block === 'latest' ? hex(9) : hex(4)) })
  expect([await countTransactions(node.rpc, from, 'latest'), await countTransactions(node.rpc, from, 255)]).toEqual([9, 4])
  expect(node.asked('eth_getTransactionCount')).toEqual([
    [from, 'latest'],
    [from, '0xff'],
  ])
})

test('who sent a transaction is as the endpoint says, nobody where it has none', async () => {
  const hash = `0x${'ab'.repeat(32)}` as Hash
  const node = (answer: unknown) => createScriptedNode({ eth_getTransactionByHash: () => answer }).rpc
  expect(await senderOfTransaction(node({ from: account.address }), hash)).toBe(from)
  expect(await senderOfTransaction(node(null), hash)).toBeUndefined()
  for (const answer of [{}, 'x', { from: '0x12' }])
    await expect(senderOfTransaction(node(answer), hash)).rejects.toMatchObject({ code: 'CHAIN_ANSWER_INVALID' })
})
