import fc from 'fast-check'
import { getAddress } from 'viem'
import { expect, test } from 'vitest'
import { checksummed } from './checksum.ts'

const replay = process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) }

test('agrees with viem', () => {
  const addresses = fc
    .array(fc.constantFrom(...'0123456789abcdef'), { minLength: 40, maxLength: 40 })
    .map((digits) => `0x${digits.join('')}` as const)
  fc.assert(
    fc.property(addresses, (address) => {
      expect(checksummed(address)).toBe(getAddress(address))
    }),
    { numRuns: 50, ...replay },
  )
})

test('takes any case and refuses what is no address', () => {
  expect(checksummed('0x7A250D5630B4CF539739DF2C5DACB4C659F2488D')).toBe('0x7a250d5630B4cF539739dF2C5dAcb4c659F2488D')
  for (const text of ['', '0x', '7a250d5630b4cf539739df2c5dacb4c659f2488d', '0x7a250d5630b4cf539739df2c5dacb4c659f2488g'])
    expect(() => checksummed(text)).toThrow('not an address')
})
