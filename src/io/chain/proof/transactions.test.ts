import { hexToBytes, parseTransaction } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { expect, test } from 'vitest'
import { keccak256 } from '#wire/keccak.ts'
import { isKnownType, misnamed, transactionsRoot } from './transactions.ts'
import { orderedRoot } from './trie.ts'

// Bytes, hashes and signatures are viem's.
const account = privateKeyToAccount(`0x${'5a'.repeat(32)}`)
const to = `0x${'ab'.repeat(20)}` as const
const word = `0x${'01'.repeat(32)}` as const
const accessList = [{ address: to, storageKeys: [word] }]
const fees = { maxFeePerGas: 9n, maxPriorityFeePerGas: 1n }
const sent = { to, nonce: 0, gas: 21_000n, value: 300n, data: '0xabcdef' } as const

const hex = (value: number | bigint | undefined) => (value === undefined ? undefined : `0x${value.toString(16)}`)

/** As a node writes it. */
function rawOf(serialized: `0x${string}`, type: number, index: number): Record<string, unknown> {
  const parsed = parseTransaction(serialized) as Record<string, never>
  const numbers = ['nonce', 'gasPrice', 'gas', 'value', 'chainId', 'maxFeePerGas', 'maxPriorityFeePerGas', 'maxFeePerBlobGas', 'v']
  const plain = Object.fromEntries(
    numbers.map((name) => [name, hex(parsed[name] ?? (name === 'nonce' || name === 'value' ? 0n : undefined))]),
  )
  const { accessList, blobVersionedHashes, authorizationList, r, s, yParity, data } = parsed
  return {
    ...plain,
    accessList,
    blobVersionedHashes,
    authorizationList: (authorizationList as readonly Record<string, never>[] | undefined)?.map((each) => ({
      ...each,
      chainId: hex(each['chainId']),
      nonce: hex(each['nonce']),
      yParity: hex(each['yParity']),
    })),
    r,
    s,
    yParity: hex(yParity),
    type: hex(type),
    to: parsed['to'] ?? null,
    input: data ?? '0x',
    from: account.address,
    hash: `0x${keccak256(hexToBytes(serialized)).toHex()}`,
    transactionIndex: hex(index),
  }
}

const signed: readonly (readonly [type: number, bytes: `0x${string}`])[] = [
  [0, await account.signTransaction({ ...sent, type: 'legacy', gasPrice: 7n, chainId: 1 })],
  [0, await account.signTransaction({ ...sent, type: 'legacy', gasPrice: 7n })],
  [0, await account.signTransaction({ nonce: 3, gas: 9n, data: '0x6001', type: 'legacy', gasPrice: 7n, chainId: 31_338 })],
  [1, await account.signTransaction({ ...sent, type: 'eip2930', gasPrice: 7n, chainId: 1, accessList })],
  [2, await account.signTransaction({ ...sent, type: 'eip1559', ...fees, chainId: 1, accessList })],
  [2, await account.signTransaction({ ...sent, type: 'eip1559', ...fees, chainId: 1, value: 0n, data: '0x' })],
  [
    3,
    await account.signTransaction({
      ...sent,
      type: 'eip4844',
      ...fees,
      chainId: 1,
      maxFeePerBlobGas: 3n,
      blobVersionedHashes: [`0x01${'02'.repeat(31)}`],
    }),
  ],
  [
    4,
    await account.signTransaction({
      ...sent,
      type: 'eip7702',
      ...fees,
      chainId: 1,
      authorizationList: [await account.signAuthorization({ address: to, chainId: 1, nonce: 0 })],
    }),
  ],
]

test('transactions of every type have the root of their bytes, their hashes and their senders', async () => {
  const raw = signed.map(([type, bytes], index) => rawOf(bytes, type, index))
  expect(transactionsRoot(raw)).toBe(orderedRoot(signed.map(([, bytes]) => hexToBytes(bytes))))
  expect(await misnamed(raw)).toBe(0)
  expect(await misnamed(raw.map((each) => ({ ...each, from: to })))).toBe(raw.length)
})

test('a deposit of a rollup has its bytes, and a type that nobody knows has none', () => {
  const deposit = {
    type: '0x7e',
    sourceHash: word,
    from: to,
    to,
    mint: '0x5',
    value: '0x5',
    gas: '0xf4240',
    isSystemTx: false,
    input: '0x',
  }
  const bytes = `7ef853a0${word.slice(2)}94${to.slice(2)}94${to.slice(2)}0505830f42408080`
  expect(transactionsRoot([deposit])).toBe(orderedRoot([Uint8Array.fromHex(bytes)]))
  expect([isKnownType(deposit), isKnownType({ type: '0x64' })]).toEqual([true, false])
})
