import { describe, expect, test } from 'vitest'
import type { BlockNumber } from '#domain/ids.ts'
import { createScriptedNode, hashOf, headerOf, refuse, reverts } from '#io/chain/rpc/scripted.test-node.ts'
import type { Script } from '#io/chain/rpc/scripted.test-node.ts'
import { createStateReader } from './state.ts'

/** Views as of a block of one fork, on nodes that know EIP-1898 and on others. */

const BLOCK = 9
const place = { blockNumber: BLOCK as BlockNumber, blockHash: hashOf(`block ${BLOCK}`) }
const CALL = { to: '0x01', data: '0x', gas: '0x1' }

function open(call: Script, options: { readonly head?: number; readonly forks?: readonly string[] } = {}) {
  const { head = 20, forks = [] } = options
  const left = [...forks]
  const node = createScriptedNode({
    eth_getBlockByNumber: (block: string) => (Number(block) > head ? null : headerOf(Number(block), left.shift() ?? '')),
    eth_call: call,
  })
  const read = createStateReader(node.rpc)
  return { node, read: () => read(place, CALL) }
}
const NO_HASHES = refuse(-32_602, 'invalid argument 1: hex string has length 0')
/** A node that takes numbers only. */
const byNumber: Script = (_call: object, block: unknown) => (typeof block === 'string' ? '0x07' : NO_HASHES)

describe('a view as of a block of one fork', () => {
  test('names the block by its hash, and asks for the one above in the same turn', async () => {
    const { node, read } = open(() => '0x07')
    expect(await read()).toEqual({ isOk: true, result: '0x07' })
    expect(node.calls).toEqual([
      { method: 'eth_call', params: [CALL, { blockHash: place.blockHash, requireCanonical: true }] },
      { method: 'eth_getBlockByNumber', params: ['0xa', false] },
    ])
  })

  test('is asked for by number where hashes are not known, between two looks at the block above; that is found out once', async () => {
    const { node, read } = open(byNumber)
    expect([await read(), await read()]).toEqual([
      { isOk: true, result: '0x07' },
      { isOk: true, result: '0x07' },
    ])
    expect(node.asked('eth_call').map(([, block]) => block)).toEqual([{ blockHash: place.blockHash, requireCanonical: true }, '0x9', '0x9'])
    expect(node.calls.slice(-3).map(({ method }) => method)).toEqual(['eth_getBlockByNumber', 'eth_call', 'eth_getBlockByNumber'])
  })

  test('is asked for by its hash again after a while: it may have been another endpoint that did not know them', async () => {
    let answer: Script = byNumber
    const { node, read } = open((...params) => answer(...params))
    await read()
    answer = () => '0x07'
    for (let reads = 0; reads < 65; reads += 1) await read()
    const hashes = node.asked('eth_call').filter(([, block]) => typeof block !== 'string')
    expect(hashes).toHaveLength(2)
  })

  test('is no answer of the newest block, whose state may be that of the one that is being made', async () => {
    await expect(open(() => '0x07', { head: BLOCK }).read()).rejects.toMatchObject({ code: 'CHAIN_ANSWER_INVALID', kind: 'transient' })
    await expect(open(byNumber, { head: BLOCK }).read()).rejects.toMatchObject({ code: 'CHAIN_ANSWER_INVALID', kind: 'transient' })
  })

  test.each([
    ['the block above is of another fork', () => '0x07', [' other']],
    ['by number, another fork came before the call', byNumber, ['', ' other', ' other']],
    ['by number, another fork came during the call', byNumber, ['', '', ' other']],
  ] as const)('is no answer when %s', async (_, call, forks) => {
    await expect(open(call, { forks }).read()).rejects.toMatchObject({ code: 'CHAIN_ANSWER_INVALID', kind: 'transient' })
  })

  test('that reverts reverts, and a node that lacks the block says so', async () => {
    expect(await open(() => reverts('K')).read()).toMatchObject({ isOk: false, refusal: { code: 3 } })
    expect(await open(() => refuse(-32_000, 'header for hash not found')).read()).toMatchObject({ isOk: false, refusal: { code: -32_000 } })
  })
})
