import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { isWeftError } from '#domain/errors.ts'
import { parseAddress } from '#domain/ids.ts'
import { Secret } from '#domain/secret.ts'
import { encryptKeystore } from '#io/keys/keystore.ts'
import { writeNetwork } from './network.ts'
import { problemsOfArguments, readSettings } from './read-settings.ts'
import type { Role } from './settings/roles.ts'
import { flagOf, type SettingName, unlessGiven } from './settings/settings.ts'

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
    [
      'signerKey',
      'needed, or --signer-url; a collector needs --slots and --signer-key only for relays that serve none but slots (--admission)',
    ],
    ['protocolState', 'needed, or from the network file; a collector checks nothing but forms without it, and a relay serves anyone'],
    ['sequencers', 'default none'],
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

  test.each<[Record<string, string>, readonly string[]]>([
    [{}, ['--sequencers']],
    [{ trustedSequencers: 'https://example.org/list.json' }, ['--data-market']],
    [{ sequencers: `/ip4/1.2.3.4/tcp/1/p2p/${PEER}`, gateways: 'http://127.0.0.1:1' }, ['--anchor-rpc-url']],
    [{ trustedSequencers: 'list.json', dataMarket: `0x${'ab'.repeat(20)}` }, []],
    [{ trustedSequencers: 'http://example.org/list.json', dataMarket: `0x${'ab'.repeat(20)}` }, ['--trusted-sequencers-pin']],
    [
      { trustedSequencers: 'list.json', dataMarket: `0x${'ab'.repeat(20)}`, trustedSequencersPin: 'sha256:12' },
      ['--trusted-sequencers-pin'],
    ],
    [{ sequencers: `/ip4/127.0.0.1/tcp/9100/p2p/${PEER}` }, []],
    [
      { sequencers: `/ip4/127.0.0.1/tcp/9100/p2p/${PEER}`, anchorRpcUrl: 'http://127.0.0.1:8545' },
      ['--anchor-chain-id', '--protocol-state', '--data-market'],
    ],
    [
      { sequencers: `/ip4/127.0.0.1/tcp/9100/p2p/${PEER}`, slots: '7', signerKey: '11'.repeat(32) },
      ['--anchor-chain-id', '--protocol-state'],
    ],
    // Whom to believe that it is the sequencer, of those that are found, the chain says or nobody.
    [{ rendezvousPoint: 'market' }, ['--sequencers']],
    [{ rendezvousPoint: 'market', anchorRpcUrl: 'http://127.0.0.1:8545' }, ['--anchor-chain-id', '--protocol-state', '--data-market']],
  ])('what a collector needs hangs on what it is to do: %j', (flags, missing) => {
    const problems = problemsOf(flags, { WEFT_DATA_DIR: '/tmp/x' }, 'collector')
    expect(problems.map((problem) => problem.split(' ')[0])).toEqual(missing)
  })

  test('a list of peers, direct and behind a relay', () => {
    const relay = 'QmNLei78zWmzUdbeRB3CiUfAizWUrbeeZh5K1rhAQKCh51'
    const direct = `/ip4/127.0.0.1/tcp/9100/p2p/${PEER}`
    const relayed = `/ip6/::1/tcp/4001/p2p/${relay}/p2p-circuit/p2p/${PEER}`
    expect(readSettings('collector', { sequencers: `${direct}, ${relayed}` }, collector).sequencers).toEqual([direct, relayed])
  })

  test.each(['listen', 'ballot', 'seal'])('a sequencer in mode %s needs NATS, and one that only listens no key', (mode) => {
    const env = { ...epochs, WEFT_NAMESPACE: 'N', WEFT_WINDOW_UNIT: 'blocks' }
    expect(problemsOf({ mode }, env, 'sequencer')).toEqual([`--nats (WEFT_NATS) is needed with --mode ${mode}`])
    const { WEFT_SIGNER_KEY: _, ...keyless } = env
    const problems = problemsOf({ mode, nats: 'nats://127.0.0.1:4222' }, keyless, 'sequencer')
    expect(problems.map((problem) => problem.split(' ')[0])).toEqual(mode === 'listen' ? [] : ['--signer-key'])
  })

  test.each(['50051', 'localhost:', 'localhost:65536'])('%j is not host:port', (grpcListen) => {
    expect(problemsOf({ grpcListen }, collector, 'collector')).toHaveLength(1)
  })

  test('names by which health routes are called are those of `Host`, without ports', () => {
    const hosts = (text: string) => readSettings('relay', { healthHosts: text }, { WEFT_DATA_DIR: '/tmp/x' }).healthHosts
    expect(hosts('Node.example.org, metrics,[2001:db8::1],10.0.0.7')).toEqual(['node.example.org', 'metrics', '[2001:db8::1]', '10.0.0.7'])
    for (const bad of ['node.example.org:80', 'http://node', '*', '::1'])
      expect(problemsOf({ healthHosts: bad }, { WEFT_DATA_DIR: '/tmp/x' }, 'relay')).toEqual([expect.stringContaining('--health-hosts')])
  })

  test.each(['', 'too-short-secret'.slice(1), `${'secret'.repeat(50)}`, 'a secret with spaces in it', 'file:/nowhere/secret'])(
    'the bad token %j is a problem that does not tell it',
    (token) => {
      const problems = problemsOf({ authReadToken: token }, {}, 'sequencer').filter((problem) => problem.includes('read-token'))
      expect(problems).toHaveLength(1)
      expect(problems[0]).not.toContain('secret')
    },
  )

  test('a token is never printed, given as it is or in a file', () => {
    const folder = mkdtempSync(join(tmpdir(), 'weft-token-'))
    try {
      writeFileSync(join(folder, 'token'), 'a-token-of-24-characters\n')
      for (const given of ['a-token-of-24-characters', `file:${join(folder, 'token')}`]) {
        const problems = problemsOf({ authReadToken: given }, {}, 'sequencer')
        expect(problems.filter((problem) => problem.includes('read-token'))).toEqual([])
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test.each(['', 'ee'.repeat(31), `${'ee'.repeat(32)}0`, 'file:/nowhere'])('the bad key %j is a problem that does not tell it', (key) => {
    const problems = problemsOf({}, { ...epochs, WEFT_SIGNER_KEY: key })
    expect(problems).toHaveLength(1)
    expect(problems[0]).not.toContain('eeee')
  })

  test.each([
    ['one with a line end', `${'ee'.repeat(32)}\n`, true],
    ['one with 0x', `0x${'ee'.repeat(32)}`, true],
    ['one in quotes', `"${'ee'.repeat(32)}"`, false],
    ['one that is too short', 'ee'.repeat(31), false],
    ['one that is too long', 'ee'.repeat(33), false],
    ['two', `${'ee'.repeat(32)}\n${'ee'.repeat(32)}`, false],
    ['nothing', '', false],
  ])('a key in a file, %s: whatever it holds, nothing of it is told', (_, content, isTaken) => {
    const folder = mkdtempSync(join(tmpdir(), 'weft-key-'))
    const path = join(folder, 'key')
    writeFileSync(path, content, { mode: 0o600 })
    try {
      const env = { ...epochs, WEFT_SIGNER_KEY: `file:${path}` }
      const problems = problemsOf({}, env)
      if (isTaken) expect(readSettings('epochs', {}, env).signerKey.reveal()).toBe(content.trim())
      else
        expect(problems).toEqual([
          '--signer-key (WEFT_SIGNER_KEY): names a file that holds neither a keystore nor a private key: 64 hex digits',
        ])
      expect(problems.join()).not.toContain('eeee')
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  describe('the key of an account', () => {
    const folder = mkdtempSync(join(tmpdir(), 'weft-key-'))
    afterAll(() => rmSync(folder, { recursive: true }))
    const KEY = 'ee'.repeat(32)
    const file = (name: string, content: string, mode = 0o600): string => {
      writeFileSync(join(folder, name), content, { mode })
      chmodSync(join(folder, name), mode)
      return join(folder, name)
    }
    const keyOf = (text: string, env: Record<string, string> = {}) =>
      readSettings('epochs', {}, { ...epochs, ...env, WEFT_SIGNER_KEY: text }).signerKey.reveal()

    test.each([0o640, 0o604, 0o644])('in a file that others may read, mode %o, is refused with what mends it', (mode) => {
      const path = file('open', KEY, mode)
      expect(problemsOf({}, { ...epochs, WEFT_SIGNER_KEY: `file:${path}` })).toEqual([
        `--signer-key (WEFT_SIGNER_KEY): names a file with a bare key that others may read: chmod 600 ${path}, or better: ./weft keys import ${path}`,
      ])
    })

    test('is what systemd hands over by that name, whatever its mode, and nothing outside of its folder', () => {
      file('signer', `${KEY}\n`, 0o440)
      const env = { CREDENTIALS_DIRECTORY: folder }
      expect(keyOf('credential:signer', env)).toBe(KEY)
      expect(keyOf('credential:../../signer', env)).toBe(KEY)
      expect(problemsOf({}, { ...epochs, WEFT_SIGNER_KEY: 'credential:signer' })).toEqual([
        '--signer-key (WEFT_SIGNER_KEY): names a credential, and systemd has given none: CREDENTIALS_DIRECTORY is not set',
      ])
    })

    test('is still in its keystore, which others may read; one that no password opens is a problem at once', async () => {
      const text = await encryptKeystore(new Secret(Uint8Array.fromHex(KEY)), { password: new Secret('p'), cost: { n: 2, r: 1, p: 1 } })
      expect(keyOf(`file:${file('keystore', text, 0o644)}`)).toBe(text.trim())
      for (const [name, content] of Object.entries({
        no: '{"version": 1}',
        cut: text.slice(0, 100),
        crypto: `{"crypto": {"ciphertext": "${KEY}"}}`,
      })) {
        const problems = problemsOf({}, { ...epochs, WEFT_SIGNER_KEY: `file:${file(name, content)}` })
        expect(problems).toEqual([expect.stringMatching(/^--signer-key \(WEFT_SIGNER_KEY\): names a file that is no keystore: /)])
        expect(problems.join()).not.toContain('eeee')
      }
    })

    test('has a password of any characters, which a file may hold', () => {
      const env = { ...epochs, WEFT_SIGNER_PASSWORD: `file:${file('password', ' with spaces, ü \r\n')}` }
      expect(readSettings('epochs', {}, env).signerPassword.reveal()).toBe(' with spaces, ü ')
      expect(readSettings('epochs', {}, { ...epochs, WEFT_SIGNER_PASSWORD: 'as it is' }).signerPassword.reveal()).toBe('as it is')
      expect(readSettings('epochs', {}, epochs).signerPassword.reveal()).toBe('')
      expect(problemsOf({}, { ...epochs, WEFT_SIGNER_PASSWORD: `file:${file('empty', '')}` })).toEqual([
        '--signer-password (WEFT_SIGNER_PASSWORD): is empty',
      ])
    })

    test('may be on another machine, and is then not here', () => {
      const { WEFT_SIGNER_KEY: _, ...keyless } = epochs
      const url = `https://signer:9000/api/v1/eth1/sign/0x${'ab'.repeat(64)}`
      const pem = file('client.pem', '-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n')
      const remote = { ...keyless, WEFT_SIGNER_URL: url }
      const settings = readSettings('epochs', { signerClient: pem }, remote)
      expect([settings.signerUrl, settings.signerKey, `${settings.signerClient}`]).toEqual([url, undefined, '[secret]'])
      expect(problemsOf({}, keyless)).toEqual([expect.stringMatching(/^--signer-key \(WEFT_SIGNER_KEY\) or --signer-url is needed/)])
      expect(problemsOf({}, { ...epochs, WEFT_SIGNER_URL: url })).toEqual([expect.stringMatching(/are both given/)])
      chmodSync(pem, 0o644)
      expect(problemsOf({ signerClient: pem }, remote)).toEqual([expect.stringContaining(`chmod 600 ${pem}`)])
      expect(problemsOf({ signerCa: file('ca', 'x') }, remote)).toEqual([expect.stringMatching(/^--signer-ca .*is no PEM$/)])
      const ca = file('ca.pem', '-----BEGIN CERTIFICATE-----\n')
      expect(problemsOf({ signerCa: ca }, { ...remote, WEFT_SIGNER_URL: url.replace('https', 'http') })).toEqual([
        expect.stringMatching(/are for a --signer-url of https/),
      ])
    })

    test.each([
      ['https://signer:9000', /does not end in a public key/],
      [`https://user:word@signer/0x${'ab'.repeat(64)}`, /it would be logged/],
      ['signer:9000', /is not an http\(s\) URL/],
    ])('is on no machine at %s', (url, problem) => {
      const { WEFT_SIGNER_KEY: _, ...keyless } = epochs
      expect(problemsOf({ signerUrl: url }, keyless)).toEqual(expect.arrayContaining([expect.stringMatching(problem)]))
    })

    test('is refused among arguments, as a password is, with the reason and without being told', () => {
      const problems = problemsOfArguments({ signerKey: KEY, signerPassword: 'hunter2', slots: '1' })
      expect(problems).toEqual([
        expect.stringMatching(/^--signer-key: a key is not taken as an argument: .*lists the processes.*WEFT_SIGNER_KEY/),
        expect.stringMatching(/^--signer-password: a password is not taken as an argument: .*WEFT_SIGNER_PASSWORD/),
      ])
      expect(problems.join()).not.toMatch(/eeee|hunter2/)
      expect(problemsOfArguments({ signerKey: 'file:there', signerPassword: 'credential:here', headOffset: '3' })).toEqual([])
      // What no flag says.
      expect(problemsOfArguments({ signerKey: undefined, identityPassword: undefined })).toEqual([])
    })
  })

  test('a key that stands where the name of its file belongs is not told', () => {
    const problems = problemsOf({}, { ...epochs, WEFT_SIGNER_KEY: `file:${'ee'.repeat(32)}` })
    expect(problems).toEqual(['--signer-key (WEFT_SIGNER_KEY): names a file that does not exist'])
  })

  test.each<[Role, SettingName, readonly string[], readonly string[]]>([
    ['epochs', 'pollMs', ['50', '60000'], ['49', '60001', '1e3', '50.5', '']],
    ['epochs', 'headOffset', ['1', '10000'], ['0', '10001']],
    ['epochs', 'firstBlock', ['0', '9007199254740991'], ['9007199254740992']],
    ['epochs', 'anchorChainId', ['1', '9007199254740991'], ['0', '0x1']],
    [
      'epochs',
      'anchorRpcUrl',
      ['http://a', 'https://b:1/key', 'http://a;weight=2;rps=5;archive,http://b'],
      ['ws://a', 'a:1', '', '/etc/passwd', 'http://a;fast'],
    ],
    ['epochs', 'dataMarket', [`0x${'ab'.repeat(20)}`], [`0x${'ab'.repeat(19)}`, 'ab'.repeat(20), '']],
    ['sequencer', 'gatewayPort', ['0', '65535'], ['65536', '-1']],
    ['sequencer', 'projectsPerBatch', ['1', '1000'], ['0', '1001']],
    ['sequencer', 'windowUnit', ['blocks', 'seconds'], ['hours', 'Blocks', '']],
    ['sequencer', 'namespace', ['a', 'mainnet-UNISWAPV2-ETH'], ['', ' ', 'a b', 'a:b', 'ä']],
    ['sequencer', 'p2pListen', ['/ip4/0.0.0.0/tcp/1', '/ip4/127.0.0.1/tcp/1,/ip6/::1/tcp/2'], ['localhost:1', '/ip4/127.0.0.1/udp/1']],
    ['sequencer', 'ipfsListen', ['/dns4/example.org/tcp/1'], ['/ip4/127.0.0.1/tcp/x', '/ip4/127.0.0.1/tcp/1,/ip4/127.0.0.1/tcp/2', '']],
    ['sequencer', 'relays', ['', `/ip4/1.2.3.4/tcp/1/p2p/${PEER}`], ['/ip4/1.2.3.4/tcp/1']],
    ['relay', 'reservationsMax', ['1', '100000'], ['0', '100001']],
    [
      'validator',
      'pinPlaces',
      ['', 'kubo:http://10.0.0.7:5001', 'car:/a, kubo:http://a:1,kubo:https://b/c'],
      [
        'kubo',
        'kubo:',
        'kubo:ftp://a',
        'ipfs:http://a',
        'car:/a,car:/a',
        'kubo:http://a/x,kubo:http://a/y',
        Array.from({ length: 9 }, (_, n) => `car:/${n}`).join(),
      ],
    ],
    ['sequencer', 'pinGateways', ['', 'http://a, https://b/c'], ['a', 'ws://a', 'https://me:secret@a', 'https://a?key=secret']],
    ['sequencer', 'pinToken', ['eyJ.a-b_c='], ['', 'two words', 'file:/nowhere/at/all', 'Ä']],
    ['sequencer', 'pinMin', ['1'], ['0', '10', '2']],
    ['collector', 'grpcListen', ['127.0.0.1:0', '[::1]:65535'], ['50051', 'localhost:', 'localhost:65536', ':1']],
  ])('%s: %s takes %j and refuses %j, never for its default', (role, name, good, bad) => {
    const env = { ...collector, WEFT_NAMESPACE: 'NS' }
    for (const text of good) expect(problemsOf({ [name]: text }, env, role)).toEqual([])
    for (const text of bad) expect(problemsOf({ [name]: text }, env, role)).toEqual([expect.stringContaining(`${flagOf(name)} (WEFT_`)])
  })

  test('a variable that no role knows is refused, one of another role or of an operator is not', () => {
    expect(problemsOf({}, { ...epochs, WEFT_FOO: '' })).toEqual(['WEFT_FOO is not a setting of Weft'])
    expect(problemsOf({}, { ...epochs, WEFT_GRPC_LISTEN: 'anything', WEFT_KEYSTORE: 'x', WEFT_DEPLOYER_KEY: 'x', OTHER: 'x' })).toEqual([])
  })

  test('a flag that is empty is no flag that was not given', () => {
    expect(problemsOf({ namespace: '' }, { ...epochs, WEFT_NAMESPACE: 'NS' }, 'sequencer')).toEqual([
      '--namespace (WEFT_NAMESPACE): is empty',
    ])
  })

  test('are read once: nothing changes them afterwards', () => {
    expect(Object.isFrozen(readSettings('epochs', {}, epochs))).toBe(true)
  })

  test('R6: a relay that is to ask for slots needs the chain that says who signs for them', () => {
    const problems = problemsOf({ admission: 'slots' }, { WEFT_DATA_DIR: '/tmp/x' }, 'relay')
    expect(problems.map((problem) => problem.split(' ')[0])).toEqual([
      '--anchor-rpc-url',
      '--anchor-chain-id',
      '--protocol-state',
      '--data-market',
    ])
    expect(problemsOf({}, { WEFT_DATA_DIR: '/tmp/x' }, 'relay')).toEqual([])
  })

  test('a receiver of traces is named as the standard does, and empty is none; of a wrong URL nothing is repeated', () => {
    const of = (text: string) => readSettings('epochs', {}, { ...epochs, OTEL_EXPORTER_OTLP_ENDPOINT: text }).otlpEndpoint
    expect([of(''), of('http://127.0.0.1:4318')]).toEqual(['', 'http://127.0.0.1:4318'])
    expect(() => of('grpc://name:pass@here')).toThrow('--otlp-endpoint (OTEL_EXPORTER_OTLP_ENDPOINT): is not an http(s) URL')
    expect(() => of('grpc://name:pass@here')).not.toThrow('pass')
  })

  test('each role reads its own and no more', () => {
    const health = ['healthListen', 'healthHosts', 'alertTo', 'alertCooldown', 'heartbeatUrl', 'otlpEndpoint', 'otlpTracesEndpoint']
    expect(Object.keys(readSettings('relay', {}, collector))).toEqual([
      ...['dataDir', 'logFormat', ...health, 'network', 'anchorRpcUrl', 'anchorChainId', 'protocolState', 'dataMarket'],
      ...[
        'pollMs',
        'proofs',
        'proofSamplePercent',
        'identityPassword',
        'p2pListen',
        'p2pAnnounce',
        'connectionsPerAddress',
        'handshakesPerAddress',
        'handshakeMs',
      ],
      ...['reservationsMax', 'reservationsPerAddress', 'reservationSeconds', 'circuitsMax', 'circuitsPerPeer', 'circuitsPerAddress'],
      ...['circuitMib', 'circuitSeconds', 'circuitIdleSeconds', 'admission', 'peersPerSlot', 'rendezvous', 'drainSeconds'],
    ])
  })

  test('what is wrong with a network file is told with the other problems', () => {
    const folder = mkdtempSync(join(tmpdir(), 'weft-settings-'))
    const path = join(folder, 'network.json')
    writeFileSync(path, '{}')
    try {
      const problems = problemsOf({ network: path, headOffset: 'x' }, epochs)
      expect(problems).toEqual([
        expect.stringMatching(/^--network \(WEFT_NETWORK\): .*network\.json: chainId is no integer/),
        expect.stringContaining('--head-offset'),
      ])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('a snapshotter hears at once of its flags, its variables, and all that is in its files', () => {
    const folder = mkdtempSync(join(tmpdir(), 'weft-settings-'))
    const at = (name: string, content: string): string => {
      writeFileSync(join(folder, name), content)
      return join(folder, name)
    }
    try {
      const flags = {
        network: at('network.json', JSON.stringify({ chainId: 'x', protocolState: '', dataMarket: '' })),
        market: at(
          'market.json',
          JSON.stringify({
            computes: [
              { name: 'uniswap-v2', config: { pairs: ['0x12'] } },
              { name: 'uniswp-v2', config: 0 },
            ],
          }),
        ),
        signerKey: `file:${at('key', 'no key')}`,
        slots: '1,one,2.5',
        sourceRpcUrl: 'ws://a',
      }
      const env = {
        WEFT_DATA_DIR: folder,
        WEFT_SOURCE_CHAIN_ID: '0',
        WEFT_ANCHOR_RPC_URL: 'http://a',
        WEFT_NAMESPACE: 'N:S',
        WEFT_MARKT: 'x',
      }
      const problems = problemsOf(flags, env, 'snapshotter').join('\n')
      for (const problem of [
        'WEFT_MARKT is not a setting',
        '--network (WEFT_NETWORK): ',
        'chainId is no integer, protocolState is no address, dataMarket is no address',
        '--source-rpc-url (WEFT_SOURCE_RPC_URL): is not an http(s) URL',
        '--source-chain-id (WEFT_SOURCE_CHAIN_ID): ',
        '--signer-key (WEFT_SIGNER_KEY): names a file that holds neither a keystore nor a private key',
        '--namespace (WEFT_NAMESPACE): ',
        "--slots (WEFT_SLOTS): 'one' is not the id of a slot",
        "--slots (WEFT_SLOTS): '2.5' is not the id of a slot",
        `--market (WEFT_MARKET): ${flags.market}: uniswap-v2: weth is not an address`,
        `--market (WEFT_MARKET): ${flags.market}: uniswap-v2: pairs[0] is not an address`,
        `--market (WEFT_MARKET): ${flags.market}: there is no compute set 'uniswp-v2'; did you mean uniswap-v2?`,
      ])
        expect(problems).toContain(problem)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test.each([
    ['that is not there', undefined],
    ['that is none', '{'],
  ])('a network file %s is one problem: what it would have supplied is not asked for as well', (_, content) => {
    const folder = mkdtempSync(join(tmpdir(), 'weft-settings-'))
    const network = join(folder, 'network.json')
    if (content !== undefined) writeFileSync(network, content)
    const { WEFT_ANCHOR_CHAIN_ID: _id, WEFT_PROTOCOL_STATE: _state, WEFT_DATA_MARKET: _market, ...rest } = epochs
    try {
      expect(problemsOf({ network }, rest)).toEqual([expect.stringMatching(/^--network \(WEFT_NETWORK\): /)])
      expect(problemsOf({}, rest)).toHaveLength(3)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('places that keep copies are read as such, folders from the root on', () => {
    const env = { ...collector, WEFT_NAMESPACE: 'NS', WEFT_PIN_GATEWAYS: 'https://g.example', WEFT_PIN_MIN: '4' }
    const pinPlaces = 'kubo:http://10.0.0.7:5001,service:https://s.example/psa, car:cars'
    expect(readSettings('sequencer', { pinPlaces }, env).pinPlaces).toEqual([
      { kind: 'kubo', url: 'http://10.0.0.7:5001' },
      { kind: 'service', url: 'https://s.example/psa' },
      { kind: 'car', directory: join(process.cwd(), 'cars') },
    ])
  })

  test.each([
    [{ pinPlaces: 'car:/a', pinMin: '3' }, '--pin-min (WEFT_PIN_MIN): 3 places are asked for, and with the embedded node there are 2'],
    [{ pinPlaces: 'service:https://s' }, '--pin-gateways (WEFT_PIN_GATEWAYS) is needed with a pinning service'],
    [{ pinPlaces: 'service:https://s,service:https://t', pinGateways: 'http://g' }, 'two pinning services, and there is one token'],
    [{ pinPlaces: 'service:http://s', pinGateways: 'http://g' }, 'place 1 would be sent its token without encryption'],
    [{ pinPlaces: 'car:/a,kubo:http://me:hunter2@a' }, 'place 2 has a name, a password'],
    [{ pinPlaces: 'kubo:http://a?token=hunter2' }, 'place 1 has a name, a password'],
  ])('of places that keep copies %j is one problem, and no secret is in it', (flags, problem) => {
    const problems = problemsOf(flags, { ...collector, WEFT_NAMESPACE: 'NS', WEFT_PIN_TOKEN: 'hunter2' }, 'sequencer')
    expect(problems).toEqual([expect.stringContaining(problem)])
    expect(problems.join()).not.toContain('hunter2')
  })

  test.each(['localhost', '127.0.0.1', '[::1]'])('a pinning service on %s may be without encryption', (host) => {
    const flags = { pinPlaces: `service:http://${host}:1`, pinGateways: 'http://g' }
    expect(problemsOf(flags, { ...collector, WEFT_NAMESPACE: 'NS' }, 'sequencer')).toEqual([])
  })

  test('the token of a pinning service may lie in a file, and never prints', () => {
    const folder = mkdtempSync(join(tmpdir(), 'weft-token-'))
    const path = join(folder, 'token')
    writeFileSync(path, 'hunter2\n')
    try {
      const settings = readSettings('validator', { pinToken: `file:${path}` }, { ...collector, WEFT_NAMESPACE: 'NS' })
      expect([settings.pinToken.reveal(), JSON.stringify(settings).includes('hunter2')]).toEqual(['hunter2', false])
      expect(readSettings('validator', {}, { ...collector, WEFT_NAMESPACE: 'NS' }).pinToken.reveal()).toBe('')
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('slots are read as ids', () => {
    const problems = problemsOf({ slots: '1, 20' }, epochs, 'snapshotter')
    expect(problems.join()).not.toContain('--slots')
    expect(problemsOf({ slots: ' , ' }, epochs, 'snapshotter').join()).toContain('--slots (WEFT_SLOTS): is empty')
  })

  test('an empty path of a network file is one problem', () => {
    const { WEFT_ANCHOR_CHAIN_ID: _, ...rest } = epochs
    expect(problemsOf({}, { ...rest, WEFT_NETWORK: '' })).toEqual(['--network (WEFT_NETWORK): is empty'])
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

test.each(['snapshotter', 'validator', 'api'] as const)(
  'what is wrong with folders of compute sets is told %s with everything else, all of them at once',
  (role) => {
    const problems = problemsOf({ computes: '/nowhere/a,/nowhere/b' }, {}, role)
    expect(problems.filter((problem) => problem.includes('/nowhere'))).toEqual([
      '--computes (WEFT_COMPUTES): /nowhere/a/compute.ts: there is no such file',
      '--computes (WEFT_COMPUTES): /nowhere/b/compute.ts: there is no such file',
    ])
    expect(problems.length).toBeGreaterThan(2)
  },
)
