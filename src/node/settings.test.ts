import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { isWeftError } from '#domain/errors.ts'
import { parseAddress } from '#domain/ids.ts'
import { writeNetwork } from './network.ts'
import { readSettings, type Role, type SettingName, unlessGiven } from './settings.ts'

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

const PEER = '12D3KooWQzLtLgEt4JEebiXfEjZgAB8gZ58JHaVvZjGEuHhBBJMn'
const collector = { ...epochs, WEFT_SEQUENCERS: `/dns/example.org/tcp/9100/p2p/${PEER}` }

function problemsOf(flags: Record<string, string>, env: Record<string, string>, role: Role = 'epochs'): readonly string[] {
  try {
    readSettings(role, flags, env)
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

  test.each<[SettingName, string]>([
    ['signerKey', 'needed'],
    ['protocolState', 'needed, or from the network file'],
    ['network', 'default none'],
    ['relays', 'default none'],
    ['firstBlock', 'default 0'],
    ['p2pListen', 'default /ip4/127.0.0.1/tcp/0'],
  ])('%s, unless given: %s', (name, words) => {
    expect(unlessGiven(name)).toBe(words)
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

  test.each([
    '',
    ' , ',
    'garbage',
    '/ip4/127.0.0.1/tcp/9100',
    `/ip4/127.0.0.1/udp/9100/p2p/${PEER}`,
    `/ip4/1.2.3.4/tcp/x/p2p/${PEER}`,
    '/ip4/127.0.0.1/tcp/9100/p2p/somebody',
    `/ip4/127.0.0.1/tcp/9100/p2p/${PEER.slice(1)}`,
  ])('a collector does not start towards %j, where nothing could ever be delivered', (sequencers) => {
    expect(problemsOf({ sequencers }, collector, 'collector')).toHaveLength(1)
  })

  test('a list of peers, direct and behind a relay', () => {
    const relay = 'QmNLei78zWmzUdbeRB3CiUfAizWUrbeeZh5K1rhAQKCh51'
    const direct = `/ip4/127.0.0.1/tcp/9100/p2p/${PEER}`
    const relayed = `/ip6/::1/tcp/4001/p2p/${relay}/p2p-circuit/p2p/${PEER}`
    expect(readSettings('collector', { sequencers: `${direct}, ${relayed}` }, collector).sequencers).toEqual([direct, relayed])
  })

  test.each(['50051', 'localhost:', 'localhost:65536'])('%j is not host:port', (grpcListen) => {
    expect(problemsOf({ grpcListen }, collector, 'collector')).toHaveLength(1)
  })

  test.each(['', 'ee'.repeat(31), `${'ee'.repeat(32)}0`, 'file:/nowhere'])('the bad key %j is a problem that does not tell it', (key) => {
    const problems = problemsOf({}, { ...epochs, WEFT_SIGNER_KEY: key })
    expect(problems).toHaveLength(1)
    expect(problems[0]).not.toContain('eeee')
  })

  test('a network file supplies what neither flag nor variable gives', () => {
    const folder = mkdtempSync(join(tmpdir(), 'weft-settings-'))
    const path = join(folder, 'network.json')
    const address = (byte: string) => parseAddress(`0x${byte.repeat(20)}`)
    const contracts = { protocolState: address('01'), dataMarket: address('02'), nodes: address('03'), factory: address('04') }
    const { WEFT_ANCHOR_CHAIN_ID: _, WEFT_PROTOCOL_STATE: __, ...rest } = epochs
    try {
      expect(problemsOf({}, rest).join()).toContain('(WEFT_ANCHOR_CHAIN_ID) or --network is needed')
      expect(problemsOf({ network: path }, rest).join()).toContain('there is no file')
      writeNetwork(path, { chainId: 5, deploymentBlock: 1, ...contracts })
      const settings = readSettings('epochs', { network: path }, rest)
      expect(settings).toMatchObject({ anchorChainId: 5, protocolState: contracts.protocolState, dataMarket: epochs.WEFT_DATA_MARKET })
      expect(readSettings('epochs', { anchorChainId: '7' }, { ...rest, WEFT_NETWORK: path }).anchorChainId).toBe(7)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('a secret never prints', () => {
    const settings = readSettings('epochs', {}, epochs)
    expect(JSON.stringify(settings)).not.toContain('eeee')
    expect(`${settings.signerKey}`).toBe('[secret]')
    expect(settings.signerKey.reveal()).toBe(epochs.WEFT_SIGNER_KEY)
  })
})
