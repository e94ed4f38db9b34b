import { describe, expect, test } from 'vitest'
import {
  byCodeUnit,
  isProjectId,
  isSubmissionId,
  namespaceOf,
  PROJECT_ID_LENGTH_MAX,
  type ProjectId,
  parseAddress,
  parseBlockNumber,
  parseEpochId,
  parseHash,
  parseProjectId,
  parseSlotId,
  safeUint,
} from './ids.ts'

const DIGITS = '0123456789abcdefABCDEF0123456789abcdefAB'
const ADDRESS = `0x${DIGITS}`
const HASH = `0x${DIGITS}${DIGITS.slice(0, 24)}`
const UUID = '0f8fad5b-d9cb-469f-a165-70867728950e'
const LONG = 'ä'.repeat(81)

describe('a whole number from outside', () => {
  test.each<[string | number | bigint, number | undefined]>([
    ['0', 0],
    ['7', 7],
    ['120', 120],
    ['9007199254740991', 2 ** 53 - 1],
    ['9007199254740992', undefined],
    ['10000000000000000', undefined],
    [12, 12],
    [12n, 12],
    [-0, 0],
    [1.5, undefined],
    [-1, undefined],
    [-1n, undefined],
    [2 ** 53, undefined],
    [2n ** 53n, undefined],
    [Number.NaN, undefined],
    ['', undefined],
    ['012', undefined],
    ['12abc', undefined],
    ['a12', undefined],
    [' 12', undefined],
    ['0x10', undefined],
    ['1e3', undefined],
    ['-1', undefined],
  ])('%s is %s', (value, expected) => {
    expect(safeUint(value)).toBe(expected)
  })

  test.each([
    ['epoch id', parseEpochId],
    ['slot id', parseSlotId],
    ['block number', parseBlockNumber],
  ])('is read as %s, or the failure says what it should have been', (what, parse) => {
    expect([parse('7'), parse(7), parse(7n)]).toEqual([7, 7, 7])
    expect(() => parse(LONG)).toThrow(expect.objectContaining({ code: 'ID_MALFORMED', facts: { what, text: 'ä'.repeat(80) } }))
    expect(() => parse(-1)).toThrow(expect.objectContaining({ facts: { what, text: '-1' } }))
  })
})

describe('a project id', () => {
  test.each([
    ['a:N', true],
    ['a:0x1:N', true],
    ['a:b:c:N', true],
    ['!:~', true],
    [`${'a'.repeat(PROJECT_ID_LENGTH_MAX - 2)}:N`, true],
    [`${'a'.repeat(PROJECT_ID_LENGTH_MAX - 1)}:N`, false],
    ['', false],
    ['aN', false],
    [':N', false],
    ['a:', false],
    ['a::N', false],
    [' a:N', false],
    ['a:N\n', false],
    ['a: N', false],
    ['a:N\x7f', false],
    ['ä:N', false],
  ])('%j: %s', (text, isOne) => {
    expect(isProjectId(text)).toBe(isOne)
  })

  test('is read as it is written, or the failure says so', () => {
    expect(parseProjectId('a:0xAb:N')).toBe('a:0xAb:N')
    expect(() => parseProjectId(LONG)).toThrow(
      expect.objectContaining({ code: 'ID_MALFORMED', facts: { what: 'project id', text: 'ä'.repeat(80) } }),
    )
  })

  test('ends with its namespace', () => {
    expect(['a:N', 'a:0x1:NAME'].map((id) => namespaceOf(id as ProjectId))).toEqual(['N', 'NAME'])
  })
})

describe.each([
  ['address', parseAddress, ADDRESS],
  ['32-byte hash', parseHash, HASH],
] as const)('%s', (what, parse, text) => {
  test('is read in any case of its digits, into lower case', () => {
    expect(parse(text)).toBe(text.toLowerCase())
  })
  test.each([
    ['one digit too few', text.slice(0, -1)],
    ['one digit too many', `${text}0`],
    ['something before it', ` ${text}`],
    ['a line end after it', `${text}\n`],
    ['no digit among them', `${text.slice(0, -1)}g`],
    ['no 0x', text.slice(2)],
    ['nothing', ''],
  ])('is refused with %s', (_, wrong) => {
    expect(() => parse(wrong)).toThrow(expect.objectContaining({ code: 'ID_MALFORMED', facts: { what, text: wrong.slice(0, 80) } }))
  })
  test('is told in the failure by its beginning', () => {
    expect(() => parse(LONG)).toThrow(expect.objectContaining({ facts: { what, text: 'ä'.repeat(80) } }))
  })
})

describe('a submission id', () => {
  test.each([
    [UUID, true],
    [UUID.toUpperCase(), true],
    [UUID.replace('-4', '-1'), false],
    [UUID.replace('-a', '-c'), false],
    [UUID.replaceAll('-', ''), false],
    [`x${UUID}`, false],
    [`${UUID}0`, false],
    [UUID.replace('0f', 'xx'), false],
    ['', false],
  ])('%j: %s', (text, isOne) => {
    expect(isSubmissionId(text)).toBe(isOne)
  })
})

test.each([
  ['a', 'b', -1],
  ['b', 'a', 1],
  ['a', 'a', 0],
  ['Z', 'a', -1],
  ['a', 'aa', -1],
])('%j before %j: %d', (left, right, order) => {
  expect(byCodeUnit(left, right)).toBe(order)
})
