import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { isWeftError } from '#domain/errors.ts'
import { parseConfig } from './config.ts'

const A = `0x${'ab'.repeat(20)}`

function problemsOf(value: unknown): readonly string[] {
  try {
    parseConfig(typeof value === 'string' ? value : JSON.stringify(value), '--config f.json')
  } catch (failure) {
    if (isWeftError(failure, 'SETTINGS_INVALID')) return failure.facts.problems as readonly string[]
    throw failure
  }
  return []
}

describe('deployment configuration', () => {
  test('everything may be left out', () => {
    expect(parseConfig('{}', 'f')).toEqual({})
  })

  test('a whole one is read', () => {
    const market = {
      epochSize: 1,
      sourceChainId: 8_453,
      sourceBlockTimeSeconds: 0.25,
      blockNumbersAsEpochIds: true,
      windows: { snapshotBlocks: 5, batchBlocks: 6, attestationBlocks: 7 },
      minAttestations: 1,
      epochManager: A,
      sequencers: [A.toUpperCase().replace('0X', '0x')],
      validators: [A],
      admins: [A],
      sequencerId: '12D3KooW',
      rootOnlyBatches: true,
      dailySnapshotQuota: '10',
      rewardPoolWei: '0',
      rewards: false,
    }
    expect(parseConfig(JSON.stringify({ nodes: { name: 'n', priceWei: '1', mintStartTime: 0 }, market, slots: [A, A] }), 'f')).toEqual({
      nodes: { name: 'n', priceWei: 1n, mintStartTime: 0 },
      market: { ...market, sequencers: [A], dailySnapshotQuota: 10n, rewardPoolWei: 0n },
      slots: [A, A],
    })
  })

  test('all problems come at once, each with its place', () => {
    const problems = problemsOf({
      nodes: { priceWei: 1, colour: 'red' },
      market: { epochSize: 256, windows: { batchBlocks: 0 }, sequencers: ['0x12'], validators: [A, A] },
      slots: {},
      extra: 1,
    })
    expect(problems).toHaveLength(8)
    for (const path of [
      'nodes.priceWei',
      'nodes.colour',
      'market.epochSize',
      'market.windows.batchBlocks',
      'market.sequencers[0]',
      'market.validators',
      'slots',
      'extra',
    ])
      expect(problems.join('\n')).toContain(path)
  })

  test.each<[string, unknown, string]>([
    ['no JSON', '{,', '--config f.json is no JSON at position 1 (line 1 column 2)'],
    ['no object', '[]', '--config f.json: [] is not an object'],
    ['too long', `{}${' '.repeat(4 * 1024 * 1024)}`, 'larger than'],
    ['a null', { market: null }, 'market'],
    ['windows out of order', { market: { windows: { snapshotBlocks: 5, batchBlocks: 5 } } }, 'batchBlocks must be above'],
    [
      'an attestation window below',
      { market: { windows: { snapshotBlocks: 5, attestationBlocks: 5 } } },
      'attestationBlocks must be above',
    ],
    ['block numbers with long epochs', { market: { blockNumbersAsEpochIds: true, epochSize: 2 } }, 'needs epochSize 1'],
    ['more attestations than validators', { market: { validators: [A], minAttestations: 2 } }, 'more than there are validators'],
    ['five decimals of a second', { market: { sourceBlockTimeSeconds: 1.00001 } }, 'four decimals'],
    ['an admin named twice', { market: { admins: [A, A] } }, 'market.admins: names something twice'],
    ['a sequencer id with a space', { market: { sequencerId: '12D3 KooW' } }, 'market.sequencerId'],
    ['a sequencer id without an end', { market: { sequencerId: 'x'.repeat(201) } }, 'market.sequencerId'],
    ['a switch in words', { market: { rootOnlyBatches: 'yes' } }, 'market.rootOnlyBatches: "yes" is not true or false'],
    ['the zero address', { slots: [`0x${'0'.repeat(40)}`] }, 'slots[0]'],
    ['a price of zero', { nodes: { priceWei: '0' } }, 'nodes.priceWei'],
    ['a price with a sign', { nodes: { priceWei: '-1' } }, 'nodes.priceWei'],
    ['a name of the prototype', '{"__proto__": {}, "constructor": 1}', 'constructor is no setting'],
  ])('%s is refused', (_name, value, message) => {
    expect(problemsOf(value).join('\n')).toContain(message)
  })

  const KEY = 'da28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d'
  test.each<[string, string]>([
    ['a file that holds a key', KEY],
    ['one with a line end', `0x${KEY}\n`],
    ['one in quotes', `"${KEY}"`],
    ['one in a list', `["${KEY}"]`],
    ['half of one', KEY.slice(0, 44)],
    ['a key in broken JSON', `{"market": {"epochManager": "${KEY}"`],
    ['a key beside a value', `{"market": {"epochManager": ${KEY}}}`],
    ['a key where an address belongs', `{"market": {"epochManager": "0x${KEY}"}}`],
    ['a key where a list belongs', `{"slots": "${KEY}"}`],
    ['a key among addresses', `{"slots": ["${A}", "${KEY}"]}`],
    ['a key where an object belongs', `{"market": "${KEY}"}`],
  ])('%s appears in no message, nor does a part of it', (_name, text) => {
    let told = ''
    try {
      parseConfig(text, '--config f.json')
    } catch (failure) {
      expect(failure).toMatchObject({ code: 'SETTINGS_INVALID' })
      told = inspect(failure, { depth: 10 })
    }
    expect(told).toContain('--config f.json')
    expect(windowsOf(KEY).filter((part) => told.includes(part))).toEqual([])
  })
})

/** Every run of eight of its characters. */
function windowsOf(text: string): string[] {
  return Array.from({ length: text.length - 7 }, (_, start) => text.slice(start, start + 8))
}
