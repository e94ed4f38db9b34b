import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { sha256 } from 'multiformats/hashes/sha2'
import { describe, expect, test } from 'vitest'
import { CHUNK_BYTES, isCid, isSnapshotCid, snapshotCidOf } from './cid.ts'

const replay = process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) }
const filled = (length: number) => new Uint8Array(length).map((_, index) => index % 251)
const good = 'bafkreicecnx2gvntm6fbcrvnc336qze6st5u7qq7457igegamd3bzkx7ri'

describe('computing', () => {
  test('one raw block up to the chunk size, a dag-pb tree above', async () => {
    const exact = filled(CHUNK_BYTES)
    expect(await snapshotCidOf(exact)).toBe(CID.createV1(raw.code, await sha256.digest(exact)).toString())
    expect(await snapshotCidOf(exact)).toMatch(/^bafkrei/)
    expect(await snapshotCidOf(filled(CHUNK_BYTES + 1))).toMatch(/^bafybei/)
  })
})

describe('recognising', () => {
  test.each([
    [good, true],
    ['bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi', true],
    ['', false],
    [good.slice(0, -1), false],
    [`${good}a`, false],
    [`b${good}`, false],
    [good.toUpperCase(), false],
    [`z${good.slice(1)}`, false],
    [good.replace('bafkrei', 'bafyrei'), false], // dag-cbor
    [`${good.slice(0, -1)}j`, false], // a set padding bit
    [`${good.slice(0, -1)}\n`, false],
    [`${good.slice(0, 20)}1${good.slice(21)}`, false],
    [`${good.slice(0, 20)}é${good.slice(21)}`, false],
    ['QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG', false],
  ])('%j is a snapshot CID: %s', (text, expected) => {
    expect(isSnapshotCid(text)).toBe(expected)
  })

  test.each([
    [good, true],
    ['QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG', true],
    ['QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbd', false],
    ['QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbd0', false],
    ['QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdGa', false],
    ['QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG\n', false],
    // 32 zeros and the text before; 32 times 0xff and the text after.
    ['QmNLei78zWmzUdbeRB3CiUfAizWUrbeeZh5K1rhAQKCh51', true],
    ['QmNLei78zWmzUdbeRB3CiUfAizWUrbeeZh5K1rhAQKCh4z', false],
    ['QmfZy5bvk7a3DQAjCbGNtmrPXWkyVvPrdnZMyBZ5q5ieKG', true],
    ['QmfZy5bvk7a3DQAjCbGNtmrPXWkyVvPrdnZMyBZ5q5ieKH', false],
    ['Qmzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz', false],
    ['garbage', false],
  ])('%j is a CID: %s', (text, expected) => {
    expect(isCid(text)).toBe(expected)
  })

  test('accepts exactly what a full decoder accepts', () => {
    const alphabet = 'abcdefghijklmnopqrstuvwxyz234567'
    const digits = fc.array(fc.constantFrom(...alphabet), { minLength: 52, maxLength: 52 }).map((list) => list.join(''))
    fc.assert(
      fc.property(fc.constantFrom('bafkrei', 'bafybei', 'bafyrei', 'bafkreh'), digits, (prefix, tail) => {
        const text = prefix + tail
        expect(isSnapshotCid(text)).toBe(decoderAccepts(text))
      }),
      { numRuns: 2_000, ...replay },
    )
  })

  test('accepts exactly those of version 0 that a full decoder accepts', () => {
    const base58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
    const digits = fc.string({ minLength: 43, maxLength: 44, unit: fc.constantFrom(...base58, '0', 'l') })
    fc.assert(
      fc.property(fc.constantFrom('QmN', 'QmNL', 'QmYw', 'Qmf', 'QmfZ', 'Qmg'), digits, (prefix, tail) => {
        const text = (prefix + tail).slice(0, 46)
        expect(isCid(text)).toBe(decodesAsVersion0(text))
      }),
      { numRuns: 2_000, ...replay },
    )
  })
})

function decodesAsVersion0(text: string): boolean {
  try {
    return CID.parse(text).version === 0
  } catch {
    return false
  }
}

function decoderAccepts(text: string): boolean {
  try {
    const cid = CID.parse(text)
    return cid.toString() === text && [0x55, 0x70].includes(cid.code) && cid.multihash.code === 0x12 && cid.multihash.size === 32
  } catch {
    return false
  }
}
