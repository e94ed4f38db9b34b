import { expect, test } from 'vitest'
import { CONTRACT_CODES, CONTRACT_ERRORS, meaningOf } from './contract-codes.ts'

test('every short code from E01 to E48 has a meaning', () => {
  expect(Object.keys(CONTRACT_CODES)).toEqual(Array.from({ length: 48 }, (_, index) => `E${String(index + 1).padStart(2, '0')}`))
})

test.each([
  ['E41', CONTRACT_CODES.E41],
  ['BatchContentDiffers anchored=0xc0', CONTRACT_ERRORS.BatchContentDiffers],
  ['OwnableUnauthorizedAccount 0x51', 'The account it names does not own the contract: sign with the key of the owner.'],
  ['Not enough Power!', undefined],
  ['', undefined],
  ['constructor', undefined],
])('%j means %j', (reason, meaning) => {
  expect(meaningOf(reason)).toBe(meaning)
})
