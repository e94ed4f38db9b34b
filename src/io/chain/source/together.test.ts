import { describe, expect, test } from 'vitest'
import type { BlockNumber } from '#domain/ids.ts'
import { createScriptedNode, hashOf, headerOf, refuse, reverts } from '#io/chain/rpc/scripted.test-node.ts'
import { runMulticall } from './multicall.test-node.ts'
import { createStateReader } from './state.ts'
import { createTogether } from './together.ts'

/** Views of one turn, asked in as few calls as there are blocks. */

const BAD = `0x${'bd'.repeat(20)}`
const EMPTY = `0x${'ee'.repeat(20)}`
const addressOf = (index: number) => `0x${index.toString(16).padStart(40, '0')}`
const placeAt = (number: number) => ({ blockNumber: number as BlockNumber, blockHash: hashOf(`block ${number}`) })
const viewOf = (to: string) => ({ to, data: '0x0a0b', gas: '0xffffff' })
const NO_HASHES = refuse(-32_602, 'invalid argument 1: hex string has length 0')
const NO_OVERRIDES = refuse(-32_602, 'too many arguments, want at most 2')

/** A view answers with its contract's address; one contract reverts, another has no code. */
function open(
  many: (data: string) => unknown = (data) => runMulticall(data, ({ to }) => (to === BAD ? undefined : to === EMPTY ? '0x' : to)),
) {
  const single = ({ to }: { readonly to: string }) => (to === BAD ? reverts('K') : to === EMPTY ? '0x' : to)
  const node = createScriptedNode({
    eth_getBlockByNumber: (block: string) => (Number(block) > 20 ? null : headerOf(Number(block))),
    eth_call: (call: { readonly to: string; readonly data: string }, _block: unknown, overrides?: object) =>
      overrides === undefined ? single(call) : many(call.data),
  })
  return { node, read: createTogether(node.rpc, createStateReader(node.rpc)) }
}
const ok = (result: string) => ({ isOk: true, result })

describe('views of one turn', () => {
  test('are one call for each block, with the block above; each has its own answer', async () => {
    const { node, read } = open()
    const addresses = Array.from({ length: 150 }, (_, index) => addressOf(index + 1))
    const answers = await Promise.all([7, 8].flatMap((number) => addresses.map((to) => read(placeAt(number), viewOf(to)))))
    expect(answers).toEqual([...addresses, ...addresses].map(ok))
    expect(node.calls.map(({ method, params }) => [method, params[1]])).toEqual([
      ['eth_call', { blockHash: hashOf('block 7'), requireCanonical: true }],
      ['eth_getBlockByNumber', false],
      ['eth_call', { blockHash: hashOf('block 8'), requireCanonical: true }],
      ['eth_getBlockByNumber', false],
    ])
  })

  test('more than two hundred are asked in several calls', async () => {
    const { node, read } = open()
    await Promise.all(Array.from({ length: 401 }, (_, index) => read(placeAt(7), viewOf(addressOf(index + 1)))))
    expect(node.asked('eth_call').map(([, , overrides]) => overrides !== undefined)).toEqual([true, true, false])
  })

  test('that fail, or return nothing, are asked once more by themselves, and nobody else is', async () => {
    const { node, read } = open()
    const answers = await Promise.all([addressOf(1), BAD, EMPTY, addressOf(2)].map((to) => read(placeAt(7), viewOf(to))))
    expect(answers).toMatchObject([ok(addressOf(1)), { isOk: false, refusal: { code: 3 } }, ok('0x'), ok(addressOf(2))])
    expect(
      node
        .asked('eth_call')
        .slice(1)
        .map(([call]) => (call as { to: string }).to),
    ).toEqual([BAD, EMPTY])
  })

  test('a view alone, or of a block that is not named by its hash, is a call as ever', async () => {
    const { node, read } = open()
    await read(placeAt(7), viewOf(addressOf(1)))
    await Promise.all([1, 2].map((index) => read({ blockNumber: 7 as BlockNumber }, viewOf(addressOf(index)))))
    expect(node.asked('eth_call').map(([, , overrides]) => overrides)).toEqual([undefined, undefined, undefined])
  })

  test.each([
    ['refuses overrides', () => NO_OVERRIDES],
    ['passes over them, and finds no code at the zero address', () => '0x'],
    ['answers with something else', () => `0x01${'0'.repeat(7)}2aa`],
    ['knows no hashes either', () => NO_HASHES],
  ])('where an endpoint %s they are asked one by one, and so are the next', async (_, many) => {
    const { node, read } = open(many)
    const two = () => Promise.all([1, 2].map((index) => read(placeAt(7), viewOf(addressOf(index)))))
    expect([await two(), await two()]).toEqual(Array(2).fill([ok(addressOf(1)), ok(addressOf(2))]))
    const isTogether = () => node.asked('eth_call').filter(([, , overrides]) => overrides !== undefined).length
    expect(isTogether()).toBe(1)
    // Another endpoint may answer by then.
    for (let groups = 0; groups < 64; groups += 1) await two()
    expect(isTogether()).toBe(2)
  })

  test('a call that as a whole runs out of gas says nothing about the next', async () => {
    const { node, read } = open(() => refuse(-32_000, 'out of gas'))
    const two = () => Promise.all([1, 2].map((index) => read(placeAt(7), viewOf(addressOf(index)))))
    expect([await two(), await two()]).toEqual(Array(2).fill([ok(addressOf(1)), ok(addressOf(2))]))
    expect(node.asked('eth_call').filter(([, , overrides]) => overrides !== undefined)).toHaveLength(2)
  })

  test('N17: are no answers when the block above is of another fork, or not there', async () => {
    const { read } = open()
    const other = { blockNumber: 7 as BlockNumber, blockHash: hashOf('block 7 other') }
    for (const place of [other, placeAt(20)]) {
      const outcomes = await Promise.allSettled([1, 2].map((index) => read(place, viewOf(addressOf(index)))))
      expect(outcomes).toMatchObject(Array(2).fill({ reason: { code: 'CHAIN_ANSWER_INVALID', kind: 'transient' } }))
    }
  })
})
