import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { parseAddress } from '#domain/ids.ts'
import { writeNetwork } from '#node/network.ts'
import type { CarriedOut } from '#operator/carry-out.ts'
import { conductOf, placesOf, rpcUrlOf, sessionOf, tell } from './operator.ts'

const folder = mkdtempSync(join(tmpdir(), 'weft-operator-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const KEY = '7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d'
const at = (byte: string) => parseAddress(`0x${byte.repeat(20)}`)
const [protocolState, dataMarket, other] = [at('01'), at('02'), at('03')]
const NETWORK = { chainId: 7, protocolState, dataMarket, nodes: other, factory: other, deploymentBlock: 1 }
const FLAGS = { json: false, yes: false, dryRun: false }

let out: string
let err: string
beforeEach(() => {
  out = ''
  err = ''
})
/** A process of which nothing is real but what the commands ask of it. */
function processWith(env: Readonly<Record<string, string>> = {}): NodeJS.Process {
  return {
    env,
    stdin: { isTTY: false },
    stdout: {
      write: (text: string) => {
        out += text
      },
    },
    stderr: {
      write: (text: string) => {
        err += text
      },
    },
  } as unknown as NodeJS.Process
}
const problemsOf = (work: () => unknown): unknown => {
  try {
    return work()
  } catch (failure) {
    return (failure as { facts?: { problems?: unknown } }).facts?.problems ?? failure
  }
}

describe('where to ask', () => {
  test('is what the flag says, or else the variable', () => {
    const env = { WEFT_ANCHOR_RPC_URL: 'http://there' }
    expect(rpcUrlOf(processWith(env), { json: false })).toBe('http://there')
    expect(rpcUrlOf(processWith(env), { json: false, rpc: 'https://here' })).toBe('https://here')
  })

  test('must be said, and everything wrong is told at once', () => {
    expect(problemsOf(() => rpcUrlOf(processWith({ WEFT_RPC: 'x' }), { json: false }))).toEqual([
      'WEFT_RPC is not a setting of Weft',
      '--rpc (WEFT_ANCHOR_RPC_URL) is needed: the JSON-RPC endpoint of the anchor chain',
    ])
  })

  test.each(['localhost:8545', `ws://127.0.0.1/${KEY}`, ''])('%j is no URL to ask, and is not repeated: it may hold a key', (rpc) => {
    expect(problemsOf(() => rpcUrlOf(processWith(), { json: false, rpc }))).toEqual(['--rpc (WEFT_ANCHOR_RPC_URL): is not an http(s) URL'])
  })
})

describe('where the contracts are', () => {
  const dataDir = join(folder, 'data')
  const elsewhere = join(folder, 'elsewhere.json')
  mkdirSync(dataDir)
  writeNetwork(join(dataDir, 'network.json'), NETWORK)
  writeNetwork(elsewhere, { ...NETWORK, chainId: 8 })
  const places = (flags: object, env = {}) => placesOf(processWith(env), { json: false, ...flags })

  test('is found in the data directory, unless a network file is named; a flag wins over the variable', () => {
    expect(places({ dataDir }).network).toEqual(NETWORK)
    expect(places({}, { WEFT_DATA_DIR: dataDir }).network).toEqual(NETWORK)
    expect(places({ dataDir: folder }, { WEFT_DATA_DIR: dataDir }).network).toBeUndefined()
    expect(places({ dataDir }, { WEFT_NETWORK: elsewhere }).network?.chainId).toBe(8)
    expect(places({ dataDir, network: join(dataDir, 'network.json') }, { WEFT_NETWORK: elsewhere }).network?.chainId).toBe(7)
  })

  test('a file that is named and not there is no network that was never deployed', () => {
    const path = join(folder, 'nowhere.json')
    for (const [flags, env] of [
      [{ network: path }, {}],
      [{}, { WEFT_NETWORK: path }],
    ])
      expect(problemsOf(() => places({ dataDir, ...flags }, env))).toEqual([`--network (WEFT_NETWORK): there is no file ${path}`])
  })

  test('single contracts are named by flag or else by variable', () => {
    const env = { WEFT_PROTOCOL_STATE: other, WEFT_DATA_MARKET: other }
    expect(places({ dataDir }, env)).toMatchObject({ protocolState: other, dataMarket: other })
    expect(places({ dataDir, protocolState, dataMarket }, env)).toMatchObject({ protocolState, dataMarket })
    expect(places({ dataDir })).toMatchObject({ protocolState: undefined, dataMarket: undefined })
  })
})

describe('who signs', () => {
  const rpc = 'http://127.0.0.1:1'
  const session = (env: Record<string, string>, flags: object = {}) => sessionOf(processWith(env), { ...FLAGS, rpc, ...flags })

  test('is the account of the key, or of the file that holds it', () => {
    const path = join(folder, 'key')
    writeFileSync(path, `${KEY}\n`, { mode: 0o600 })
    for (const text of [KEY, `file:${path}`]) {
      const { key } = session({ WEFT_DEPLOYER_KEY: text })
      expect(key.kind === 'key' && key.text.reveal()).toBe(KEY)
      expect(inspect(key, { depth: 10 })).not.toContain(KEY.slice(0, 8))
    }
  })

  test('is nobody whose bare key lies in a file that others may read', () => {
    const path = join(folder, 'open-key')
    writeFileSync(path, KEY, { mode: 0o644 })
    const problems = problemsOf(() => session({ WEFT_DEPLOYER_KEY: `file:${path}` }))
    expect(problems).toEqual([expect.stringContaining(`chmod 600 ${path}`)])
  })

  test('is the account of the keystore where both are given, by flag or else by variable', () => {
    expect(session({ WEFT_DEPLOYER_KEY: KEY, WEFT_KEYSTORE: 'there' }).key).toMatchObject({ kind: 'keystore', path: 'there' })
    expect(session({ WEFT_KEYSTORE: 'there' }, { keystore: 'here' }).key).toMatchObject({ kind: 'keystore', path: 'here' })
  })

  test('is that of the remote signer, where one is named, and by a variable where nothing else is', () => {
    const url = `https://signer:9000/api/v1/eth1/sign/0x${'ab'.repeat(64)}`
    const ca = join(folder, 'ca.pem')
    writeFileSync(ca, '-----BEGIN CERTIFICATE-----\n')
    const { key } = session({ WEFT_DEPLOYER_KEY: KEY, WEFT_KEYSTORE: 'there' }, { signerUrl: url, signerCa: ca })
    expect(key).toMatchObject({ kind: 'remote', settings: { signerUrl: url } })
    expect(session({ WEFT_SIGNER_URL: url }).key).toMatchObject({ kind: 'remote' })
    expect(session({ WEFT_SIGNER_URL: url, WEFT_KEYSTORE: 'there' }).key).toMatchObject({ kind: 'keystore' })
    expect(problemsOf(() => session({}, { signerUrl: 'https://signer:9000/' }))).toEqual([
      '--signer-url (WEFT_SIGNER_URL): does not end in a public key: https://HOST:PORT/api/v1/eth1/sign/0x… and 128 hex digits',
    ])
    expect(problemsOf(() => session({}, { signerUrl: url, signerCa: join(folder, 'nowhere') }))).toEqual([
      `there is no file ${join(folder, 'nowhere')}`,
    ])
  })

  test('must be said', () => {
    expect(problemsOf(() => session({}))).toEqual([
      '--keystore (WEFT_KEYSTORE), WEFT_DEPLOYER_KEY or --signer-url is needed: the account that signs',
    ])
  })

  test('has a password in a file, or in a variable, which may name a file; without a terminal nobody is asked', async () => {
    const path = join(folder, 'password')
    writeFileSync(path, 'from the file\n')
    const passwordOf = async (env: Record<string, string>, flags: object = {}) => {
      const { key } = session({ WEFT_KEYSTORE: 'there', ...env }, flags)
      return key.kind === 'keystore' ? (await key.password()).reveal() : undefined
    }
    expect(await passwordOf({ WEFT_KEYSTORE_PASSWORD: 'given' }, { passwordFile: path })).toBe('from the file')
    expect(await passwordOf({ WEFT_KEYSTORE_PASSWORD: 'given' })).toBe('given')
    expect(await passwordOf({ WEFT_KEYSTORE_PASSWORD: '' })).toBe('')
    expect(await passwordOf({ WEFT_KEYSTORE_PASSWORD: `file:${path}` })).toBe('from the file')
    await expect(passwordOf({})).rejects.toMatchObject({ code: 'SETTINGS_INVALID' })
  })

  test('needs no key in a dry run, where an address will do, or nobody’s', () => {
    const dryRun = true
    expect(session({}, { dryRun }).key).toEqual({ kind: 'address', address: undefined })
    expect(session({}, { dryRun, from: other }).key).toEqual({ kind: 'address', address: other })
    expect(session({ WEFT_DEPLOYER_KEY: KEY }, { dryRun, from: other }).key).toEqual({ kind: 'address', address: other })
    expect(session({ WEFT_DEPLOYER_KEY: KEY }, { dryRun }).key.kind).toBe('key')
    expect(session({ WEFT_KEYSTORE: 'there' }, { dryRun }).key.kind).toBe('keystore')
    expect(problemsOf(() => session({ WEFT_DEPLOYER_KEY: KEY }, { from: other }))).toEqual([
      '--from is for --dry-run: to send, a key is needed',
    ])
  })

  test('a key that stands where the name of its file belongs is not told', () => {
    const told = inspect(
      problemsOf(() => session({ WEFT_DEPLOYER_KEY: `file:${KEY}` })),
      { depth: 10 },
    )
    expect(told).toContain('WEFT_DEPLOYER_KEY names a file that does not exist')
    expect(told).not.toContain(KEY.slice(0, 8))
  })

  test('works in the folder that is named, and sends nothing in a dry run', () => {
    expect(session({ WEFT_DEPLOYER_KEY: KEY })).toMatchObject({ rpcUrl: rpc, dataDir: '.weft', isDryRun: false })
    expect(session({ WEFT_DEPLOYER_KEY: KEY, WEFT_DATA_DIR: 'there' })).toMatchObject({ dataDir: 'there' })
    expect(session({ WEFT_DEPLOYER_KEY: KEY, WEFT_DATA_DIR: 'there' }, { dataDir: 'here', dryRun: true })).toMatchObject({
      dataDir: 'here',
      isDryRun: true,
    })
  })
})

describe('what is to be sent', () => {
  test('is shown and asked about; with nobody to ask it is not sent', async () => {
    await expect(conductOf(processWith(), FLAGS).confirm(['do a', 'do b'])).rejects.toMatchObject({
      code: 'CONFIRMATION_NEEDED',
      facts: { transactions: 2 },
    })
    expect(out).toBe('  · do a\n  · do b\n')
  })

  test('is sent unasked when that was said', async () => {
    const conduct = conductOf(processWith(), { ...FLAGS, yes: true })
    expect(await conduct.confirm(['do a'])).toBe(true)
    conduct.done('do a')
    expect(out, 'a file has the list already').toBe('  · do a\n  ✔ 1 of 1\n')
    conduct.done('do what came between')
    expect(out).toContain('✔ do what came between\n')
    expect(conduct.isDryRun).toBe(false)
    expect(conductOf(processWith(), { ...FLAGS, dryRun: true }).isDryRun).toBe(true)
  })

  test('goes to stderr where stdout is for JSON alone', async () => {
    const conduct = conductOf(processWith(), { ...FLAGS, json: true, yes: true })
    await conduct.confirm(['do a'])
    conduct.done('do a')
    expect([out, err]).toEqual(['', '  · do a\n  ✔ 1 of 1\n'])
  })

  test('is told step by step at a terminal, without what was so before', async () => {
    const process = processWith()
    Object.assign(process.stdout, { isTTY: true })
    const conduct = conductOf(process, { ...FLAGS, yes: true })
    await conduct.confirm(['set a to 2 (now 1)'])
    conduct.done('set a to 2 (now 1)')
    expect(out).toBe('  · set a to 2 (now 1)\n  ✔ set a to 2\n')
  })
})

describe('how it went', () => {
  const steps = ['do a', 'do b']
  const told = (carried: CarriedOut, json = false) => {
    const process = processWith()
    tell(process, { json }, carried, { amount: 7n })
    return { out, exitCode: process.exitCode }
  }

  test.each<[CarriedOut, string, number | undefined]>([
    [{ outcome: 'unchanged', changed: 0, steps: [] }, 'nothing to change\n', undefined],
    [{ outcome: 'changed', changed: 1, steps: ['do a'] }, '1 transaction sent\n', undefined],
    [{ outcome: 'changed', changed: 2, steps }, '2 transactions sent\n', undefined],
    [{ outcome: 'planned', changed: 0, steps }, '  · do a\n  · do b\n2 steps, nothing sent (dry run)\n', undefined],
    [{ outcome: 'declined', changed: 0, steps }, 'nothing sent\n', 1],
  ])('%j is told in words', (carried, words, exitCode) => {
    expect(told(carried)).toEqual({ out: words, exitCode })
  })

  test('is one JSON object where that was asked for, with amounts as text', () => {
    expect(told({ outcome: 'changed', changed: 2, steps }, true).out).toBe('{"changed":2,"amount":"7"}\n')
    out = ''
    expect(told({ outcome: 'planned', changed: 0, steps }, true).out).toBe('{"changed":0,"planned":["do a","do b"],"amount":"7"}\n')
    out = ''
    expect(told({ outcome: 'declined', changed: 0, steps }, true)).toEqual({ out: '{"changed":0,"amount":"7"}\n', exitCode: 1 })
  })
})
