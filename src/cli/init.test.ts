import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { PassThrough } from 'node:stream'
import { buildApplication, buildRouteMap, run } from '@stricli/core'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { Address, SlotId } from '#domain/ids.ts'
import { Secret } from '#domain/secret.ts'
import { encryptKeystore } from '#io/keys/keystore.ts'
import { createSigner, parsePrivateKey } from '#io/keys/secp256k1.ts'
import { serveWeb3Signer, type Web3Signer } from '#io/keys/web3signer.test-server.ts'
import { MAINNET_PRICES } from '#node/mainnet.ts'
import { configSchema } from '#node/node-config.ts'
import { initCommand } from './init.ts'

const folder = mkdtempSync(join(tmpdir(), 'weft-init-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const KEY = 'ab'.repeat(32)
const signer = createSigner(new Secret(Uint8Array.fromHex(KEY))).address
const [wallet, other] = ['0b', '0c'].map((byte) => `0x${byte.repeat(20)}`) as [Address, Address]
const PEER = '12D3KooWQzLtLgEt4JEebiXfEjZgAB8gZ58JHaVvZjGEuHhBBJMn'
const SEQUENCER = `/ip4/127.0.0.1/tcp/9100/p2p/${PEER}`
const IPFS = `/ip4/127.0.0.1/tcp/9102/p2p/${PEER}`
const slotOf = (slotId: number, of = signer) => ({ slotId: slotId as SlotId, owner: wallet, signer: of, isActive: true, isBurned: false })

const chain = vi.hoisted(() => ({ hasManifest: true }))
/** The two chains; keystores cost nothing to open. */
vi.mock('#operator/init.ts', async (original) => ({
  ...(await original<typeof import('#operator/init.ts')>()),
  async findMarket(rpcUrl: string) {
    if (rpcUrl !== 'http://anchor') throw new WeftError('CHAIN_UNREACHABLE', { endpoint: rpcUrl, method: 'eth_chainId' })
    return {
      chainId: 7,
      protocolState: other,
      dataMarket: other,
      sourceChainId: 1,
      sequencerId: PEER,
      slots: [slotOf(1), slotOf(2), slotOf(3), slotOf(4, other)],
      hasManifest: chain.hasManifest,
    }
  },
  async checkSource(endpoint: string) {
    if (endpoint !== 'http://source') throw new WeftError('CHAIN_WRONG', { endpoint, expectedChainId: 1, gotChainId: 7 })
  },
}))
vi.mock('#io/keys/keystore.ts', async (original) => {
  const real = await original<typeof import('#io/keys/keystore.ts')>()
  const encrypt = (key: never, options: object) =>
    real.encryptKeystore(key, { ...(options as { password: never }), cost: { n: 2, r: 1, p: 1 } })
  return { ...real, encryptKeystore: encrypt }
})

const at = (name: string): string => join(folder, name)
writeFileSync(at('password'), 'correct horse\n')
writeFileSync(at('keystore.json'), await encryptKeystore(new Secret(Uint8Array.fromHex(KEY)), { password: new Secret('correct horse') }))
writeFileSync(
  at('network.json'),
  JSON.stringify({ chainId: 7, protocolState: other, dataMarket: other, nodes: other, factory: other, deploymentBlock: 1 }),
)

let count = 0
let config: string
beforeEach(() => {
  config = at(`node-${count++}/weft.json`)
  chain.hasManifest = true
})

/** `weft init`, at a terminal where a person gives these answers, or elsewhere. */
async function init(answers: readonly string[] | undefined, ...args: string[]) {
  const stdin = Object.assign(new PassThrough(), { isTTY: answers !== undefined })
  const waiting = [...(answers ?? [])]
  let said = ''
  const asked: string[] = []
  const write = (text: string): boolean => {
    said += text
    if (/[^✔✘].*: $/s.test(text)) {
      asked.push(text)
      const answer = waiting.shift()
      if (answer === undefined) stdin.end()
      else stdin.write(`${answer}\n`)
    }
    return true
  }
  const stderr = Object.assign(new PassThrough(), { write })
  const process = { env: {}, exitCode: undefined as number | undefined, stdin, stdout: { write }, stderr }
  const application = buildApplication(buildRouteMap({ routes: { init: initCommand }, docs: { brief: 'x' } }), {
    name: 'weft',
    scanner: { caseStyle: 'allow-kebab-for-camel' },
    documentation: { caseStyle: 'convert-camel-to-kebab' },
  })
  await run(application, ['init', '--config', config, ...args], { process: process as never })
  expect(said).not.toMatch(new RegExp(`${KEY}|correct horse`))
  return { said, asked, unread: waiting, exitCode: process.exitCode ?? 0 }
}
const written = () => JSON.parse(readFileSync(config, 'utf8')) as object

const ALL = [
  ...['--network', at('network.json'), '--anchor-rpc-url', 'http://anchor', '--source-rpc-url', 'http://source'],
  ...['--key', at('keystore.json'), '--password-file', at('password'), '--sequencers', SEQUENCER],
]

describe('without a terminal', () => {
  test('flags say it all, and the file is one that a node starts from', async () => {
    const { said, exitCode } = await init(undefined, ...ALL)
    const next = `check     ./weft doctor node --config ${config}\nstart     ./weft node --config ${config}`
    expect([exitCode, said]).toEqual([0, expect.stringContaining(next)])
    expect(written()).toHaveProperty('$schema', './weft.schema.json')
    expect(JSON.parse(readFileSync(join(dirname(config), 'weft.schema.json'), 'utf8'))).toEqual(configSchema())
    expect(written()).toMatchObject({
      dataDir: expect.any(String),
      settings: { network: '../network.json', signerKey: 'file:../keystore.json', signerPassword: 'file:../password' },
      parts: { snapshotter: { slots: ['1-3'] }, collector: { sequencers: [SEQUENCER] } },
    })
  })

  test('everything wrong is told at once, and nothing is written', async () => {
    const wrong = ['--anchor-rpc-url', 'http://nowhere', '--source-rpc-url', 'http://anchor', '--key', at('none'), '--sequencers', 'there']
    const { said, exitCode } = await init(undefined, '--network', at('no.json'), ...wrong)
    for (const problem of ['--network: there is no file', '--key: ', "--sequencers: 'there' is not a multiaddr"])
      expect(said).toContain(problem)
    expect([exitCode === 0, existsSync(config)]).toEqual([false, false])
    const next = await init(undefined, ...ALL, '--slots', '2-4', '--role', 'snapshotter')
    expect(next.said).toContain(`--slots: 4: ${signer} does not sign for them. It does for 1-3`)
    expect((await init(undefined)).said).toContain('--network is needed')
  })

  /** As the last of a flag counts, the mistakes stand behind what is right. */
  const mistaken = (...changes: readonly string[]): string[] => {
    const names = changes.filter((_, index) => index % 2 === 0)
    const kept = ALL.filter((_, index) => !names.includes(ALL[index - (index % 2)] as string))
    return [...kept, ...changes]
  }

  test.each<[string, string[], string]>([
    ['a password that is another one’s', ['--password-file', at('keystore.json')], '--key: KEYSTORE_PASSWORD_WRONG'],
    ['a password file that is not there', ['--password-file', at('none')], '--password-file names a file that does not exist'],
    [
      'the folder of the network file',
      ['--network', folder],
      `--network: ${folder} is a folder, not a file: ${at('network.json')} is in it`,
    ],
    ['the folder of the keystore', ['--key', folder], `--key: ${folder} is a folder, not a file`],
    ['a keystore that is not there', ['--key', at('none')], `--key: there is no file ${at('none')}`],
    ['a data directory that is a file', ['--data-dir', at('password')], `--data-dir: ${at('password')} is no folder`],
    ['a data directory below a file', ['--data-dir', at('password/data')], `--data-dir: ${at('password')} is no folder`],
    [
      'a keystore as a deployed node',
      ['--from', at('keystore.json')],
      'nothing in it is of a deployed node. A keystore is named with --key',
    ],
  ])('%s is told as that, and nothing is written', async (_what, changes, words) => {
    const { said, exitCode } = await init(undefined, ...mistaken(...changes))
    expect([exitCode === 0, existsSync(config)]).toEqual([false, false])
    expect(said.replace(/\s+/g, ' ')).toContain(words)
  })

  test('URLs that are none are told with a network that is none', async () => {
    const wrong = mistaken('--network', at('none'), '--anchor-rpc-url', 'ws://anchor', '--source-rpc-url', 'source:8545')
    const { said } = await init(undefined, ...wrong)
    for (const flag of ['--network', '--anchor-rpc-url', '--source-rpc-url']) expect(said).toContain(`${flag}: `)
  })

  test('a file that is there is not replaced', async () => {
    await init(undefined, ...ALL)
    const before = readFileSync(config)
    const { said, exitCode } = await init(undefined, ...ALL, '--slots', '1')
    expect([exitCode === 0, said, readFileSync(config)]).toEqual([false, expect.stringContaining('is there already'), before])
  })

  test('a deployed node is taken over: its key as a keystore, its slots, and a table of all of it', async () => {
    const env = at('.env-mainnet')
    writeFileSync(
      env,
      `SOURCE_RPC_URL=http://source\nPOWERLOOM_RPC_URL=http://anchor\nPROTOCOL_STATE_CONTRACT=${other}\nDATA_MARKET_CONTRACT=${other}\nNAMESPACE=NS\nSLOT_ID=2\nSIGNER_ACCOUNT_PRIVATE_KEY=${KEY}\nSIGNER_ACCOUNT_ADDRESS=${signer}\nTELEGRAM_CHAT_ID=5\nTELEGRAM_REPORTING_URL=https://telling.example\nDEV_MODE=\n`,
    )
    const { said, exitCode } = await init(undefined, '--from', env, '--password-file', at('password'), '--sequencers', SEQUENCER)
    expect([exitCode, said]).toEqual([0, expect.stringMatching(/✔ SLOT_ID +slots\n[\s\S]*· DEV_MODE [\s\S]*✔ TELEGRAM_CHAT_ID +alertTo\n/)])
    expect(written()).toMatchObject({
      settings: {
        anchorChainId: 7,
        protocolState: other,
        namespace: 'NS',
        signerKey: `file:keys/${signer}.json`,
        alertTo: 'file:alert-to',
      },
      parts: { snapshotter: { slots: [2] } },
    })
    const told = join(dirname(config), 'alert-to')
    expect([readFileSync(told, 'utf8'), statSync(told).mode & 0o777]).toEqual(['telegram:https://telling.example;chat=5\n', 0o600])
    expect(said).not.toContain('telling')
  })
})

describe('a market without a manifest', () => {
  const projects = at('projects.json')
  beforeEach(() => {
    chain.hasManifest = false
    writeFileSync(
      projects,
      JSON.stringify({ computes: [{ name: 'eth-price', version: '1.0.0', config: { ...MAINNET_PRICES, dataSources: ['example'] } }] }),
    )
  })

  test('needs what a manifest would say: its namespace, and which computes', async () => {
    const { said, exitCode } = await init(undefined, ...ALL)
    for (const problem of ['--namespace is needed: Namespace of the market', '--market is needed: File that names'])
      expect(said).toContain(problem)
    expect([exitCode === 0, existsSync(config)]).toEqual([false, false])
    const wrong = await init(undefined, ...ALL, '--namespace', 'a:b', '--market', at('no.json'))
    for (const problem of [/--namespace: 'a:b' cannot end a project id/, /--market: .*no\.json/]) expect(wrong.said).toMatch(problem)
    expect((await init(undefined, ...ALL, '--namespace', 'NS', '--market', projects)).said).toContain('✔ eth-price 1.0.0')
    expect(written()).toMatchObject({ settings: { namespace: 'NS' }, parts: { snapshotter: { market: '../projects.json' } } })
  })

  test('is not asked for what no role of the file knows', async () => {
    await init(undefined, ...ALL, '--role', 'collector', '--namespace', 'NS')
    expect(written()).toEqual(expect.objectContaining({ parts: { collector: { sequencers: [SEQUENCER] } } }))
    expect(JSON.stringify(written())).not.toContain('namespace')
  })
})

describe('a remote signer', () => {
  const [key, another] = [parsePrivateKey(KEY), parsePrivateKey('cd'.repeat(32))]
  let there: Web3Signer
  beforeAll(async () => {
    there = await serveWeb3Signer([key])
  })
  afterAll(() => there.stop())
  const throughUrl = (url: string) => [...ALL.slice(0, 6), '--sequencers', SEQUENCER, '--key', url]

  test('is asked for a signature, and the file names it instead of a key', async () => {
    const { said, exitCode } = await init(undefined, ...throughUrl(there.urlOf(key)))
    expect([exitCode, said]).toEqual([0, expect.stringContaining(`signs as ${signer}`)])
    expect(written()).toMatchObject({ settings: { signerUrl: there.urlOf(key) }, parts: { snapshotter: { slots: ['1-3'] } } })
    expect(JSON.stringify(written())).not.toMatch(/signerKey|signerPassword/)
  })

  test.each<[string, () => string, RegExp, Parameters<Web3Signer['lie']>[0]]>([
    ['that has not the key', () => there.urlOf(another), /--key: SIGNER_FAILED.*404: it has no such key/, undefined],
    ['that nobody reaches', () => there.urlOf(key).replace(/:\d+\//, ':1/'), /--key: SIGNER_FAILED.*ECONNREFUSED/, undefined],
    ['whose signature is of something else', () => there.urlOf(key), /--key: SIGNER_LIED/, 'signs something else'],
    ['whose URL names no key', () => new URL(there.urlOf(key)).origin, /--key: does not end in a public key/, undefined],
  ])('%s is told of, and nothing is written', async (_what, url, problem, how) => {
    there.lie(how)
    const { said, exitCode } = await init(undefined, ...throughUrl(url()))
    there.lie()
    expect([exitCode === 0, said, existsSync(config)]).toEqual([false, expect.stringMatching(problem), false])
  })

  test('takes the place of the key of a deployed node, which stays where it is; certificates are for nothing else', async () => {
    const env = at('.env-remote')
    writeFileSync(env, `NAMESPACE=NS\nSIGNER_ACCOUNT_PRIVATE_KEY=${KEY}\nSIGNER_ACCOUNT_ADDRESS=${signer}\n`)
    const { said } = await init(undefined, '--from', env, ...throughUrl(there.urlOf(key)))
    expect(said).toMatch(/· SIGNER_ACCOUNT_PRIVATE_KEY +the key is where --key says/)
    expect(written()).toMatchObject({ settings: { signerUrl: there.urlOf(key), namespace: 'NS' } })
    expect(existsSync(join(dirname(config), 'keys'))).toBe(false)
    config = `${config}-again`
    expect((await init(undefined, ...ALL, '--signer-ca', at('ca.pem'))).said).toContain('--signer-ca and --signer-client are for the URL')
    expect((await init(undefined, ...throughUrl(there.urlOf(key)), '--signer-ca', at('ca.pem'))).said).toContain('there is no file')
  })

  test('is asked for again at a terminal, until it signs', async () => {
    const wrong = there.urlOf(another)
    const { said, unread } = await init(
      [wrong, there.urlOf(key)],
      ...ALL.slice(0, 6),
      '--sequencers',
      SEQUENCER,
      '--ipfs-peers',
      'none',
      '--slots',
      'all',
      '--wallet',
      wallet,
    )
    expect([unread, said]).toEqual([[], expect.stringMatching(/✘ SIGNER_FAILED[\s\S]*✔ http:\/\/127.*signs as/)])
  })
})

describe('at a terminal', () => {
  test('each answer is looked at while it is given, and a wrong one is asked for again', async () => {
    const answers = [
      ...[at('nowhere.json'), at('network.json')],
      ...['anchor', 'http://nowhere', 'http://anchor'],
      ...['http://anchor', 'http://source'],
      ...['there', SEQUENCER],
      ...['/ip4/127.0.0.1/tcp/9102', IPFS],
      ...[at('password'), at('keystore.json')],
      ...['', '4', '1-2'],
    ]
    const { said, unread, asked, exitCode } = await init(answers, '--password-file', at('password'))
    expect([exitCode, unread, asked.length]).toEqual([0, [], answers.length])
    for (const word of [
      '✘ there is no file',
      '✘ CHAIN_UNREACHABLE',
      '✘ CHAIN_WRONG',
      '✔ chain 7, 4 slots',
      `✔ the key of ${signer}`,
      '✔ 2 slots',
    ])
      expect(said).toContain(word)
    expect(written()).toMatchObject({ settings: { ipfsPeers: [IPFS] }, parts: { snapshotter: { slots: ['1-2'] } } })
  })
})
