import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type DevAccount, devAccount } from '#devnet/accounts.ts'
import { type Anvil, startAnvil } from '#devnet/anvil.ts'
import { fundAccounts } from '#devnet/deploy.ts'
import { Secret } from '#domain/secret.ts'
import { createRpc, type Rpc } from '#io/chain/rpc/rpc.ts'
import { systemClock } from '#io/clock/system.ts'
import { encryptKeystore } from '#io/keys/keystore.ts'
import type { Network } from '#node/network.ts'
import { keepPoolMoving } from './unstuck.ts'
import { runWeft, type WeftProcess } from './world.ts'

/** An operator at the command line: deploys, changes, repeats, and is interrupted. */

const [owner, stranger, signer] = ['owner', 'stranger', 'signer'].map(devAccount) as [DevAccount, DevAccount, DevAccount]
const CHAIN_ID = 31_350
/** Transactions of a deployment without a configuration, wave by wave. */
const WAVES = [3, 2, 1, 6, 1]
const TRANSACTIONS = WAVES.reduce((sum, count) => sum + count, 0)

let anvil: Anvil
let rpc: Rpc
let leavePool: () => Promise<void>
let fresh: unknown
let dataDir: string
const folders: string[] = []
const processes: WeftProcess[] = []

beforeAll(async () => {
  anvil = await startAnvil({ chainId: CHAIN_ID })
  leavePool = keepPoolMoving(anvil)
  rpc = createRpc({ rpcUrl: anvil.rpcUrl, pause: systemClock })
  await fundAccounts(anvil.rpcUrl, [owner.address, stranger.address])
  fresh = await rpc.call('evm_snapshot', [])
})

/** Each test begins on a chain where nothing was ever sent, in an empty folder. */
beforeEach(async () => {
  await rpc.call('anvil_dropAllTransactions', [])
  await rpc.call('evm_revert', [fresh])
  fresh = await rpc.call('evm_snapshot', [])
  await rpc.call('evm_setAutomine', [true])
  dataDir = join(freshDir(), 'data')
})

afterAll(async () => {
  for (const { child } of processes) child.kill('SIGKILL')
  await Promise.all(processes.map(({ exited }) => exited))
  await leavePool()
  await anvil.stop()
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

function freshDir(): string {
  const folder = mkdtempSync(join(tmpdir(), 'weft-deploy-'))
  folders.push(folder)
  return folder
}

const start = (args: readonly string[], env: Readonly<Record<string, string>> = { WEFT_DEPLOYER_KEY: owner.keyText }): WeftProcess => {
  const started = runWeft([...args, '--rpc', anvil.rpcUrl, '--data-dir', dataDir], env)
  processes.push(started)
  return started
}

/** Runs to the end; `json` is the object it printed. */
async function run(args: readonly string[], env?: Readonly<Record<string, string>>) {
  const started = start(args, env)
  const code = await started.ended()
  const line = started
    .output()
    .split('\n')
    .findLast((text) => text.startsWith('{'))
  return { code, output: started.output(), json: JSON.parse(line ?? '{}') as Readonly<Record<string, unknown>> }
}

const nonceOf = async (account: DevAccount): Promise<number> =>
  Number(await rpc.call('eth_getTransactionCount', [account.address, 'latest']))
const readNetworkFile = (): Network => JSON.parse(readFileSync(join(dataDir, 'network.json'), 'utf8')) as Network
const showMarket = async () => (await run(['market', 'show', '--json'], {})).json as { markets: Record<string, unknown>[] }
const showSlots = async () => (await run(['slots', 'show', '--json'], {})).json as { slots: unknown[]; mintStartTime: number }

describe('deploy', () => {
  test('creates a network, then has nothing to change, also when the data directory is lost', async () => {
    const first = await run(['deploy', '--yes', '--json'])
    expect(first, first.output).toMatchObject({ code: 0, json: { changed: TRANSACTIONS, chainId: CHAIN_ID } })
    const { chainId: _, deploymentBlock, ...addresses } = readNetworkFile()
    expect(first.json).toMatchObject({ addresses, deploymentBlock })
    const [market] = (await showMarket()).markets
    expect(market).toMatchObject({
      owner: owner.address,
      epochSize: 10,
      epochManager: owner.address,
      sequencers: [owner.address],
      validators: [owner.address],
      attestationsMin: 1,
    })

    expect(await run(['deploy', '--json'])).toMatchObject({ code: 0, json: { changed: 0, addresses } })
    rmSync(dataDir, { recursive: true })
    expect(await run(['deploy', '--json'])).toMatchObject({ code: 0, json: { changed: 0, addresses } })
    expect(await nonceOf(owner)).toBe(TRANSACTIONS)
    expect(readNetworkFile()).toMatchObject(addresses)
  })

  test.each([
    ['kept by the node', false],
    ['forgotten by the node', true],
  ])(
    'killed with a wave under way, %s, it continues and sends nothing twice',
    async (_name, isForgotten) => {
      await rpc.call('evm_setAutomine', [false])
      // Every wave is the last of one process: six processes make one network.
      for (const count of WAVES) {
        const victim = start(['deploy', '--yes', '--json'])
        const pending = async () => Number(((await rpc.call('txpool_status', [])) as { pending: string }).pending)
        await victim.until(`${count} transactions under way`, async () => (await pending()) === count)
        victim.child.kill('SIGKILL')
        await victim.ended()
        expect(await pending()).toBe(count)
        if (isForgotten) {
          await rpc.call('anvil_dropAllTransactions', [])
          // What was journalled goes to the node again before anything is planned.
          const next = start(['deploy', '--json'])
          await next.until(`${count} transactions under way again`, async () => (await pending()) === count)
          await rpc.call('evm_mine', [])
          await next.ended()
        } else await rpc.call('evm_mine', [])
      }
      await rpc.call('evm_setAutomine', [true])
      const last = await run(['deploy', '--json'])
      expect(last, last.output).toMatchObject({ code: 0, json: { changed: 0 } })
      expect(await nonceOf(owner)).toBe(TRANSACTIONS)
      expect((await showMarket()).markets).toHaveLength(1)
    },
    120_000,
  )

  test('a configuration is carried out, and what it says differently later is all that is sent', async () => {
    const config = {
      market: {
        epochSize: 1,
        blockNumbersAsEpochIds: true,
        windows: { snapshotBlocks: 5, batchBlocks: 10, attestationBlocks: 20 },
        validators: [owner.address, stranger.address],
        minAttestations: 2,
        sequencers: [stranger.address],
        admins: [signer.address],
        sequencerId: '12D3KooW',
        rootOnlyBatches: true,
        rewards: true,
      },
      slots: [signer.address, signer.address, stranger.address],
    }
    const path = join(freshDir(), 'config.json')
    writeFileSync(path, JSON.stringify(config))
    const created = await run(['deploy', '--yes', '--json', '--config', path])
    expect(created.code, created.output).toBe(0)
    expect((await showMarket()).markets[0]).toMatchObject({
      usesBlockNumbersAsEpochIds: true,
      attestationWindowBlocks: 20,
      validators: [owner.address, stranger.address],
      sequencers: [stranger.address],
      admins: [signer.address],
      sequencerId: '12D3KooW',
      rootOnlyBatchesAllowed: true,
      rewardsEnabled: true,
    })
    expect(await run(['deploy', '--json', '--config', path])).toMatchObject({ code: 0, json: { changed: 0 } })
    const { slots, mintStartTime } = await showSlots()
    expect(slots).toMatchObject(config.slots.map((wanted, index) => ({ slotId: index + 1, signer: wanted, isActive: true })))
    expect(mintStartTime, 'minting is closed again').toBe(0)

    writeFileSync(path, JSON.stringify({ market: { windows: { snapshotBlocks: 30, batchBlocks: 40, attestationBlocks: 50 } } }))
    expect(await run(['deploy', '--yes', '--json', '--config', path])).toMatchObject({ code: 0, json: { changed: 3 } })
    writeFileSync(path, JSON.stringify({ market: { epochSize: 2 } }))
    const refused = await run(['deploy', '--yes', '--json', '--config', path])
    expect(refused).toMatchObject({ code: 1, output: expect.stringContaining('SETTINGS_INVALID') })
    expect(refused.output).toContain('market.epochSize: is 1 for ever')
  }, 60_000)

  test('says at its end where the network file is and what comes next, and lists each step once', async () => {
    const { code, output } = await run(['deploy', '--yes'])
    expect(code, output).toBe(0)
    expect(output).toContain(`network file   ${join(dataDir, 'network.json')}\n`)
    expect(output).toContain('docs/BY-HAND.md')
    expect(output.match(/create ProtocolState at/g)).toHaveLength(1)
    expect(output).toContain(`  ✔ ${TRANSACTIONS} of ${TRANSACTIONS}\n`)
  })

  test('a manifest is completed, kept beside the network file and set; another one applies from its epoch on', async () => {
    const path = join(freshDir(), 'manifest.json')
    writeFileSync(path, '{ "namespace": "NS" }')
    const planned = await run(['deploy', '--manifest', path, '--dry-run', '--json'])
    const first = await run(['deploy', '--manifest', path, '--yes', '--json'])
    const { manifestCid, manifestFile } = first.json as { manifestCid: string; manifestFile: string }
    expect(first).toMatchObject({ code: 0, json: { changed: TRANSACTIONS + 1 } })
    expect(planned.json).toMatchObject({ manifestCid })
    const manifest = JSON.parse(readFileSync(manifestFile, 'utf8')) as object
    expect(manifest).toMatchObject({ version: 1, namespace: 'NS', epochSize: 10, tally: { minVotes: 2, minShareBp: 3_334 } })
    expect(await run(['deploy', '--manifest', path, '--json'])).toMatchObject({ code: 0, json: { changed: 0, manifestCid } })

    writeFileSync(path, '{ "namespace": "NS", "tally": { "minVotes": 3 } }')
    const changed = await run(['market', 'set', '--manifest', path, '--from-epoch', '5', '--yes', '--json'])
    expect(changed).toMatchObject({ code: 0, json: { changed: 1 } })
    // Before the first release every manifest is one that has not begun.
    expect((await showMarket()).markets).toMatchObject([
      { pendingManifest: { cid: changed.json['manifestCid'], fromEpochId: 5, content: { tally: { minVotes: 3 } } } },
    ])
    const { output } = await run(['market', 'show'], {})
    expect(output).toMatch(/pendingManifest +bafkrei[a-z2-7]+ from epoch 5 on/)

    expect(output).toContain(`${' '.repeat(30)}tally: at least 3 votes, and 33.34 % of the slots that voted in the epoch\n`)
    expect(output).not.toContain('"minVotes"')
    expect((await run(['market', 'show', '--manifest'], {})).output).toContain('"minVotes": 3')

    writeFileSync(path, '{ "namespace": "N S", "epochSize": 11 }')
    const refused = await run(['market', 'set', '--manifest', path, '--yes'])
    expect(refused).toMatchObject({ code: 1 })
    expect(refused.output).toMatch(/MANIFEST_INVALID[\s\S]*namespace: \\?"N S/)
    writeFileSync(path, '{ "namespace": "NS", "epochSize": 11 }')
    expect((await run(['market', 'set', '--manifest', path, '--yes'])).output).toMatch(/MARKET_CONTRADICTED[\s\S]*epochSize/)
    expect((await run(['market', 'set', '--from-epoch', '7', '--yes'])).output).toMatch(/--from-epoch is for --manifest/)
  }, 60_000)

  test('a dry run sends and writes nothing; without a terminal nothing is sent unasked', async () => {
    const dry = await run(['deploy', '--dry-run', '--json'])
    expect(dry).toMatchObject({
      code: 0,
      json: { changed: 0, planned: expect.toSatisfy((steps: string[]) => steps.length === TRANSACTIONS) },
    })
    const ofAddress = await run(['deploy', '--dry-run', '--json', '--from', owner.address], {})
    expect(ofAddress, 'the key is not needed').toMatchObject({ code: 0, json: dry.json })
    const ofNobody = await run(['deploy', '--dry-run', '--json'], {})
    expect(ofNobody).toMatchObject({ code: 0, json: { changed: 0, planned: expect.any(Array) } })
    expect(ofNobody.json, 'nobody knows where things would be').not.toHaveProperty('addresses')
    const told = (await run(['deploy', '--dry-run'], {})).output
    expect(told, 'and says so').toMatch(/are\s+placeholders[\s\S]*the account itself/)
    expect((await run(['deploy', '--dry-run', '--from', owner.address], {})).output).not.toContain('placeholders')
    expect(existsSync(dataDir)).toBe(false)
    const unasked = await run(['deploy'])
    expect(unasked).toMatchObject({ code: 1, output: expect.stringContaining('CONFIRMATION_NEEDED') })
    expect(await nonceOf(owner)).toBe(0)
    const { json } = await run(['deploy', '--yes', '--json'])
    expect(json['addresses'], 'the dry run knew where things would be').toEqual(dry.json['addresses'])
  })

  test('a flag that does not exist is answered with the one that was meant, as it is written', async () => {
    expect(await run(['market', 'set', '--add-validatr', owner.address])).toMatchObject({
      code: 1,
      output: expect.stringContaining('there is no flag --add-validatr, did you mean --add-validator?'),
    })
  })

  test('keys, passwords and chains that are wrong are refused with their codes', async () => {
    const keystore = join(freshDir(), 'key.json')
    const cost = { n: 1024, r: 8, p: 1 }
    writeFileSync(keystore, await encryptKeystore(owner.key, { password: new Secret('open'), cost }))
    const env = { WEFT_KEYSTORE: keystore }
    const codeOf = async (given: Readonly<Record<string, string>>) =>
      /weft: ([A-Z_]+)/.exec((await run(['deploy', '--dry-run'], given)).output)?.[1]
    expect(await codeOf({}), 'a dry run needs no key').toBeUndefined()
    expect((await run(['deploy', '--yes'], {})).output).toContain('SETTINGS_INVALID')
    expect(await codeOf({ WEFT_DEPLOYER_KEY: '12' })).toBe('SETTINGS_INVALID')
    expect(await codeOf({ WEFT_DEPLOYER_KEY: owner.keyText, WEFT_DEPLOYER_KEI: '' })).toBe('SETTINGS_INVALID')
    expect(await codeOf(env)).toBe('SETTINGS_INVALID')
    expect(await codeOf({ ...env, WEFT_KEYSTORE_PASSWORD: 'shut' })).toBe('KEYSTORE_PASSWORD_WRONG')
    expect(await codeOf({ ...env, WEFT_KEYSTORE_PASSWORD: 'open' })).toBeUndefined()
    expect(await codeOf({ WEFT_DEPLOYER_KEY: signer.keyText }), 'an account without ether').toBe('FUNDS_INSUFFICIENT')

    expect(await run(['deploy', '--yes', '--json'], { ...env, WEFT_KEYSTORE_PASSWORD: 'open' })).toMatchObject({ code: 0 })
    writeFileSync(join(dataDir, 'network.json'), JSON.stringify({ ...readNetworkFile(), chainId: 1 }))
    expect(await codeOf({ WEFT_DEPLOYER_KEY: owner.keyText })).toBe('CHAIN_WRONG')
  }, 60_000)
})

describe('market and slots', () => {
  beforeEach(async () => {
    expect(await run(['deploy', '--yes', '--json'])).toMatchObject({ code: 0 })
  })

  test('settings and roles change, and only what differs is sent', async () => {
    const windows = ['--snapshot-window', '5', '--batch-window', '10', '--attestation-window', '15']
    const rewards = ['--daily-quota', '7', '--reward-pool-wei', '70', '--rewards', '--reward-allowance-wei', '700']
    const change = [...windows, ...rewards, '--no-enabled', '--root-only-batches', '--sequencer-id', '12D3KooW']
    const roles = [
      '--add-validator',
      `${stranger.address},${signer.address}`,
      '--remove-sequencer',
      owner.address,
      '--add-admin',
      stranger.address,
      '--min-attestations',
      '2',
    ]
    const dry = await run(['market', 'set', '--dry-run', '--json', ...change, ...roles])
    expect(dry).toMatchObject({ code: 0, json: { changed: 0 } })
    expect(await nonceOf(owner)).toBe(TRANSACTIONS)
    expect(await run(['market', 'set', '--yes', '--json', ...change, ...roles])).toMatchObject({ code: 0, json: { changed: 14 } })
    expect((await showMarket()).markets[0]).toMatchObject({
      snapshotWindowBlocks: 5,
      batchWindowBlocks: 10,
      attestationWindowBlocks: 15,
      dailySnapshotQuota: '7',
      rewardPoolWei: '70',
      rewardsEnabled: true,
      rewardAllowanceWei: '700',
      isEnabled: false,
      rootOnlyBatchesAllowed: true,
      sequencerId: '12D3KooW',
      admins: [stranger.address],
      attestationsMin: 2,
      sequencers: [],
      validators: [owner.address, stranger.address, signer.address],
    })
    expect(await run(['market', 'set', '--json', ...change, ...roles])).toMatchObject({ code: 0, json: { changed: 0 } })
    const byAdmin = { WEFT_DEPLOYER_KEY: stranger.keyText }
    expect(await run(['market', 'set', '--yes', '--json', '--sequencer-id', ''], byAdmin)).toMatchObject({ code: 0, json: { changed: 1 } })
  }, 60_000)

  test('what the contract refuses is told with its code and its meaning, and nothing is sent', async () => {
    const crossed = await run(['market', 'set', '--yes', '--batch-window', '10'])
    expect(crossed).toMatchObject({ code: 1, output: expect.stringContaining('CALL_REVERTED') })
    expect(crossed.output).toContain('E41 (The batch window must be longer than the snapshot window. `./weft market show`')
    const env = { WEFT_DEPLOYER_KEY: stranger.keyText }
    const notOwner = await run(['market', 'set', '--yes', '--batch-window', '70'], env)
    expect(notOwner).toMatchObject({
      code: 1,
      output: expect.stringContaining('E03 (The caller does not own the data market. `./weft market show` names its owner.)'),
    })
    const notMinter = await run(['slots', 'mint', '--dry-run'], env)
    expect(notMinter).toMatchObject({ code: 1, output: expect.stringContaining('OwnableUnauthorizedAccount account=0x') })
    expect([await nonceOf(owner), await nonceOf(stranger)]).toEqual([TRANSACTIONS, 0])
  }, 60_000)

  test('another market is created each time it is asked for', async () => {
    const form = ['--epoch-size', '6', '--source-chain-id', '8453', '--source-block-time', '2']
    const created = await run(['market', 'create', '--yes', '--json', ...form])
    expect(created).toMatchObject({ code: 0, json: { changed: 1 } })
    const { markets } = await showMarket()
    expect(markets).toHaveLength(2)
    expect(markets[1]).toMatchObject({ address: created.json['dataMarket'], epochSize: 6, sourceBlockTimeSeconds: 2 })
    // The network file still names the first one.
    expect(await run(['deploy', '--json'])).toMatchObject({ code: 0, json: { changed: 0 } })
  }, 60_000)

  test('slots are minted, listed and assigned, one or many', async () => {
    const minted = await run(['slots', 'mint', '--count', '4', '--signer', signer.address, '--yes', '--json'])
    expect(minted, minted.output).toMatchObject({ code: 0, json: { slotIds: [1, 2, 3, 4], changed: 4 } })
    const assigned = await run(['slots', 'assign', `2-3=${stranger.address}`, `1=${signer.address}`, '--yes', '--json'])
    expect(assigned, assigned.output).toMatchObject({ code: 0, json: { changed: 1 } })
    const { slots, mintStartTime } = await showSlots()
    expect(mintStartTime).toBe(0)
    expect(slots).toMatchObject([
      { slotId: 1, signer: signer.address, owner: owner.address, isActive: true, isBurned: false },
      { slotId: 2, signer: stranger.address },
      { slotId: 3, signer: stranger.address },
      { slotId: 4, signer: signer.address },
    ])
    const days = [{ day: 1, submissions: 0, isRewarded: false }]
    expect(slots).toMatchObject([1, 2, 3, 4].map((slotId) => ({ slotId, days, rewardPointsWei: '0' })))
    expect((await run(['slots', 'show'], {})).output).toContain(`${owner.address}\n         day 1: 0, 0 wei in all\n`)
    expect((await showMarket()).markets).toMatchObject([{ days: [{ day: 1, eligibleNodes: 0, remaining: 0, slots: 0, submissions: 0 }] }])
    expect((await run(['market', 'show'], {})).output).toContain('day 1: 0 submissions of 0 slots told, number of eligible nodes not yet\n')
    const beyond = await run(['slots', 'assign', `9=${signer.address}`, '--yes'])
    expect(beyond).toMatchObject({ code: 1, output: expect.stringContaining('slot 9 does not exist: the registry has 1 to') })
  }, 60_000)
})
