import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { devAccount } from '#devnet/accounts.ts'
import { type Anvil, startAnvil } from '#devnet/anvil.ts'
import { fundAccounts } from '#devnet/deploy.ts'
import { Secret } from '#domain/secret.ts'
import { createRpc } from '#io/chain/rpc/rpc.ts'
import { systemClock } from '#io/clock/system.ts'
import { encryptKeystore } from '#io/keys/keystore.ts'
import { serveWeb3Signer } from '#io/keys/web3signer.test-server.ts'
import { openSession, type KeySource, type Session, type SessionOptions } from './session.ts'

const scratch = mkdtempSync(join(tmpdir(), 'weft-session-'))
/** Says its chain id, whatever it is asked. */
const node = createServer(async (request, response) => {
  const calls = JSON.parse(Buffer.concat(await request.toArray()).toString()) as { id: number }[]
  response.end(JSON.stringify(calls.map(({ id }) => ({ jsonrpc: '2.0', id, result: '0x7a69' }))))
})
const rpcUrl = (): string => `http://127.0.0.1:${(node.address() as AddressInfo).port}`

beforeAll(() => new Promise<void>((resolve) => void node.listen(0, '127.0.0.1', resolve)))
afterAll(() => {
  node.close()
  rmSync(scratch, { recursive: true, force: true })
})

const opened: Session[] = []
afterEach(async () => {
  for (const session of opened.splice(0)) await session.stop()
})
async function open(options: SessionOptions): Promise<Session> {
  const session = await openSession(options)
  opened.push(session)
  return session
}

test('a data directory that cannot be made is told in our words', async () => {
  const file = join(scratch, 'file')
  writeFileSync(file, '')
  const dataDir = join(file, 'below')
  const opened = openSession({
    rpcUrl: rpcUrl(),
    key: { kind: 'key', text: new Secret('11'.repeat(32)) },
    dataDir,
    isDryRun: false,
  })
  await expect(opened).rejects.toMatchObject({ code: 'STORE_PLACE_WRONG', facts: { path: dataDir, doing: 'creating it' } })
})

describe('the journal of an operator', () => {
  const owner = devAccount('owner')
  const key: KeySource = { kind: 'key', text: new Secret(owner.keyText) }
  const CHAIN_ID = 31_337
  /** Two development chains of one id, begun at different times: neither ever mines. */
  let chains: [Anvil, Anvil]
  beforeAll(async () => {
    chains = await Promise.all([
      startAnvil({ chainId: CHAIN_ID, flags: ['--timestamp', '1700000000'] }),
      startAnvil({ chainId: CHAIN_ID, flags: ['--timestamp', '1800000000'] }),
    ])
    for (const { rpcUrl: url } of chains) await fundAccounts(url, [owner.address])
  })
  afterAll(async () => {
    for (const chain of chains) await chain.stop()
  })
  const pending = async ({ rpcUrl: url }: Anvil) =>
    Number(((await createRpc({ rpcUrl: url, pause: systemClock }).call('txpool_status', [])) as { pending: string }).pending)

  /** Sends one transaction, and is stopped while it waits for it to be mined. */
  async function sendAndStop(chain: Anvil, dataDir: string): Promise<void> {
    const session = await openSession({ rpcUrl: chain.rpcUrl, key, dataDir, isDryRun: false })
    const stopping = new AbortController()
    const sending = session.operator.send([{ call: 'nothing', to: owner.address, data: '0x' }], stopping.signal)
    const stopped = expect(sending).rejects.toThrow('stopped by the test')
    await expect.poll(() => pending(chain), { timeout: 20_000, interval: 10 }).toBe(1)
    stopping.abort(new Error('stopped by the test'))
    await stopped
    await session.stop()
  }

  test('G4: belongs to one chain: on another one of the same id nothing of it is believed or sent', async () => {
    const dataDir = join(scratch, 'two-chains')
    const [first, second] = chains
    await sendAndStop(first, dataDir)
    const other = await open({ rpcUrl: second.rpcUrl, key, dataDir, isDryRun: false })
    expect(await other.operator.settleEarlier(AbortSignal.timeout(5_000))).toBe(0)
    expect(await other.operator.nextNonce()).toBe(0)
    expect(await pending(second)).toBe(0)

    // On its own chain it is remembered, also when the node has forgotten.
    const rpc = createRpc({ rpcUrl: first.rpcUrl, pause: systemClock })
    await rpc.call('anvil_dropAllTransactions', [])
    const again = await open({ rpcUrl: first.rpcUrl, key, dataDir, isDryRun: false })
    const settling = again.operator.settleEarlier(AbortSignal.timeout(20_000))
    await expect.poll(() => pending(first), { timeout: 20_000, interval: 10 }).toBe(1)
    await rpc.call('evm_mine', [])
    expect(await settling).toBe(1)
    expect(await again.operator.nextNonce()).toBe(1)
  })

  test('G4: nothing is in it that a remote signer has not signed rightly; what it has signs and is sent', async () => {
    const [chain] = chains
    const there = await serveWeb3Signer([owner.key, devAccount('signer').key])
    const settings = { signerUrl: there.urlOf(owner.key), signerCa: new Secret(''), signerClient: new Secret(''), signerTimeout: 20_000 }
    const dataDir = join(scratch, 'remote')
    const { operator } = await open({ rpcUrl: chain.rpcUrl, key: { kind: 'remote', settings }, dataDir, isDryRun: false })
    const transaction = { call: 'nothing', to: owner.address, data: '0x' } as const
    const [nonce, waiting] = [await operator.nextNonce(), await pending(chain)]
    there.lie('signs with another key')
    await expect(operator.send([transaction], AbortSignal.timeout(20_000))).rejects.toMatchObject({ code: 'SIGNER_LIED' })
    expect([operator.address, await operator.nextNonce(), await pending(chain)]).toEqual([owner.address, nonce, waiting])
    there.lie()
    const sending = operator.send([transaction], AbortSignal.timeout(20_000))
    await expect.poll(() => pending(chain), { timeout: 20_000, interval: 10 }).toBe(waiting + 1)
    await createRpc({ rpcUrl: chain.rpcUrl, pause: systemClock }).call('evm_mine', [])
    expect(await sending).toBe('done')
    await there.stop()
  })

  test('is held by one process at a time, in a folder that nobody else may enter', async () => {
    const dataDir = join(scratch, 'below', 'held')
    const options = { rpcUrl: chains[0].rpcUrl, key, dataDir, isDryRun: false }
    const session = await openSession(options)
    await expect(openSession(options)).rejects.toMatchObject({ code: 'DATA_DIR_LOCKED' })
    expect(statSync(dataDir).mode & 0o777).toBe(0o700)
    await session.stop()
    await open(options)
  })

  test('is none in a dry run: nothing is written, and nothing can be sent', async () => {
    const dataDir = join(scratch, 'dry')
    const { operator } = await open({ rpcUrl: chains[1].rpcUrl, key, dataDir, isDryRun: true })
    const transaction = { call: 'nothing', to: owner.address, data: '0x' } as const
    await operator.check([transaction])
    await expect(operator.send([transaction], AbortSignal.timeout(5_000))).rejects.toMatchObject({ code: 'STOPPED' })
    expect(await pending(chains[1])).toBe(0)
    expect(existsSync(dataDir)).toBe(false)
  })

  test('is not even looked for when the key is none', async () => {
    const dataDir = join(scratch, 'no-key')
    const bad: KeySource = { kind: 'key', text: new Secret('12') }
    await expect(openSession({ rpcUrl: chains[0].rpcUrl, key: bad, dataDir, isDryRun: false })).rejects.toMatchObject({
      code: 'SETTINGS_INVALID',
    })
    expect(existsSync(dataDir)).toBe(false)
  })
})

describe('the key of an operator', () => {
  const account = devAccount('owner')
  const options = (key: KeySource): SessionOptions => ({ rpcUrl: rpcUrl(), key, dataDir: join(scratch, 'unused'), isDryRun: true })
  const ofText = (text: string) => open(options({ kind: 'key', text: new Secret(text) }))

  test.each([
    ['as it is', account.keyText],
    ['with 0x', `0x${account.keyText}`],
    ['with a line end', `${account.keyText}\n`],
  ])('is read %s', async (_, text) => {
    expect((await ofText(text)).operator.address).toBe(account.address)
  })

  test.each([
    ['too short', account.keyText.slice(2)],
    ['too long', `${account.keyText}00`],
    ['in quotes', `"${account.keyText}"`],
    ['with a letter that is no digit', account.keyText.replace(/.$/, 'g')],
    ['with 0x twice', `0x0x${account.keyText.slice(2)}`],
  ])('that is %s is refused, and no part of it is told', async (_, text) => {
    const failure = await ofText(text).catch((cause: unknown) => cause)
    expect(failure).toMatchObject({ code: 'SETTINGS_INVALID' })
    const told = inspect(failure, { depth: 10 })
    expect(told).toContain('WEFT_DEPLOYER_KEY')
    const parts = Array.from({ length: account.keyText.length - 7 }, (_each, start) => account.keyText.slice(start, start + 8))
    expect(parts.filter((part) => told.includes(part))).toEqual([])
  })

  test('in a keystore is opened with its password, which is asked for once the file is there', async () => {
    const path = join(scratch, 'key.json')
    let asked = 0
    const source = (password: string): KeySource => ({
      kind: 'keystore',
      path,
      password: async () => {
        asked += 1
        return new Secret(password)
      },
    })
    await expect(open(options(source('open')))).rejects.toMatchObject({ code: 'SETTINGS_INVALID' })
    expect(asked).toBe(0)
    writeFileSync(path, await encryptKeystore(account.key, { password: new Secret('open'), cost: { n: 2, r: 1, p: 1 } }))
    expect((await open(options(source('open')))).operator.address).toBe(account.address)
    await expect(open(options(source('shut')))).rejects.toMatchObject({ code: 'KEYSTORE_PASSWORD_WRONG', facts: { path } })
  })
})
