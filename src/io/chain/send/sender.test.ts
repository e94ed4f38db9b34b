import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startAnvil } from '#devnet/anvil.ts'
import type { Anvil } from '#devnet/anvil.ts'
import { deployProtocol, fundAccounts } from '#devnet/deploy.ts'
import type { Deployment } from '#devnet/deploy.ts'
import type { BlockNumber } from '#domain/ids.ts'
import { Secret } from '#domain/secret.ts'
import type { CallOutcome, IntentJournal, ProtocolCall } from '#io/chain/port.ts'
import { createRpc } from '#io/chain/rpc/rpc.ts'
import type { Rpc } from '#io/chain/rpc/rpc.ts'
import { createMemoryJournal } from '#io/chain/suite/scene.ts'
import { systemClock } from '#io/clock/system.ts'
import { createSigner } from '#io/keys/secp256k1.ts'
import { createIntents } from './intents.ts'
import { createProtocolSender } from './sender.ts'
import type { ProtocolSenderOptions } from './sender.ts'

/** What only a real node can show: fees, nonces that others use, refusals to broadcast. */

const NEVER = new AbortController().signal
const MANAGER = new Secret(new Uint8Array(32).fill(7))
const { address } = createSigner(MANAGER)
const release = (begin: number): ProtocolCall => ({ kind: 'releaseEpoch', begin: begin as BlockNumber, end: (begin + 9) as BlockNumber })

let anvil: Anvil
let deployment: Deployment
let rpc: Rpc
let snapshot: unknown

beforeAll(async () => {
  anvil = await startAnvil({ chainId: 31_339 })
  rpc = createRpc({ rpcUrl: anvil.rpcUrl, pause: systemClock })
  await fundAccounts(anvil.rpcUrl, [address])
  deployment = await deployProtocol({
    rpcUrl: anvil.rpcUrl,
    deployerKey: new Secret(new Uint8Array(32).fill(8)),
    market: { epochSize: 10, sourceChainId: 1, sourceBlockTimeSeconds: 12, attestationsMin: 1 },
    windows: { snapshotBlocks: 10, batchBlocks: 20, attestationBlocks: 30 },
    slots: [],
    sequencers: [address],
    validators: [address],
    epochManager: address,
  })
  snapshot = await rpc.call('evm_snapshot', [])
})
afterAll(() => anvil.stop())
beforeEach(async () => {
  await rpc.call('evm_revert', [snapshot])
  snapshot = await rpc.call('evm_snapshot', [])
  await rpc.call('anvil_dropAllTransactions', [])
})

function open(journal: IntentJournal, options: Partial<ProtocolSenderOptions> = {}) {
  const { protocolState, dataMarket, chainId } = deployment
  const base = {
    rpcUrl: anvil.rpcUrl,
    chainId,
    protocolState,
    dataMarket,
    signer: createSigner(MANAGER),
    clock: systemClock,
    pollMs: 2,
    settleTimeoutMs: 20_000,
  }
  return createProtocolSender({ ...base, journal, ...options })
}
const mine = (count = 1) => rpc.call('anvil_mine', [`0x${count.toString(16)}`])
const transactionCount = async () => Number(await rpc.call('eth_getTransactionCount', [address, 'latest']))
const pendingCount = async () => Number(((await rpc.call('txpool_status', [])) as { readonly pending: string }).pending)
async function until(isReached: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isReached())) await systemClock.sleep(2)
}
/** Mines whenever something waits, until `work` settles. */
async function mining(work: Promise<CallOutcome>): Promise<CallOutcome> {
  let isSettled = false
  const settled = work.finally(() => {
    isSettled = true
  })
  await until(async () => {
    if ((await pendingCount()) > 0) await mine()
    return isSettled
  })
  return settled
}

describe('sender on anvil', () => {
  test('a transaction that is stuck is replaced at a higher fee under the same nonce, journal first', async () => {
    const journal = createMemoryJournal()
    const intents = createIntents(journal, address)
    const settled = open(journal, { raiseFeeAfterMs: 20 }).send('release', release(100), NEVER)
    await until(() => (intents.get('release')?.hashes.length ?? 0) >= 3)
    const intent = intents.get('release')
    expect(new Set(intent?.hashes).size).toBe(intent?.hashes.length)
    await mine()
    const outcome = await settled
    expect(outcome.kind).toBe('done')
    expect(intents.get('release')?.hashes).toContain(outcome.kind === 'done' && outcome.transactionHash)
    expect(await transactionCount()).toBe(1)
  })

  test('whichever of the replacements is mined settles the intent, in a later process too', async () => {
    const journal = createMemoryJournal()
    const intents = createIntents(journal, address)
    const killed = new AbortController()
    let nowMs = 0
    const clock = { nowMs: () => nowMs, sleep: systemClock.sleep }
    const lost = open(journal, { clock, raiseFeeAfterMs: 1_000 }).send('release', release(100), killed.signal)
    await until(async () => (await pendingCount()) === 1)
    // Long enough for one replacement, too short for anything to be broadcast again.
    nowMs = 1_500
    await until(() => (intents.get('release')?.hashes.length ?? 0) === 2)
    const [first, second] = intents.get('release')?.hashes ?? []
    await until(async () => (await rpc.call('eth_getTransactionByHash', [second])) !== null)
    killed.abort(new Error('killed'))
    await expect(lost).rejects.toThrow('killed')
    await rpc.call('anvil_dropAllTransactions', [])
    await rpc.call('eth_sendRawTransaction', [intents.raw(first as NonNullable<typeof first>)])
    await mine()
    expect(await open(journal).send('release', release(100), NEVER)).toMatchObject({ kind: 'done', transactionHash: first })
    expect(await transactionCount()).toBe(1)
  })

  test('when another transaction took its nonce, it is signed anew once that cannot be undone any more', async () => {
    let isAlive = true
    const reached = Promise.withResolvers<void>()
    const journal = createMemoryJournal(async () => {
      if (!isAlive) return
      reached.resolve()
      await new Promise(() => undefined)
    })
    void open(journal).send('release', release(100), NEVER)
    await reached.promise
    isAlive = false
    // The account is used elsewhere meanwhile, with the same nonce.
    await rpc.call('anvil_impersonateAccount', [address])
    await rpc.call('eth_sendTransaction', [{ from: address, to: address, nonce: '0x0' }])
    await mine()
    const impatient = open(journal, { reorgDepthMax: 5, settleTimeoutMs: 60 })
    await expect(impatient.send('release', release(100), NEVER)).rejects.toMatchObject({
      code: 'CALL_NOT_SETTLED',
      cause: { message: 'nonce 0 was used by another transaction' },
    })
    expect([await transactionCount(), await pendingCount()]).toEqual([1, 0])
    await mine(5)
    expect(await mining(open(journal, { reorgDepthMax: 5 }).send('release', release(100), NEVER))).toMatchObject({ kind: 'done' })
    expect(await transactionCount()).toBe(2)
    expect(createIntents(journal, address).get('release')).toMatchObject({ nonce: 1 })
  })

  test('open intents of an earlier process are broadcast before anything new, lowest nonce first', async () => {
    const journal = createMemoryJournal()
    const killed = new AbortController()
    const first = open(journal)
    const lost = [first.send('a', release(100), killed.signal), first.send('b', { ...release(100) }, killed.signal)].map((work) =>
      work.catch(() => undefined),
    )
    await until(async () => (await pendingCount()) === 2)
    killed.abort()
    await Promise.all(lost)
    await rpc.call('anvil_dropAllTransactions', [])
    const again = open(journal)
    const outcomes = Promise.all([again.send('b', release(100), NEVER), again.send('a', release(100), NEVER)])
    await until(async () => (await pendingCount()) === 2)
    await mine()
    // Both were estimated before either was mined: the second one finds the epoch released.
    expect(await outcomes).toMatchObject([{ kind: 'refused', reason: 'E22' }, { kind: 'done' }])
    expect(await transactionCount()).toBe(2)
  })

  test('epochs are left out by the owner of the market, and by nobody else', async () => {
    const owner = new Secret(new Uint8Array(32).fill(8))
    await mining(open(createMemoryJournal()).send('release', release(100), NEVER))
    const skip = { ...release(140), kind: 'forceSkipEpoch' } as ProtocolCall
    expect(await open(createMemoryJournal()).send('skip', skip, NEVER)).toEqual({ kind: 'refused', reason: 'E03' })
    expect(await mining(open(createMemoryJournal(), { signer: createSigner(owner) }).send('skip', skip, NEVER))).toMatchObject({
      kind: 'done',
    })
    expect(await mining(open(createMemoryJournal()).send('next', release(150), NEVER))).toMatchObject({ kind: 'done' })
  })

  test('on a chain that makes blocks only for transactions each call has its block, in their order', async () => {
    await rpc.call('evm_setAutomine', [true])
    try {
      const sender = open(createMemoryJournal())
      const head = async () => Number(await rpc.call('eth_blockNumber', []))
      const before = await head()
      expect(await sender.send('release', release(100), NEVER)).toMatchObject({ kind: 'done', blockNumber: before + 1 })
      const list = [110, 120, 130].map((begin) => ({ intentId: `${begin}`, call: release(begin) }))
      const first = await sender.send('110', release(110), NEVER)
      const others = await sender.sendInOrder(list, NEVER)
      // The estimates of a list stand for themselves: what needs the one before it is refused beforehand.
      expect([first, ...others]).toMatchObject([{ kind: 'done' }, { kind: 'done' }, { kind: 'done' }, { kind: 'refused', reason: 'E22' }])
      expect(await head()).toBe(before + 3)
    } finally {
      await rpc.call('evm_setAutomine', [false])
    }
  })

  test('an account without ether says so at once', async () => {
    await rpc.call('anvil_setBalance', [address, '0x0'])
    const failure = await open(createMemoryJournal())
      .send('release', release(100), NEVER)
      .catch((cause: unknown) => cause)
    expect(failure).toMatchObject({ code: 'CALL_UNFUNDED', kind: 'transient', facts: { account: address, haveWei: '0' } })
    await fundAccounts(anvil.rpcUrl, [address])
  })

  test('a node of another chain gets nothing', async () => {
    const journal = createMemoryJournal()
    await expect(open(journal, { chainId: 1 }).send('release', release(100), NEVER)).rejects.toMatchObject({ code: 'CHAIN_WRONG' })
    expect(journal.scan('')).toEqual([])
  })

  test('old intents are forgotten when there are too many, open ones never', async () => {
    const journal = createMemoryJournal()
    const intents = createIntents(journal, address)
    const put = (nonce: number, minedCount: number) =>
      intents.put(
        { intentId: `i${nonce}`, kind: 'releaseEpoch', nonce, hashes: [] },
        { raw: '0x01', hash: `0x${nonce.toString(16).padStart(64, '0')}` as never },
        minedCount,
      )
    for (let nonce = 0; nonce < 600; nonce += 1) await put(nonce, Math.min(nonce, 550))
    expect(intents.all().map(({ nonce }) => nonce)).toEqual(Array.from({ length: 562 }, (_, index) => index + 38))
    expect(journal.scan('signed/')).toHaveLength(562)
  })
})
