import { describe, expect, test } from 'vitest'
import { contradictionIn, parentNumberIn } from './contract-number.ts'
import { headerOf } from './scripted.test-node.ts'

/** Of block 305,419,897 of Arbitrum One's kind: 7 messages sent, parent block 21,553,220, ArbOS 32. */
const NITRO = {
  ...headerOf(305_419_897),
  difficulty: '0x1',
  extraData: `0x${'5e'.repeat(32)}`,
  mixHash: `0x0000000000000007${(21_553_220).toString(16).padStart(16, '0')}00000000000000200000000000000000`,
  baseFeePerGas: '0x989680',
}
const TOLD = '0x148e044'

describe('what contracts see in a block', () => {
  test.each<[string, object, number | undefined]>([
    ['that a node says nothing of', headerOf(5), undefined],
    ['of Nitro, by its header', NITRO, 21_553_220],
    ['of Nitro, by header and node', { ...NITRO, l1BlockNumber: TOLD }, 21_553_220],
    ['of Nitro before all others, whose header says nothing', { ...headerOf(0), l1BlockNumber: '0x0' }, 0],
    ['of a chain whose header says nothing, by its node', { ...headerOf(5), l1BlockNumber: '0x9' }, 9],
    ['of a chain with proof of stake, whose mixHash is random', { ...NITRO, difficulty: '0x0' }, undefined],
    ['of a chain with proof of work', { ...NITRO, difficulty: '0x2' }, undefined],
    ['of a chain signed by authorities', { ...NITRO, extraData: `0x${'5e'.repeat(97)}` }, undefined],
    ['of a chain that leaves mixHash empty', { ...NITRO, mixHash: `0x${'0'.repeat(64)}` }, undefined],
    ['of a chain without a base fee', { ...NITRO, baseFeePerGas: undefined }, undefined],
  ])('%s', (_, header, expected) => {
    expect(parentNumberIn(header as Record<string, unknown>)).toBe(expected)
  })

  test.each<[string, object]>([
    ['another number than the header', { ...NITRO, l1BlockNumber: '0x148e045' }],
    ['what is no number', { ...headerOf(5), l1BlockNumber: 'many' }],
    ['a number that no block has', { ...headerOf(5), l1BlockNumber: '0x20000000000000' }],
  ])('is not known where the node says %s', (_, header) => {
    expect(() => parentNumberIn(header as Record<string, unknown>)).toThrow(/l1BlockNumber/)
  })
})

describe('beside a header that has the hash of its fields, a node', () => {
  test.each<[string, object, boolean]>([
    ['may say what the header says', { ...NITRO, l1BlockNumber: TOLD }, false],
    ['may say nothing', NITRO, false],
    ['may not say another number', { ...NITRO, l1BlockNumber: '0x5' }, true],
    ['may not make up a number', { ...headerOf(5), l1BlockNumber: '0x4' }, true],
  ])('%s', (_, header, isWrong) => {
    expect(contradictionIn(header as Record<string, unknown>) !== undefined).toBe(isWrong)
  })
})
