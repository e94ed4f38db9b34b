import { describe, expect, test } from 'vitest'
import type { BlockNumber } from '#domain/ids.ts'
import { readBlock, readBlocks, readHead, readHeader } from './block.ts'
import { createScriptedNode, hashOf, headerOf, hex } from './scripted.test-node.ts'

const at = (number: number) => number as BlockNumber
const refOf = (number: number) => ({
  number,
  contractNumber: number,
  hash: hashOf(`block ${number}`),
  parentHash: hashOf(`block ${number - 1}`),
  timestamp: 1_000 + number,
})
/** A node with blocks 0 to `head`; `change` puts other headers in their place. */
function nodeUpTo(head: number, change: Readonly<Record<number, object | null>> = {}) {
  return createScriptedNode({
    eth_getBlockByNumber: (block: string) => {
      const number = block === 'latest' ? head : Number(block)
      return number in change ? change[number] : number > head ? null : headerOf(number)
    },
  })
}

describe('a block', () => {
  test('is asked for by its number, without its transactions', async () => {
    const node = nodeUpTo(300)
    expect(await readBlock(node.rpc, at(255))).toEqual(refOf(255))
    expect(await readHead(node.rpc)).toEqual(refOf(300))
    expect(node.asked('eth_getBlockByNumber')).toEqual([
      ['0xff', false],
      ['latest', false],
    ])
  })

  test('above the head is not there; a head that is not there is no answer', async () => {
    expect(await readBlock(nodeUpTo(5).rpc, at(6))).toBeUndefined()
    await expect(readHead(nodeUpTo(5, { 5: null }).rpc)).rejects.toMatchObject({ code: 'CHAIN_ANSWER_INVALID' })
  })

  test('of another number than the one asked for is no answer', async () => {
    await expect(readBlock(nodeUpTo(9, { 6: headerOf(5) }).rpc, at(6))).rejects.toMatchObject({ code: 'CHAIN_ANSWER_INVALID' })
  })

  test('has a base fee on chains that have one', async () => {
    const { baseFeePerGas: _, ...legacy } = headerOf(5)
    expect(await readHeader(nodeUpTo(5).rpc, 'latest')).toMatchObject({ baseFeePerGas: 10n })
    expect(await readHeader(nodeUpTo(5, { 5: legacy }).rpc, 'latest')).toMatchObject({ baseFeePerGas: undefined })
    expect(await readHeader(nodeUpTo(5, { 5: { ...headerOf(5), baseFeePerGas: null } }).rpc, 'latest')).toMatchObject({
      baseFeePerGas: undefined,
    })
  })

  test.each([
    ['number', hex(2n ** 60n)],
    ['hash', '0x12'],
    ['parentHash', null],
    ['timestamp', 'noon'],
    ['baseFeePerGas', 'cheap'],
  ])('whose %s is %s is no answer', async (field, value) => {
    await expect(readHead(nodeUpTo(5, { 5: { ...headerOf(5), [field]: value } }).rpc)).rejects.toMatchObject({
      code: 'CHAIN_ANSWER_INVALID',
    })
  })
})

describe('a range of blocks', () => {
  test('has both its ends, each block the child of the one before', async () => {
    expect(await readBlocks(nodeUpTo(9).rpc, at(3), at(6))).toEqual([3, 4, 5, 6].map(refOf))
    expect(await readBlocks(nodeUpTo(9).rpc, at(3), at(3))).toEqual([refOf(3)])
  })

  test.each<[string, Readonly<Record<number, object | null>>, number[]]>([
    ['of two branches', { 5: { ...headerOf(5, ' of a fork') }, 6: headerOf(6, ' of a fork') }, [3, 4]],
    ['that ends above the head', { 6: null }, [3, 4, 5]],
    ['with a hole', { 4: null }, [3]],
    ['whose first block is not there', { 3: null }, []],
  ])('%s is handed out up to there', async (_name, change, numbers) => {
    expect(await readBlocks(nodeUpTo(9, change).rpc, at(3), at(6))).toEqual(numbers.map(refOf))
  })

  test.each<[string, Readonly<Record<number, object | null>>]>([
    ['with a block of another number', { 3: headerOf(2) }],
    ['that ends with a block of another number', { 6: { ...headerOf(6), number: '0x7' } }],
  ])('%s is no answer', async (_name, change) => {
    await expect(readBlocks(nodeUpTo(9, change).rpc, at(3), at(6))).rejects.toMatchObject({
      code: 'CHAIN_ANSWER_INVALID',
      facts: { detail: expect.stringMatching(/^block \d for block \d$/) },
    })
  })
})
