import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  blocksOf,
  bulk,
  EPOCH_BLOCKS_MAX,
  isContractRefusal,
  quotient,
  roundHalfEven,
  scaled,
  type SourceReader,
  truncateTo,
} from './compute.ts'
import { WeftError } from './errors.ts'

const replay = { seed: Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31)) }
console.info(`compute FUZZ_SEED=${replay.seed}`)

/** The double as an exact fraction of bigints. */
function fractionOf(value: number): { numerator: bigint; denominator: bigint } {
  let denominator = 1n
  let whole = value
  while (!Number.isInteger(whole)) {
    whole *= 2
    denominator *= 2n
  }
  return { numerator: BigInt(whole), denominator }
}
const abs = (value: bigint) => (value < 0n ? -value : value)

describe('scaled', () => {
  test.each([
    [0n, 18, 0],
    [1n, 18, 1e-18],
    [5_000_000n, 6, 5],
    [-15n, 1, -1.5],
    [7n, 0, 7],
    [9007199254740993999999999999n, 18, 9007199254.740993],
    [75502158154927531475573037n, 18, 75502158.15492754], // Number(raw) / 1e18 ends in 52.
    [2n ** 112n - 1n, 18, 5192296858534828],
  ])('%s / 10**%d', (raw, decimals, expected) => {
    expect(scaled(raw, decimals)).toBe(expected)
  })

  test('is the nearest double', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 256n }), fc.integer({ min: 0, max: 60 }), (raw, decimals) => {
        const quotient = scaled(raw, decimals)
        const scale = 10n ** BigInt(decimals)
        const got = fractionOf(quotient)
        for (const step of [-1n, 1n]) {
          const other = fractionOf(neighbour(quotient, step))
          const gotDistance = abs(got.numerator * scale - raw * got.denominator) * other.denominator
          const otherDistance = abs(other.numerator * scale - raw * other.denominator) * got.denominator
          expect(gotDistance <= otherDistance).toBe(true)
        }
      }),
      { numRuns: 500, ...replay },
    )
  })
})

function neighbour(value: number, step: bigint): number {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  view.setBigInt64(0, value === 0 ? 1n : view.getBigInt64(0) + step)
  return view.getFloat64(0)
}

describe('quotient', () => {
  test.each([
    [1n, 3n, 1 / 3],
    [-1n, 3n, -1 / 3],
    [1n, -3n, -1 / 3],
    [-6n, -4n, 1.5],
    [0n, 5n, 0],
    [0n, -5n, -0],
    [9007199254740993n, 1n, 9007199254740992],
    [9007199254740995n, 1n, 9007199254740996],
    // Just above the half between two doubles: what is left over decides.
    [9007199254740993n * 10n ** 30n + 1n, 10n ** 30n, 9007199254740994],
    [314159265358979323846264338327n, 10n ** 27n, 314.1592653589793],
  ])('%s / %s', (numerator, denominator, expected) => {
    expect(quotient(numerator, denominator)).toBe(expected)
  })

  test('by zero is refused', () => {
    expect(() => quotient(1n, 0n)).toThrow(new RangeError('1 cannot be divided by 0'))
  })
})

describe('roundHalfEven', () => {
  test.each([
    [0.0078125, 6, 0.007812],
    [0.0234375, 6, 0.023438],
    [-0.0078125, 6, -0.007812],
    [2.5, 0, 2],
    [3.5, 0, 4],
    [0.5, 0, 0],
    [-0.5, 0, -0],
    [2.675, 2, 2.67],
    [1.005, 2, 1],
    [1e22, 6, 1e22],
    [-3, 2, -3],
    [-2.5, 0, -2],
    [-3.5, 0, -4],
    [Number.NEGATIVE_INFINITY, 6, Number.NEGATIVE_INFINITY],
    [-1e-9, 6, -0],
    [-0, 6, -0],
    [1234.5678915, 6, 1234.567892],
    [Number.NaN, 6, Number.NaN],
  ])('%d to %d digits is %d', (value, digits, expected) => {
    expect(roundHalfEven(value, digits)).toBe(expected)
  })
})

describe('truncateTo', () => {
  test.each([
    [1.999999, 1.99999],
    [-1.999999, -1.99999],
    [0.3, 0.3],
    [-0.000001, 0],
    [7e-5, 6e-5], // As in Python: 7e-5 * 1e5 is 6.999999999999999.
    [123456789.123456, 123456789.12345],
  ])('%d to 5 digits is %d', (value, expected) => {
    expect(truncateTo(value, 5)).toBe(expected)
  })

  test('refuses what Python cannot truncate', () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, 1e305])
      expect(() => truncateTo(value, 5)).toThrow(new RangeError(`${value} cannot be truncated`))
  })
})

test('the Python on this machine, if any, computes the same', () => {
  const values = fc.sample(
    fc.oneof(
      fc.double({ noNaN: true, min: -1e15, max: 1e15 }),
      fc.integer().map((integer) => integer / 256),
    ),
    { numRuns: 400, ...replay },
  )
  const raws = fc.sample(fc.bigInt({ min: 0n, max: 2n ** 200n }), { numRuns: 200, ...replay })
  const program = `
import json, math, sys
values, raws = json.load(sys.stdin)
print(json.dumps([[round(v, 6).hex(), (math.trunc(v * 1e5) / 1e5).hex()] for v in map(float.fromhex, values)]))
print(json.dumps([(int(raw) / 10 ** d).hex() for raw in raws for d in (0, 6, 8, 18)]))
print(json.dumps([(int(raw) / (int(other) + 1)).hex() for raw, other in zip(raws, raws[1:])]))`
  const hex = (value: number) => pythonHex(value)
  const input = JSON.stringify([values.map(hex), raws.map(String)])
  const run = spawnSync('python3', ['-c', program], { input, encoding: 'utf8' })
  if ((run.error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return
  const [floats, scaledOnes, quotients] = run.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line)) as [[string, string][], string[], string[]]
  expect(values.map((value) => [hex(roundHalfEven(value, 6)), hex(truncateTo(value, 5))])).toEqual(floats)
  expect(raws.flatMap((raw) => [0, 6, 8, 18].map((decimals) => hex(scaled(raw, decimals))))).toEqual(scaledOnes)
  expect(raws.slice(1).map((other, index) => hex(quotient(raws[index] as bigint, other + 1n)))).toEqual(quotients)
})

/** `float.hex()` of Python. */
function pythonHex(value: number): string {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  const bits = view.getBigUint64(0)
  const exponent = Number((bits >> 52n) & 0x7ffn)
  const fraction = bits & 0xfffffffffffffn
  const sign = bits >> 63n === 1n ? '-' : ''
  if (exponent === 0 && fraction === 0n) return `${sign}0x0.0p+0`
  const power = exponent === 0 ? -1022 : exponent - 1023
  return `${sign}0x${exponent === 0 ? 0 : 1}.${fraction.toString(16).padStart(13, '0')}p${power < 0 ? '' : '+'}${power}`
}

describe('blocksOf', () => {
  test('lists both ends and refuses absurd ranges', () => {
    expect(blocksOf({ epochId: 1, begin: 5, end: 7 })).toEqual([5, 6, 7])
    expect(blocksOf({ epochId: 1, begin: 5, end: 5 })).toEqual([5])
    expect(blocksOf({ epochId: 1, begin: 1, end: EPOCH_BLOCKS_MAX })).toHaveLength(EPOCH_BLOCKS_MAX)
    for (const [end, length] of [
      [4, 0],
      [5 + EPOCH_BLOCKS_MAX, EPOCH_BLOCKS_MAX + 1],
      [Number.NaN, Number.NaN],
    ] as const)
      expect(() => blocksOf({ epochId: 1, begin: 5, end })).toThrow(
        new RangeError(`epoch 1 spans ${length} blocks; 1 to ${EPOCH_BLOCKS_MAX} are possible`),
      )
  })
})

test.each([
  ['a contract that reverts or answers in another form', new WeftError('CALL_REVERTED', { call: 'f', reason: '' }), true],
  ['an endpoint that is out of reach', new WeftError('CHAIN_UNREACHABLE', { endpoint: '', method: '' }), false],
  ['a module of its own mistake', new Error('CALL_REVERTED'), false],
])('what every node gets alike may be computed with: %s: %j', (_title, failure, isAlike) => {
  expect(isContractRefusal(failure)).toBe(isAlike)
})

test('a compute in bulk mode answers by itself for one data source, in whatever case, and throws when it says nothing of it', async () => {
  const compute = bulk({ projectType: 'wallet', dataSources: ['0xAA'], preloads: [], all: async () => new Map([['0xaa', 7n]]) })
  const input = { epoch: { epochId: 3, begin: 1, end: 1 }, source: {} as SourceReader, preloaded: new Map() }
  expect(await compute.compute({ ...input, dataSource: '0xAA' })).toBe(7n)
  await expect(compute.compute({ ...input, dataSource: '0xBB' })).rejects.toThrow('0xBB has no snapshot in epoch 3')
})
