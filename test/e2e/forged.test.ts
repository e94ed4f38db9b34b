import { encodeFunctionData } from 'viem'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Anvil, startAnvil } from '#devnet/anvil.ts'
import { assignSlot, type Deployment, deployProtocol, fundAccounts } from '#devnet/deploy.ts'
import type { BatchedSubmission } from '#domain/batch.ts'
import type { BlockNumber, Cid, EpochId, Hash, ProjectId, SlotId } from '#domain/ids.ts'
import { Secret } from '#domain/secret.ts'
import type { AnchorChain, BlockRef, ProtocolCall } from '#io/chain/port.ts'
import { connectAnchorChain } from '#io/chain/read/anchor.ts'
import { readMarketAddresses } from '#io/chain/read/market.ts'
import { createRpc } from '#io/chain/rpc/rpc.ts'
import { createProtocolSender } from '#io/chain/send/sender.ts'
import { systemClock } from '#io/clock/system.ts'
import { createFakeIpfsNetwork } from '#io/ipfs/fake.ts'
import { createSigner, recoverer } from '#io/keys/secp256k1.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { type StepResult, verify } from '#roles/consumer/verify.ts'
import { protocolStateAbi } from '#wire/abi/protocol-state.ts'
import { encodeBatch } from '#wire/batch-json.ts'
import { createSubmissionHasher } from '#wire/eip712.ts'
import { publishedRoot } from '#wire/merkle.ts'

/** G8: what liars anchor on the real contracts, and what a consumer makes of it. Each test begins with two released epochs and nothing else. */

const key = (byte: number) => new Secret(new Uint8Array(32).fill(byte))
const KEYS = { epochManager: key(10), sequencer: key(11), validator1: key(12), validator2: key(13), validator3: key(14) } as const
type Account = keyof typeof KEYS
const DEPLOYER = key(9)
const slotKeys = [21, 22, 23].map(key)
const [one, two, three] = [1, 2, 3] as [SlotId, SlotId, SlotId]
const [FIRST, SECOND] = [1, 2] as [EpochId, EpochId]
const PROJECT = 'reserves:0xaa:FORGED' as ProjectId
const address = (account: Account) => createSigner(KEYS[account]).address
const MARKET = { epochSize: 10, sourceChainId: 1, sourceBlockTimeSeconds: 12, attestationsMin: 2 }
const WINDOWS = { snapshotBlocks: 10, batchBlocks: 40, attestationBlocks: 80 }
const rules = {
  windowUnit: 'blocks',
  namespace: 'FORGED',
  voting: 'open',
  deadlineBufferMaxBlocks: 20,
  tally: { minVotes: 0, minShareBp: 0 },
  batchTree: 'either',
} as const
const never = new AbortController().signal

let anvil: Anvil
let deployment: Deployment
let snapshot: unknown
let chain: AnchorChain
const ipfs = createFakeIpfsNetwork()
const [serving, reading] = [ipfs.node('serving'), ipfs.node('reading')]
const rpc = () => createRpc({ rpcUrl: anvil.rpcUrl, pause: systemClock })

beforeAll(async () => {
  anvil = await startAnvil({ chainId: 31_337 })
  await fundAccounts(anvil.rpcUrl, (Object.keys(KEYS) as Account[]).map(address))
  deployment = await deployProtocol({
    rpcUrl: anvil.rpcUrl,
    deployerKey: DEPLOYER,
    market: MARKET,
    windows: WINDOWS,
    slots: slotKeys.map((each) => createSigner(each).address),
    sequencers: [address('sequencer')],
    validators: [address('validator1'), address('validator2'), address('validator3')],
    epochManager: address('epochManager'),
  })
  chain = await connect(deployment.dataMarket)
  // Slots were assigned before: in the same second nobody could tell.
  await rpc().call('evm_increaseTime', [60])
  await perform('epochManager', { kind: 'releaseEpoch', begin: 100 as BlockNumber, end: 109 as BlockNumber })
  await perform('epochManager', { kind: 'releaseEpoch', begin: 110 as BlockNumber, end: 119 as BlockNumber })
  snapshot = await rpc().call('evm_snapshot', [])
})
afterAll(() => anvil.stop())
beforeEach(async () => {
  await rpc().call('evm_revert', [snapshot])
  // A connection of its own for each: whoever has seen a block believes nobody who is below it.
  chain = await connect(deployment.dataMarket)
  snapshot = await rpc().call('evm_snapshot', [])
})

const places = () => ({ rpcUrl: anvil.rpcUrl, chainId: deployment.chainId, protocolState: deployment.protocolState })
const connect = (dataMarket: Deployment['dataMarket']) =>
  connectAnchorChain({ ...places(), dataMarket, clock: systemClock, pollMs: 2, reorgDepthMax: 1 })

async function perform(account: Account, call: ProtocolCall, dataMarket = deployment.dataMarket): Promise<void> {
  const options = { ...places(), dataMarket, clock: systemClock, pollMs: 2, settleTimeoutMs: 20_000 }
  const sender = createProtocolSender({ ...options, signer: createSigner(KEYS[account]), journal: createFakeStore() })
  let isSettled = false
  const settled = sender.send('once', call, never).finally(() => {
    isSettled = true
  })
  const node = rpc()
  const isPending = async () => Number(((await node.call('txpool_status', [])) as { pending: string }).pending) > 0
  while (!isSettled && !(await isPending())) await systemClock.sleep(2)
  await node.call('anvil_mine', ['0x1'])
  expect(await settled).toMatchObject({ kind: 'done' })
}

interface Cast {
  readonly slotId: SlotId
  readonly data?: string
  readonly epochId?: EpochId
  readonly isAltered?: boolean
}

const textOf = (data: string) => new TextEncoder().encode(`{"data":"${data}"}`)

/** A submission of the project, signed in the block of the epoch's release. */
async function submission({ slotId, data = 'true', epochId = FIRST, isAltered = false }: Cast, index: number): Promise<BatchedSubmission> {
  const snapshotCid = await serving.add(textOf(data))
  const { number, hash } = (await chain.release(epochId)) as BlockRef
  const request = { slotId, deadlineBlock: (number + 9) as BlockNumber, snapshotCid, epochId, projectId: PROJECT }
  const signature = createSigner(slotKeys[slotId - 1] as (typeof slotKeys)[0]).sign(createSubmissionHasher(chain).digest(request))
  const sent = isAltered ? `${signature.slice(0, 20)}${signature[20] === '0' ? '1' : '0'}${signature.slice(21)}` : signature
  return {
    submissionId: `00000000-0000-4000-8000-00000000000${index}`,
    submission: { request, signature: sent, header: hash, dataMarket: chain.dataMarket, nodeVersion: 'v1.0', protocolState: '' },
  }
}

interface Anchored {
  readonly batchCid: Cid
  readonly rootHash: Hash
}

/** A batch file that says the project has `data`, served and anchored. */
async function anchor(
  casts: readonly Cast[],
  { data = 'true', epochIds = [FIRST] }: { readonly data?: string; readonly epochIds?: readonly EpochId[] } = {},
): Promise<Anchored> {
  const snapshotCids = [await serving.add(textOf(data))]
  const submissions = await Promise.all(casts.map(submission))
  const submissionsRoot = publishedRoot(submissions.map(({ submissionId }) => submissionId))
  const batchCid = await serving.add(encodeBatch({ submissions, submissionsRoot, projectIds: [PROJECT], snapshotCids }))
  const rootHash = publishedRoot(snapshotCids)
  for (const epochId of epochIds)
    await perform('sequencer', { kind: 'submitSubmissionBatch', epochId, batchCid, projectIds: [PROJECT], snapshotCids, rootHash })
  return { batchCid, rootHash }
}

async function attest({ batchCid, rootHash }: Anchored, { epochId = FIRST, by = 3 }: { epochId?: EpochId; by?: number } = {}) {
  for (const validator of (['validator1', 'validator2', 'validator3'] as const).slice(0, by))
    await perform(validator, { kind: 'submitBatchAttestation', epochId, batchCid, rootHash })
}

async function prove(epochId = FIRST, market = chain): Promise<{ steps: StepResult[]; last: StepResult }> {
  const steps: StepResult[] = []
  for await (const step of verify(
    { projectId: PROJECT, epochId, rules: async () => rules, signal: never },
    { chain: market, ipfs: reading, recoverer, clock: systemClock },
  ))
    steps.push(step)
  return { steps, last: steps.at(-1) as StepResult }
}
const PROVED = { step: 'attested', ok: true }
const ALL: readonly Cast[] = [{ slotId: one }, { slotId: two }, { slotId: three }]
const otherRoot = publishedRoot(['another'])

describe('G8: on the real contracts', () => {
  test('what honest roles anchor is proved', async () => {
    await attest(await anchor(ALL))
    const { steps, last } = await prove()
    expect(last).toMatchObject({ ...PROVED, detail: '3 of 3 validators, 2 needed' })
    expect(steps.find(({ step }) => step === 'tally')?.detail).toBe('3 of 3 votes')
  })

  test('a liar anchors the CID of a final batch for another epoch: that proves nothing there, and takes nothing from where it is final', async () => {
    const both = [...ALL, ...ALL.map((cast) => ({ ...cast, epochId: SECOND }))]
    const batch = await anchor(both, { epochIds: [FIRST] })
    await attest(batch)
    await anchor(both, { epochIds: [SECOND] })
    expect((await prove(SECOND)).steps[0]).toMatchObject({ step: 'reported', ok: true, status: 'pending' })
    expect((await prove(SECOND)).last).toMatchObject({ step: 'anchored', ok: false, detail: expect.stringContaining('attested by 0 of 3') })
    expect((await prove()).last).toMatchObject({ ...PROVED, detail: '3 of 3 validators, 2 needed' })
    await attest({ ...batch, rootHash: otherRoot }, { epochId: SECOND })
    expect((await prove(SECOND)).last).toMatchObject({ step: 'anchored', ok: false, detail: expect.stringMatching(/^disputed: /) })
    expect((await prove()).last).toMatchObject(PROVED)
  })

  test('and the other way about: refused where it was first, final where it came later', async () => {
    const both = [...ALL, ...ALL.map((cast) => ({ ...cast, epochId: SECOND }))]
    const batch = await anchor(both, { epochIds: [FIRST, SECOND] })
    await attest({ ...batch, rootHash: otherRoot })
    await attest(batch, { epochId: SECOND })
    expect((await prove()).steps[0]).toMatchObject({ status: 'disputed' })
    expect((await prove()).last).toMatchObject({ step: 'anchored', ok: false })
    expect((await prove(SECOND)).last).toMatchObject(PROVED)
  })

  test('a batch that the validators rejected is disputed, and the one that took over is proved', async () => {
    const lie = await anchor([{ slotId: one, data: 'lie' }, ...ALL.slice(1)], { data: 'lie' })
    await attest({ ...lie, rootHash: publishedRoot([await serving.add(textOf('true'))]) })
    const { steps, last } = await prove()
    expect(steps[0]).toMatchObject({ ok: true, status: 'disputed' })
    expect(last).toMatchObject({ step: 'tally', ok: false })
    await attest(await anchor(ALL))
    expect((await prove()).last).toMatchObject(PROVED)
  })

  test('pending is not proved', async () => {
    await attest(await anchor(ALL), { by: 1 })
    const { steps, last } = await prove()
    expect(steps[0]).toMatchObject({ ok: true, status: 'pending' })
    expect(last).toMatchObject({ step: 'anchored', ok: false, detail: expect.stringContaining('attested by 1 of 3 validators, 2 needed') })
  })

  test.each<[string, readonly Cast[], string, RegExp]>([
    ['altered signatures', ALL.map((cast) => ({ ...cast, isAltered: true })), 'signatures', /slot 1: submission_signature/],
    [
      'one slot’s vote twice',
      [{ slotId: one }, { slotId: one }, { slotId: two, data: 'x' }, { slotId: three, data: 'x' }],
      'tally',
      /submission_once/,
    ],
    [
      'a winner that did not win',
      [{ slotId: one }, { slotId: two, data: 'x' }, { slotId: three, data: 'x' }],
      'tally',
      /wins, with 1 valid/,
    ],
  ])('%s: no validators’ votes make it true', async (_, casts, step, detail) => {
    await attest(await anchor(casts))
    expect((await prove()).last).toMatchObject({ step, ok: false, detail: expect.stringMatching(detail) })
  })

  test('a slot that changed hands since has signed what it signed', async () => {
    await attest(await anchor(ALL))
    const { nodes } = deployment
    await assignSlot({ rpcUrl: anvil.rpcUrl, ownerKey: DEPLOYER, nodes, slotId: two, signer: address('validator1') })
    const { steps, last } = await prove()
    expect(last).toMatchObject(PROVED)
    expect(steps.find(({ step }) => step === 'signatures')?.detail).toMatch(/^3 valid for it of 3 valid$/)
  })

  test('one CID in two markets is two batches', async () => {
    const second = await secondMarket()
    const market = await connect(second)
    await perform('epochManager', { kind: 'releaseEpoch', begin: 100 as BlockNumber, end: 109 as BlockNumber }, second)
    const { batchCid, rootHash } = await anchor(ALL)
    await attest({ batchCid, rootHash })
    const [snapshotCids, projectIds] = [[await serving.add(textOf('true'))], [PROJECT]]
    await perform(
      'sequencer',
      { kind: 'submitSubmissionBatch', epochId: FIRST, batchCid, projectIds, snapshotCids, rootHash: otherRoot },
      second,
    )
    expect(await chain.batch(FIRST, batchCid)).toMatchObject({ rootHash, isFinalized: true, attestationCount: 3 })
    expect(await market.batch(FIRST, batchCid)).toMatchObject({ rootHash: otherRoot, isFinalized: false, attestationCount: 0 })
    expect((await prove()).last).toMatchObject(PROVED)
    expect((await prove(FIRST, market)).steps[0]).toMatchObject({ status: 'pending' })
    expect((await prove(FIRST, market)).last.ok).toBe(false)
  })
})

/** Another market of the same network, with the same people. */
async function secondMarket(): Promise<Deployment['dataMarket']> {
  const node = rpc()
  const owner = createSigner(DEPLOYER).address
  await node.call('anvil_impersonateAccount', [owner])
  const call = async (about: { readonly functionName: string; readonly args: readonly unknown[] }) => {
    const data = encodeFunctionData({ abi: protocolStateAbi, ...about } as unknown as Parameters<typeof encodeFunctionData>[0])
    await node.call('eth_sendTransaction', [{ from: owner, to: deployment.protocolState, data }])
    await node.call('anvil_mine', ['0x1'])
  }
  await call({ functionName: 'createDataMarket', args: [owner, MARKET.epochSize, 1n, 120_000n, false] })
  const market = (await readMarketAddresses(node, deployment.protocolState)).at(-1) as Deployment['dataMarket']
  await call({ functionName: 'updateSnapshotSubmissionWindow', args: [market, BigInt(WINDOWS.snapshotBlocks)] })
  await call({ functionName: 'updateBatchSubmissionWindow', args: [market, BigInt(WINDOWS.batchBlocks)] })
  await call({ functionName: 'updateAttestationSubmissionWindow', args: [market, BigInt(WINDOWS.attestationBlocks)] })
  await call({ functionName: 'updateEpochManager', args: [market, address('epochManager')] })
  await call({ functionName: 'updateAddresses', args: [market, 1, [address('sequencer')], [true]] })
  await call({
    functionName: 'updateAddresses',
    args: [market, 0, [address('validator1'), address('validator2'), address('validator3')], [true, true, true]],
  })
  return market
}
