import { describe, expect, test } from 'vitest'
import { isWeftError } from '#domain/errors.ts'
import { readSettings } from './settings.ts'

const epochs = {
  WEFT_DATA_DIR: '/tmp/epochs',
  WEFT_ANCHOR_RPC_URL: 'http://127.0.0.1:8545',
  WEFT_ANCHOR_CHAIN_ID: '7869',
  WEFT_PROTOCOL_STATE: `0x${'AB'.repeat(20)}`,
  WEFT_DATA_MARKET: `0x${'cd'.repeat(20)}`,
  WEFT_SOURCE_RPC_URL: 'http://127.0.0.1:8546',
  WEFT_SOURCE_CHAIN_ID: '1',
  WEFT_SIGNER_KEY: 'ee'.repeat(32),
}

function problemsOf(flags: Record<string, string>, env: Record<string, string>): readonly string[] {
  try {
    readSettings('epochs', flags, env)
  } catch (failure) {
    if (isWeftError(failure, 'SETTINGS_INVALID')) return failure.facts.problems as readonly string[]
    throw failure
  }
  return []
}

describe('settings', () => {
  test('are read from the environment, with defaults', () => {
    const settings = readSettings('epochs', {}, epochs)
    expect(settings.protocolState).toBe(`0x${'ab'.repeat(20)}`)
    expect(settings.anchorChainId).toBe(7869)
    expect(settings.headOffset).toBe(2)
  })

  test('a flag wins over the environment', () => {
    expect(readSettings('epochs', { headOffset: '7' }, { ...epochs, WEFT_HEAD_OFFSET: '3' }).headOffset).toBe(7)
  })

  test('all problems are reported at once', () => {
    const { WEFT_DATA_MARKET: _, ...rest } = epochs
    const problems = problemsOf({ headOffset: '1e3' }, { ...rest, WEFT_ANCHOR_RPC_URL: 'localhost', WEFT_HED_OFFSET: '1' })
    expect(problems).toHaveLength(4)
    expect(problems.join('\n')).toMatch(
      /WEFT_HED_OFFSET is not a setting[\s\S]*--anchor-rpc-url[\s\S]*--data-market .* is needed[\s\S]*--head-offset.*'1e3'/,
    )
  })

  test.each(['-1', '10001', '0x10', '', ' 5'])('the bad integer %j never becomes the default', (text) => {
    expect(problemsOf({ headOffset: text }, epochs)).toHaveLength(1)
  })

  test('a secret never prints', () => {
    const settings = readSettings('epochs', {}, epochs)
    expect(JSON.stringify(settings)).not.toContain('eeee')
    expect(`${settings.signerKey}`).toBe('[secret]')
    expect(settings.signerKey.reveal()).toBe(epochs.WEFT_SIGNER_KEY)
  })
})
