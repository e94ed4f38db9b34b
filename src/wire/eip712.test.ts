import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { domainSeparator, hashStruct, hashTypedData } from 'viem'
import type { Address, BlockNumber, Cid, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import type { SubmissionRequest } from '#domain/submission.ts'
import { createSubmissionHasher, parseSignature, readSignature } from './eip712.ts'

const replay = process.env.FUZZ_SEED === undefined ? {} : { seed: Number(process.env.FUZZ_SEED) }

const types = {
  EIPRequest: [
    { name: 'slotId', type: 'uint256' },
    { name: 'deadline', type: 'uint256' },
    { name: 'snapshotCid', type: 'string' },
    { name: 'epochId', type: 'uint256' },
    { name: 'projectId', type: 'string' },
  ],
} as const

const uint = fc.oneof(fc.nat(), fc.maxSafeNat(), fc.constantFrom(0, 2 ** 31, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER))
const requests: fc.Arbitrary<SubmissionRequest> = fc.record({
  slotId: uint.map((value) => value as SlotId),
  deadlineBlock: uint.map((value) => value as BlockNumber),
  snapshotCid: fc
    .array(fc.nat({ max: 0x10ffff }), { maxLength: 90 })
    .map((points) => String.fromCodePoint(...points).toWellFormed() as Cid),
  epochId: uint.map((value) => value as EpochId),
  projectId: fc.string({ maxLength: 256 }).map((value) => value as ProjectId),
})
const contracts = fc.uint8Array({ minLength: 20, maxLength: 20 }).map((bytes) => `0x${bytes.toHex()}` as Address)

describe('digest', () => {
  test('is what viem computes, for any contract and requests, the hasher reused', () => {
    fc.assert(
      fc.property(
        contracts,
        fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
        fc.array(requests, { minLength: 1, maxLength: 4 }),
        (protocolState, chainId, sequence) => {
          const hasher = createSubmissionHasher({ chainId, protocolState })
          const domain = { name: 'PowerloomProtocolContract', version: '0.1', chainId, verifyingContract: protocolState as `0x${string}` }
          expect(hasher.domainSeparator).toBe(domainSeparator({ domain }))
          for (const request of [...sequence, ...sequence]) {
            const message = {
              slotId: BigInt(request.slotId),
              deadline: BigInt(request.deadlineBlock),
              snapshotCid: request.snapshotCid,
              epochId: BigInt(request.epochId),
              projectId: request.projectId,
            }
            expect(`0x${hasher.structHash(request).toHex()}`).toBe(hashStruct({ data: message, types, primaryType: 'EIPRequest' }))
            expect(`0x${hasher.digest(request).toHex()}`).toBe(hashTypedData({ domain, types, primaryType: 'EIPRequest', message }))
          }
        },
      ),
      { numRuns: 100, ...replay },
    )
  })

  test('stays right when more texts come than are remembered', () => {
    const hasher = createSubmissionHasher({ chainId: 1, protocolState: `0x${'11'.repeat(20)}` as Address })
    const request = (index: number) =>
      ({ slotId: 1, deadlineBlock: 2, snapshotCid: `cid${index}`, epochId: 3, projectId: `p${index}:N` }) as SubmissionRequest
    const first = hasher.digest(request(0)).toHex()
    const digests = new Set(Array.from({ length: 17_000 }, (_, index) => hasher.digest(request(index)).toHex()))
    expect([digests.size, hasher.digest(request(0)).toHex()]).toEqual([17_000, first])
  })
})

describe('signature', () => {
  const r = '11'.repeat(32)
  const s = '22'.repeat(32)
  const lowestHighS = '7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a1'
  const highestLowS = '7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0'

  test.each([
    ['v 27', `${r}${s}1b`, 0],
    ['v 28', `${r}${s}1c`, 1],
    ['v 0', `${r}${s}00`, 0],
    ['v 1', `${r}${s}01`, 1],
    ['0x', `0x${r}${s}1c`, 1],
    ['upper case', `${r}${'AB'.repeat(1)}${'22'.repeat(31)}1C`.replace('AB', '2B'), 1],
    ['the highest low s', `${r}${highestLowS}1b`, 0],
  ])('%s is taken', (_name, text, recoveryId) => {
    const parsed = parseSignature(text)
    expect(parsed?.subarray(0, 64).toHex()).toBe(text.replace('0x', '').slice(0, 128).toLowerCase())
    expect(parsed?.[64]).toBe(recoveryId)
  })

  test.each([
    ['empty', ''],
    ['short', `${r}${s}1`],
    ['long', `${r}${s}1b00`],
    ['no hex', `${r}${s}1g`],
    ['v 2', `${r}${s}02`],
    ['v 26', `${r}${s}1a`],
    ['v 29', `${r}${s}1d`],
    ['v 255', `${r}${s}ff`],
    ['zero r', `${'00'.repeat(32)}${s}1b`],
    ['zero s', `${r}${'00'.repeat(32)}1b`],
    ['the lowest high s', `${r}${lowestHighS}1b`],
    ['s of ones', `${r}${'ff'.repeat(32)}1b`],
    ['0X', `0X${r}${s}1b`],
    ['a line break', `${r}${s}1b\n`],
  ])('%s is refused', (_name, text) => {
    expect(parseSignature(text)).toBeUndefined()
  })

  test('of what is none nothing is left in the bytes of the caller', () => {
    const into = new Uint8Array(65)
    expect([readSignature(`${r}${s}1b`, into), into]).toEqual([true, parseSignature(`${r}${s}1b`)])
    for (const text of ['', `${r}${s}1d`, `${r}${lowestHighS}1b`, `${r}${s}1g`])
      expect([readSignature(text, into.fill(7)), into]).toEqual([false, new Uint8Array(65)])
  })

  test('any text is answered, never thrown at', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 140 }), (text) => {
        expect(parseSignature(text)).toBeUndefined()
      }),
      replay,
    )
  })
})
