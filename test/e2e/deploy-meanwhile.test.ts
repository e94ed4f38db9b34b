import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type DevAccount, devAccount } from '#devnet/accounts.ts'
import { createSigner } from '#io/keys/secp256k1.ts'
import { type Anvil, startAnvil } from '#devnet/anvil.ts'
import { fundAccounts } from '#devnet/deploy.ts'
import { readMarketSettings } from '#io/chain/read/market.ts'
import { createRpc, type Rpc } from '#io/chain/rpc/rpc.ts'
import { createAccount, createdAddress, type Account } from '#io/chain/send/account.ts'
import { systemClock } from '#io/clock/system.ts'
import { createFakeStore } from '#io/store/fake.ts'
import type { Conduct } from '#operator/carry-out.ts'
import { deployNetwork } from '#operator/deploy.ts'
import { planMarket } from '#operator/market-plan.ts'
import { changeMarket } from '#operator/market.ts'
import { keepPoolMoving } from './unstuck.ts'

/** A deployment on a chain where other things happen meanwhile. */

const CHAIN_ID = 31_351
const [owner, other] = ['owner', 'other'].map(devAccount) as [DevAccount, DevAccount]
const signal = new AbortController().signal
const AT_ONCE: Conduct = { isDryRun: false, confirm: async () => true, done: () => undefined }

let anvil: Anvil
let rpc: Rpc
let leavePool: () => Promise<void>
let fresh: unknown

beforeAll(async () => {
  anvil = await startAnvil({ chainId: CHAIN_ID })
  leavePool = keepPoolMoving(anvil)
  rpc = createRpc({ rpcUrl: anvil.rpcUrl, pause: systemClock })
  await rpc.call('evm_setAutomine', [true])
  await fundAccounts(anvil.rpcUrl, [owner.address])
  fresh = await rpc.call('evm_snapshot', [])
})
afterAll(async () => {
  await leavePool()
  await anvil.stop()
})
beforeEach(beginAnew)

async function beginAnew(): Promise<void> {
  await rpc.call('evm_revert', [fresh])
  // Whoever has seen a block believes nobody who is below it.
  rpc = createRpc({ rpcUrl: anvil.rpcUrl, pause: systemClock })
  fresh = await rpc.call('evm_snapshot', [])
}

function operatorOf(account: DevAccount): Account {
  const journal = createFakeStore()
  return createAccount({
    rpc,
    chainId: CHAIN_ID,
    signer: createSigner(account.key),
    journal,
    clock: systemClock,
    settleTimeoutMs: 20_000,
    pollMs: 5,
  })
}

/** A transaction of the same account that nobody planned: another tool, a wallet. */
async function interfere(): Promise<void> {
  await operatorOf(owner).send([{ call: 'nothing', to: other.address, data: '0x', value: 1n }], signal)
}

test('a transaction of the same account between plan and sending moves every address, and the plan with it', async () => {
  const target = { rpc, chainId: CHAIN_ID, operator: operatorOf(owner), network: undefined }
  const conduct: Conduct = {
    ...AT_ONCE,
    async confirm() {
      await interfere()
      return true
    },
  }
  const deployed = await deployNetwork(target, {}, conduct, signal)
  expect(deployed).toMatchObject({ outcome: 'changed', changed: 13 })
  const { protocolState, dataMarket } = deployed.network
  expect(await readMarketSettings(rpc, protocolState, dataMarket)).toMatchObject({
    attestationWindowBlocks: 120,
    validators: [owner.address],
  })
  expect(await deployNetwork({ ...target, operator: operatorOf(owner) }, {}, AT_ONCE, signal)).toMatchObject({
    outcome: 'unchanged',
    network: deployed.network,
  })
})

test('a reward allowance that is used up while it is set is not granted a second time', async () => {
  const operator = operatorOf(owner)
  const { network } = await deployNetwork({ rpc, chainId: CHAIN_ID, operator, network: undefined }, {}, AT_ONCE, signal)
  const readAllowance = async () => (await readMarketSettings(rpc, network.protocolState, network.dataMarket)).rewardAllowanceWei
  expect(await readAllowance()).toBe('unlimited')
  // Stands for rewards credited between sending and looking: less is left than was granted.
  const used: Account = {
    ...operator,
    async send(transactions, stop) {
      const outcome = await operator.send(transactions, stop)
      const now = await readMarketSettings(rpc, network.protocolState, network.dataMarket)
      const less = planMarket(network.protocolState, now, { rewardAllowanceWei: 300n }).flat()
      await operatorOf(owner).send(
        less.map(({ transaction }) => transaction),
        stop,
      )
      return outcome
    },
  }
  const members = {
    addSequencers: [],
    removeSequencers: [],
    addValidators: [],
    removeValidators: [],
    addAdmins: [],
    removeAdmins: [],
  }
  const session = { rpc, chainId: CHAIN_ID, operator: used, stop: async () => undefined }
  const change = { ...members, rewardAllowanceWei: 700n }
  expect(await changeMarket(session, { place: network, change }, AT_ONCE, signal)).toMatchObject({ outcome: 'changed', changed: 1 })
  expect(await readAllowance()).toBe(300n)
})

test('a half-made network is completed: what exists is used', async () => {
  const operator = operatorOf(owner)
  const stop = new AbortController()
  let steps = 0
  const conduct: Conduct = {
    ...AT_ONCE,
    done: () => {
      steps += 1
      if (steps === 5) stop.abort(new Error('stopped by the test'))
    },
  }
  await expect(deployNetwork({ rpc, chainId: CHAIN_ID, operator, network: undefined }, {}, conduct, stop.signal)).rejects.toThrow(
    'stopped by',
  )
  expect(await operator.nextNonce()).toBe(5)
  expect(await deployNetwork({ rpc, chainId: CHAIN_ID, operator, network: undefined }, {}, AT_ONCE, signal)).toMatchObject({ changed: 8 })
})

test('a contract is not created where nobody expects it', async () => {
  const operator = operatorOf(owner)
  expect(await operator.send([{ call: 'x', data: '0x00', creates: createdAddress(owner.address, 1) }], signal)).toBe('moved')
  expect(await operator.nextNonce()).toBe(0)
})

test('an account that cannot pay is told how much it takes', async () => {
  const failure = await operatorOf(other)
    .check([{ call: 'x', to: owner.address, data: '0x' }])
    .catch((cause: unknown) => cause)
  expect(failure).toMatchObject({ code: 'FUNDS_INSUFFICIENT', facts: { address: other.address, haveWei: '0' } })
})

test('a network file of a chain that was begun anew is no longer believed', async () => {
  const target = { rpc, chainId: CHAIN_ID, operator: operatorOf(owner) }
  const first = await deployNetwork({ ...target, network: undefined }, {}, AT_ONCE, signal)
  await beginAnew()
  const again = await deployNetwork({ ...target, rpc, operator: operatorOf(owner), network: first.network }, {}, AT_ONCE, signal)
  expect(again).toMatchObject({ outcome: 'changed', changed: 13 })
  const foreign = { ...first.network, dataMarket: first.network.nodes }
  await expect(deployNetwork({ ...target, rpc, operator: operatorOf(owner), network: foreign }, {}, AT_ONCE, signal)).rejects.toMatchObject(
    {
      code: 'CONTRACT_UNKNOWN',
    },
  )
})
