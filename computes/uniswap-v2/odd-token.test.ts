import type { ChainValue, JsonValue, SnapshotCompute, SourceReader } from 'weft/compute'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { WeftError } from '../../src/domain/errors.ts'
import { canonicalJson, parseCanonicalJson } from '../../src/wire/canonical-json.ts'
import { symbolOf } from './contracts.ts'
import * as scripted from './scripted.test-source.ts'
import { uniswapV2 } from './uniswap-v2.ts'

/** Tokens that do not answer as ERC-20 says, by the rules of the README: none takes another one down. */

const vector: scripted.Vector = JSON.parse(readFileSync(new URL('../../test/vectors/uniswap-v2.json', import.meta.url), 'utf8'))
const UNI = '0x1f9840a85d5af5bf1d1762f925bdaddc4201f984'
const UNI_DAI = '0x00000000000000000000000000000000000D41F1'

type Read = Parameters<SourceReader['read']>[0]
type Answer = (call: Read) => readonly ChainValue[]
const refused: Answer = ({ function: call }) => {
  throw new WeftError('CALL_REVERTED', { call, reason: 'not of that form' })
}
const unreachable: Answer = () => {
  throw new WeftError('CHAIN_UNREACHABLE', { endpoint: 'http://a', method: 'eth_call' })
}
/** As a `bytes32`: the hex digits, and zeros behind them. */
const word = (digits: string): Answer => {
  const answer = [`0x${digits.padEnd(64, '0')}`]
  return (call) => (call.function.endsWith('(bytes32)') ? answer : refused(call))
}

/** The chain of the vector with one function of one token answered otherwise. */
function sourceWith(name: 'symbol' | 'name' | 'decimals', answer: Answer, token = UNI): SourceReader {
  return scripted.scriptedSource(vector, (call) =>
    call.address === token && call.function.startsWith(`function ${name}(`) ? answer(call) : undefined,
  )
}
const symbolIn = (answer: Answer) => symbolOf(UNI, { source: sourceWith('symbol', answer), blockNumber: vector.epoch.begin })

describe('a symbol', () => {
  test.each<[string, Answer, string]>([
    ['that is a text is that text, an empty one too', () => [''], ''],
    ['of 32 bytes is their text without the zeros at the end, as peers name Maker', word('4d4b52'), 'MKR'],
    ['that fills all 32 bytes is all of them', word('41'.repeat(32)), 'A'.repeat(32)],
    ['of 32 zeros is empty', word(''), ''],
    ['of bytes that are no UTF-8 has replacements for them', word('41ff42'), 'A\ufffdB'],
    ['of a byte order mark keeps it, as Python does', word('efbbbf41'), '\ufeffA'],
    ['that ends in a zero digit keeps it', word('4150'), 'AP'],
    ['that is a number in a word is none: its token is named by its address', word('00'.repeat(31).concat('20')), UNI],
    ['that reverts, or of a token without code, is the address', refused, UNI],
    ['longer than any name is none', () => ['A'.repeat(257)], UNI],
    ['of 256 letters is a name', () => ['A'.repeat(256)], 'A'.repeat(256)],
  ])('%s', async (_title, answer, expected) => {
    expect(await symbolIn(answer)).toBe(expected)
  })

  test('that the endpoint does not tell is not made up: another node would compute another snapshot', async () => {
    await expect(symbolIn(unreachable)).rejects.toMatchObject({ code: 'CHAIN_UNREACHABLE' })
    const half: Answer = (call) => (call.function.endsWith('(bytes32)') ? unreachable(call) : refused(call))
    await expect(symbolIn(half)).rejects.toMatchObject({ code: 'CHAIN_UNREACHABLE' })
  })
})

describe('the ranking of all pairs', () => {
  const parsed = (text: string | undefined): JsonValue => parseCanonicalJson(new TextEncoder().encode(text))
  const base = vector.sources
    .flatMap((pair) => [
      { projectId: `pairContract_pair_total_reserves:${pair.toLowerCase()}:NS`, snapshot: parsed(vector.snapshots[pair]?.totalReserves) },
      { projectId: `aggregate_pairContract_24h_trade_volume:${pair.toLowerCase()}:NS`, snapshot: parsed(vector.dayVolumes[pair]) },
    ])
    .map((each) => ({ ...each, epochId: 7 }))
  async function ranked(source: SourceReader, type = 'aggregate_24h_top_pairs'): Promise<string> {
    const { aggregates } = uniswapV2.create(scripted.configOf(vector))
    const ranking = aggregates.find(({ projectType }) => projectType === type) as (typeof aggregates)[number]
    const input = { epoch: vector.epoch, projectId: 'top:NS', base, history: scripted.scriptedHistory({}), source, epochsIn: () => 4 }
    return new TextDecoder().decode(canonicalJson(await ranking.aggregate(input)))
  }

  test.each<[string, Answer, string]>([
    ['in 32 bytes', word('554e49'), 'UNI'],
    ['that is missing', refused, UNI],
    ['that is no UTF-8', word('ff'), '\\ufffd'],
  ])('with a symbol %s is what it was, but for the names of the pairs of that token', async (_title, answer, symbol) => {
    const expected = vector.topPairs.replaceAll('"name":"UNI-', `"name":"${symbol}-`).replaceAll('-UNI"', `-${symbol}"`)
    expect(await ranked(sourceWith('symbol', answer))).toBe(expected)
  })

  test('does without decimals, which the base snapshots have used', async () => {
    expect(await ranked(sourceWith('decimals', refused))).toBe(vector.topPairs)
  })

  test('that cannot be made says which pair is to blame', async () => {
    await expect(ranked(sourceWith('symbol', unreachable))).rejects.toThrow(`pair ${UNI_DAI.toLowerCase()}: `)
  })

  test.each<[string, 'symbol' | 'name', Answer, string]>([
    ['symbol in 32 bytes', 'symbol', word('554e49'), 'UNI'],
    ['name in 32 bytes, as peers name Maker', 'name', word('4d616b6572'), 'Maker'],
    ['name that is missing', 'name', refused, UNI],
    ['name longer than any', 'name', () => ['A'.repeat(257)], UNI],
  ])('of tokens takes a %s', async (_title, what, answer, expected) => {
    const { tokens } = JSON.parse(await ranked(sourceWith(what, answer), 'aggregate_24h_top_tokens')) as {
      tokens: readonly Readonly<Record<string, string>>[]
    }
    expect(tokens.find(({ address }) => address?.toLowerCase() === UNI)?.[what]).toBe(expected)
  })
})

describe('a token without decimals', () => {
  async function snapshot(projectType: string, dataSource: string, source: SourceReader): Promise<string> {
    const computes = uniswapV2.create(scripted.configOf(vector))
    const preloaded = new Map<string, unknown>()
    for (const { taskType, preload } of computes.preloads) preloaded.set(taskType, await preload({ epoch: vector.epoch, source }))
    const compute = computes.snapshots.find((each) => each.projectType === projectType) as SnapshotCompute
    return new TextDecoder().decode(canonicalJson(await compute.compute({ epoch: vector.epoch, dataSource, source, preloaded })))
  }
  const hasUni = (pair: string) =>
    vector.pairs.some(({ address, tokens }) => address.toLowerCase() === pair.toLowerCase() && tokens.includes(UNI))

  test.each(vector.sources)('ends its own pairs with a reason that names it, and no other: %s', async (dataSource) => {
    const source = sourceWith('decimals', refused)
    const expected = vector.snapshots[dataSource]
    for (const [type, text] of [
      ['pairContract_pair_total_reserves', expected?.totalReserves],
      ['pairContract_trade_volume', expected?.feeOnTrade],
    ] as const) {
      if (hasUni(dataSource)) await expect(snapshot(type, dataSource, source)).rejects.toThrow(`token ${UNI} does not tell its decimals`)
      else expect(await snapshot(type, dataSource, source)).toBe(text)
    }
  })

  test('that the endpoint does not tell is the failure of the endpoint', async () => {
    const source = sourceWith('decimals', unreachable)
    await expect(snapshot('pairContract_trade_volume', UNI_DAI, source)).rejects.toMatchObject({ code: 'CHAIN_UNREACHABLE' })
  })
})
