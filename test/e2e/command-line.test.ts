import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { devAccount } from '#devnet/accounts.ts'
import { startAnvil } from '#devnet/anvil.ts'
import { deployProtocol } from '#devnet/deploy.ts'
import { commitAt } from '#node/commit.ts'
import { runWeft } from './world.ts'

/** What a person meets at a terminal when something is wrong, or when they have seen enough. */

const scratch = mkdtempSync(join(tmpdir(), 'weft-command-line-'))
const file = join(scratch, 'file')
writeFileSync(file, '')
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

/** The first account of every anvil: it has ether. */
const ANVIL_KEY = 'ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80'
/** Of this checkout, where it is one. */
const COMMIT = commitAt(join(import.meta.dirname, '../..'))
const STACK = /^\s+at /m

describe('a data directory that cannot be one', () => {
  test.each([
    ['STORE_PLACE_WRONG', ['relay', '--data-dir', file]],
    ['STORE_PLACE_WRONG', ['relay', '--data-dir', join(file, 'below')]],
    ['STORE_PLACE_WRONG', ['relay', '--data-dir', '/proc/weft/relay']],
    ['STORE_PLACE_WRONG', ['devnet', '--data-dir', file]],
    ['STORE_PLACE_WRONG', ['devnet', '--data-dir', '/proc/weft/devnet']],
    ['DATA_DIR_UNKNOWN', ['verify', 'project:NAMESPACE', '1', '--data-dir', file]],
    ['DATA_DIR_FOREIGN', ['devnet', '--data-dir', scratch]],
  ] as const)('%s: weft %s', async (code, args) => {
    const { output, ended } = runWeft(args)
    expect(await ended()).toBe(1)
    expect(output()).toContain(`weft: ${code} (`)
    expect(output()).not.toMatch(STACK)
  })
})

test('a devnet that is refused has no data directory to tell of, and leaves none', async () => {
  const tmp = mkdtempSync(join(scratch, 'tmp-'))
  for (const args of [
    ['--data-dir', scratch],
    ['--liars', '3', '--data-dir', join(tmp, 'd')],
    ['--liars', '3', '--keep'],
  ]) {
    const { output, ended } = runWeft(['devnet', ...args], { TMPDIR: tmp })
    expect(await ended()).toBe(1)
    expect(output()).not.toMatch(/data directory: |stopping/)
  }
  expect(readdirSync(tmp)).toEqual([])
})

test('what a role needs is told one thing per line', async () => {
  const { output, ended } = runWeft(['sequencer'], { WEFT_LOG_LEVEL: 'debug' })
  expect(await ended()).toBe(1)
  const [first, ...lines] = output().trimEnd().split('\n')
  expect(first).toBe('weft: SETTINGS_INVALID')
  expect(lines).toContain('  WEFT_LOG_LEVEL is not a setting of Weft')
  expect(lines.filter((line) => /^ {2}--.* is needed: /.test(line)).length).toBeGreaterThanOrEqual(6)
})

test.each([
  ['deploy', '--rpc', 'nope'],
  ['market', 'show', '--rpc', 'ws://127.0.0.1/key'],
  ['slots', 'mint', '--rpc', 'localhost:8545'],
])('weft %s %s …: it is told which setting is no URL', async (...args) => {
  const { output, ended } = runWeft(args)
  expect(await ended()).toBe(1)
  expect(output()).toContain('weft: SETTINGS_INVALID\n  --rpc (WEFT_ANCHOR_RPC_URL): is not an http(s) URL\n')
})

test('a command that does not exist is answered with where to look', async () => {
  const { output, ended } = runWeft(['devnett'])
  expect(await ended()).toBe(1)
  expect(output()).toBe("weft: there is no command 'devnett'; did you mean `devnet`? `./weft --help` lists them.\n")
})

test.each([
  [['--version'], 0, new RegExp(`^weft \\d+\\.\\d+\\.\\d+${COMMIT === undefined ? '' : ` \\(${COMMIT.slice(0, 12)}\\)`}\n$`)],
  [['help', 'devnet'], 0, /^Run a whole network on this machine\.\n/],
  [['help', 'devnett'], 1, /^weft: there is no command 'devnett'; did you mean devnet\?/],
  [['market', 'shwo'], 1, /^weft: there is no command 'shwo'; did you mean `show`\? `\.\/weft market --help` lists them/],
] as const)('weft %j is answered', async (args, code, text) => {
  const { output, ended } = runWeft(args)
  expect([await ended(), output()]).toEqual([code, expect.stringMatching(text)])
})

test.each([
  [['get', 'p:N'], 'weft: epochs is missing. See `./weft get --help`.\n'],
  [['verify', 'p:N'], /^weft: FILE_UNREADABLE \(path: p:N, .* Behind a project an epoch is needed: `\.\/weft verify PROJECT latest`\.\n$/],
  [['devnet', '--slots', '2'], "weft: --slots: '2' is not an integer from 3 to 100. See `./weft devnet --help`.\n"],
  [['market', 'create'], /^weft: --epoch-size is needed, with a value\. See `\.\/weft market create --help`\.\n/],
  [['settings', 'relais'], /^weft: role: no role 'relais'; did you mean relay\? .*See `\.\/weft settings --help`\.\n$/],
] as const)('weft %j is told in our words, and where to look', async (args, text) => {
  const { output, ended } = runWeft(args)
  expect([await ended(), output()]).toEqual([1, typeof text === 'string' ? text : expect.stringMatching(text)])
})

describe('a devnet that is told to stop while it starts', () => {
  /** Its own temporary folder shows what it leaves behind. */
  async function startUntil(text: string, args: readonly string[] = []) {
    const tmp = mkdtempSync(join(scratch, 'tmp-'))
    const devnet = runWeft(['devnet', ...args], { TMPDIR: tmp })
    await devnet.said(text)
    return { ...devnet, left: () => readdirSync(tmp) }
  }

  test.each([
    ['starting the anchor chain', ['SIGINT']],
    ['starting sequencer', ['SIGTERM']],
    ['starting sequencer', ['SIGHUP', 'SIGHUP']],
  ] as const)('at "%s", %s', async (text, signals) => {
    const { child, ended, left } = await startUntil(text)
    for (const signal of signals) child.kill(signal)
    expect(await ended()).toBe(130)
    expect(left()).toEqual([])
  })

  test('is no success when it was asked for epochs', async () => {
    const { child, ended, output, left } = await startUntil('starting the anchor chain', ['--epochs', '2'])
    child.kill('SIGINT')
    expect(await ended()).toBe(130)
    expect(output()).toContain('stopped before it was up')
    expect(output()).not.toContain('finalized')
    expect(left()).toEqual([])
  })

  test('a second Ctrl-C does not wait, and leaves nothing either', async () => {
    const { child, ended, said, left } = await startUntil('starting snapshotter')
    child.kill('SIGINT')
    await said('stopping')
    child.kill('SIGINT')
    expect(await ended()).toBe(130)
    expect(left()).toEqual([])
  })

  test('a second Ctrl-C leaves no time for the summary, in JSON either', async () => {
    const { child, ended, said, output } = await startUntil('starting snapshotter', ['--json'])
    child.kill('SIGINT')
    await said('stopping')
    child.kill('SIGINT')
    expect(await ended()).toBe(130)
    expect(output()).not.toContain('"summary"')
  })

  test('that nobody reads it any more is such a word too', async () => {
    const { child, ended, output, left } = await startUntil('starting relay')
    child.stdout?.destroy()
    expect(await ended()).toBe(130)
    expect(output()).not.toMatch(STACK)
    expect(left()).toEqual([])
  })
})

test('faults that are told to stop being planted end as a shell expects', async () => {
  const { child, ended, said } = runWeft(['mutate', '--again', 'store/13'])
  await said('to plant')
  child.kill('SIGINT')
  expect(await ended()).toBe(130)
})

test('a role that is told to stop while it starts stops as soon as it has', async () => {
  const dataDir = join(mkdtempSync(join(scratch, 'role-')), 'relay')
  const { child, output, until, ended } = runWeft(['relay', '--data-dir', dataDir])
  await until('its home', () => existsSync(join(dataDir, 'state.sqlite')))
  child.kill('SIGTERM')
  expect(await ended(), output()).toBe(0)
  expect(output()).toContain('"msg":"stopped"')
})

test('a role without the manifest of its market says what it looks for, and stops looking when it is told to', async () => {
  const chain = await startAnvil({ chainId: 31_338 })
  try {
    const { address, key } = devAccount('owner')
    const { protocolState, dataMarket } = await deployProtocol({
      rpcUrl: chain.rpcUrl,
      deployerKey: key,
      market: { epochSize: 10, sourceChainId: 1, sourceBlockTimeSeconds: 1, attestationsMin: 1 },
      windows: { snapshotBlocks: 5, batchBlocks: 10, attestationBlocks: 20 },
      slots: [],
      sequencers: [address],
      validators: [address],
      epochManager: address,
      manifest: { namespace: 'NS' },
    })
    const place = [
      '--anchor-rpc-url',
      chain.rpcUrl,
      '--anchor-chain-id',
      '31338',
      '--protocol-state',
      protocolState,
      '--data-market',
      dataMarket,
    ]
    const { child, output, said, ended } = runWeft(['validator', '--data-dir', join(scratch, 'validator'), ...place], {
      WEFT_SIGNER_KEY: ANVIL_KEY,
    })
    await said('"manifest_sought"')
    child.kill('SIGINT')
    const toldMs = Date.now()
    expect(await ended(), output()).toBe(0)
    // The search itself takes twenty seconds.
    expect(Date.now() - toldMs).toBeLessThan(10_000)
    expect(output()).toMatch(/"cid":"bafk[a-z2-7]+".*"lookedIn":".*validator"/)
    expect(output()).toContain('"msg":"stopped"')
    expect(output()).not.toMatch(/weft: |MANIFEST_UNAVAILABLE/)
  } finally {
    await chain.stop()
  }
})

test('a deployment that is told to stop says so', async () => {
  // Nothing is ever mined: it waits for its first transaction.
  const chain = await startAnvil({ chainId: 31_337 })
  try {
    const args = ['deploy', '--rpc', chain.rpcUrl, '--data-dir', join(scratch, 'deploy'), '--yes']
    const { child, output, said, ended } = runWeft(args, { WEFT_DEPLOYER_KEY: ANVIL_KEY })
    await said('attestation window')
    child.kill('SIGINT')
    expect(await ended()).toBe(130)
    expect(output()).toContain('weft: STOPPED (')
    expect(output()).not.toMatch(STACK)
  } finally {
    await chain.stop()
  }
})

test.each([
  ['settings', ['settings']],
  ['explain', ['explain', 'E24']],
])('%s ends quietly when nobody reads it', async (_, args) => {
  const { child, output, ended } = runWeft(args)
  child.stdout?.destroy()
  expect(await ended()).toBe(0)
  expect(output()).toBe('')
})

test('a range of which the first epoch was printed and the second could not be had has failed', async () => {
  const projectId = 'pair:0x0a:EXIT'
  const item = { projectId, projectType: 'pair', namespace: 'EXIT', kind: 'single', firstEpochId: 1, lastEpochId: 2 }
  const server = createServer(({ url = '' }, response) => {
    if (url.startsWith('/v1/projects?')) response.end(JSON.stringify({ items: [item] }))
    else if (url.includes('/epochs/1?')) response.end(JSON.stringify({ projectId, epochId: 1, status: 'finalized', text: '1' }))
    else response.destroy()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    const { output, ended } = runWeft(['get', projectId, '1..2', '--api', `http://127.0.0.1:${(server.address() as AddressInfo).port}`])
    expect(await ended()).toBe(75)
    expect(output()).toContain('weft: LINK_FAILED (')
  } finally {
    server.close()
  }
})

test('a command that has returned ends the process, with its exit code and all it wrote, whatever a library has forgotten', async () => {
  const forgotten = { NODE_OPTIONS: '--import data:text/javascript,setInterval(()=>undefined,60_000)' }
  const told = [runWeft(['settings'], forgotten), runWeft(['settings']), runWeft(['relay', '--data-dir', file], forgotten)] as const
  expect(await Promise.all(told.map(({ ended }) => ended()))).toEqual([0, 0, 1])
  expect(told[0].output()).toBe(told[1].output())
})

test('output that cannot be written is told in our words', async () => {
  const main = join(import.meta.dirname, '../../src/cli/main.ts')
  const readOnly = openSync(file, 'r')
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, 'settings'], {
    stdio: ['ignore', readOnly, 'pipe'],
  })
  closeSync(readOnly)
  let said = ''
  child.stderr?.on('data', (chunk) => {
    said += String(chunk)
  })
  expect(await once(child, 'close')).toEqual([1, null])
  expect(said).toMatch(/^weft: STORE_FAILED \(.*\n$/)
})

test.each([[['test', 'src/io/p2p']], [['bench', 'intake']]])(
  '%j that is stopped says so to its shell, and leaves nothing',
  async (args) => {
    const tmp = mkdtempSync(join(scratch, 'tmp-'))
    const { child, output, until, ended } = runWeft(args, { TMPDIR: tmp })
    await until('something in the temporary folder', () => readdirSync(tmp).length > 0)
    child.kill('SIGTERM')
    expect(await ended()).toBe(130)
    expect(output()).not.toMatch(STACK)
    expect(readdirSync(tmp)).toEqual([])
  },
)
