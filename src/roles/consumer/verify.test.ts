import { describe, expect, test } from 'vitest'
import type { Batch, BatchedSubmission } from '#domain/batch.ts'
import { WeftError } from '#domain/errors.ts'
import type { Address, BlockNumber, Cid, EpochId, Hash, ProjectId, SlotId } from '#domain/ids.ts'
import { createFakeChain, type FakeChain, marketOf } from '#io/chain/fake/anchor.ts'
import type { AnchorChain, AnchoredWithProjects, BlockRef, ProtocolCall } from '#io/chain/port.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import type { Clock } from '#io/clock/port.ts'
import { createFakeIpfsNetwork } from '#io/ipfs/fake.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import type { KeySigner } from '#io/keys/port.ts'
import { createSigner, parsePrivateKey, recoverer } from '#io/keys/secp256k1.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { encodeCompactBatch } from '#wire/batch-cbor.ts'
import { BATCH_BYTES_MAX, encodeBatch } from '#wire/batch-json.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { createSubmissionHasher } from '#wire/eip712.ts'
import { createTree, publishedRoot } from '#wire/merkle.ts'
import type { CountRules } from './count.ts'
import { PROOF_STEPS, type StepResult, verify } from './verify.ts'

const account = (digit: string): Address => `0x${digit.repeat(40)}` as Address
const [epochManager, sequencer] = [account('1'), account('2')]
const validators = [account('a'), account('b'), account('c')]
const epochId = 1 as EpochId
const projectIds = ['reserves:0xaa:TEST', 'reserves:0xbb:TEST'] as ProjectId[]
const thirdProject = 'reserves:0xcc:TEST' as ProjectId
const keys = ['11', '22', '33'].map((byte) => createSigner(parsePrivateKey(byte.repeat(32))))
const [one, two, three] = [1, 2, 3] as [SlotId, SlotId, SlotId]
const otherRoot = publishedRoot(['something else'])
const rules = {
  windowUnit: 'blocks',
  namespace: 'TEST',
  voting: 'open',
  deadlineBufferMaxBlocks: 20,
  tally: { minVotes: 0, minShareBp: 0 },
} as const

/** One vote for the second project: what it says, and what is other about it than about an honest one. */
interface Cast {
  readonly slotId?: SlotId
  readonly snapshotCid?: Cid
  readonly epochId?: EpochId
  /** Blocks from the release. */
  readonly headerAfter?: number
  readonly header?: string
  readonly deadlineAfter?: number
  readonly by?: KeySigner
  readonly projectId?: ProjectId
  readonly signature?: (honest: string) => string
}

/** One epoch with one batch per project, the second tree continuing the first; `spoil` changes what is served or anchored. */
async function network(
  spoil: {
    readonly votes?: readonly Cast[]
    /** Of a third project, in the batch of the second. */
    readonly elsewhere?: readonly Cast[]
    readonly batch?: (batch: Batch) => Batch
    readonly anchoredRoot?: Hash
    readonly attestations?: number
    /** Validators that vote for another root before the others. */
    readonly refusals?: number
    readonly isCumulative?: boolean
    readonly isCompact?: boolean
    /** Anchored by their roots; with another over the projects of the second. */
    readonly byRoots?: true | { readonly projectsRootHash: Hash }
    readonly rules?: Partial<CountRules>
    /** Of an epoch that nobody knows the rules of. */
    readonly ruleless?: Error
    /** Happens on chain after everything else. */
    readonly afterwards?: (chain: FakeChain) => void
    /** Changes what the chain answers, and what serves bytes. */
    readonly chain?: (chain: AnchorChain) => Partial<AnchorChain>
    readonly ipfs?: (get: Ipfs['get']) => Ipfs['get']
    readonly clock?: (real: Clock) => Clock
  } = {},
) {
  const clock = createVirtualClock()
  const market = marketOf({
    epochSize: 1,
    sourceBlockTimeSeconds: 1,
    snapshotWindowBlocks: 5,
    batchWindowBlocks: 50,
    attestationWindowBlocks: 90,
    attestationsMin: 2,
    epochManager,
    sequencers: [sequencer],
    validators,
  })
  const chain = createFakeChain({ clock, market, signers: keys.map(({ address }) => address), blockTimeMs: 1_000 })
  const ipfs = createFakeIpfsNetwork({ clock })
  const [serving, reading] = [ipfs.node('serving'), ipfs.node('reading')]
  const send = async (address: Address, call: ProtocolCall) => {
    const sender = chain.sender({ address, journal: createFakeStore() })
    const outcome = await clock.runUntil(sender.send(JSON.stringify(call), call, new AbortController().signal), { limitMs: 60_000 })
    expect(outcome).toMatchObject({ kind: 'done' })
  }
  if (spoil.byRoots !== undefined) chain.setRootOnlyAllowed(true)
  await send(epochManager, { kind: 'releaseEpoch', begin: 1 as BlockNumber, end: 1 as BlockNumber })
  const { number: releaseBlock } = (await chain.release(epochId)) as BlockRef
  await clock.runUntil(clock.sleep(8_000), { limitMs: 60_000 })
  const hasher = createSubmissionHasher(chain)
  async function submissionOf(projectId: ProjectId, snapshotCid: Cid, cast: Cast) {
    const slotId = cast.slotId ?? one
    const header = cast.header ?? ((await chain.block((releaseBlock + (cast.headerAfter ?? 0)) as BlockNumber)) as BlockRef).hash
    const deadlineBlock = (releaseBlock + (cast.deadlineAfter ?? 9)) as BlockNumber
    const request = { slotId, deadlineBlock, snapshotCid: cast.snapshotCid ?? snapshotCid, epochId: cast.epochId ?? epochId, projectId }
    const honest = (cast.by ?? (keys[slotId - 1] as KeySigner)).sign(hasher.digest(request))
    const signature = cast.signature?.(honest) ?? honest
    return { request, signature, header, dataMarket: chain.dataMarket, nodeVersion: 'v1.0', protocolState: '' }
  }

  const tree = createTree()
  const cids: Cid[] = []
  for (const [index, projectId] of projectIds.entries()) {
    const snapshotCid = await serving.add(new TextEncoder().encode(`{"project":${index}}`))
    cids.push(snapshotCid)
    const casts = (index === 1 ? spoil.votes : undefined) ?? [{}]
    const elsewhere = (index === 1 ? spoil.elsewhere : undefined)?.map((cast) => ({ projectId: thirdProject, ...cast })) ?? []
    const submissions = await Promise.all(
      [...casts, ...elsewhere].map(async (cast, position) => ({
        submissionId: `00000000-0000-4000-8000-0000000000${position}${index}`,
        submission: await submissionOf(cast.projectId ?? projectId, snapshotCid, cast),
      })),
    )
    const ids = submissions.map(({ submissionId }) => submissionId)
    tree.append(ids)
    const submissionsRoot = spoil.isCumulative === false ? publishedRoot(ids) : tree.publishedRoot()
    const named = elsewhere.length === 0 ? [projectId] : [projectId, thirdProject]
    const snapshotCids = named.map(() => snapshotCid)
    const honest: Batch = { submissions, submissionsRoot, projectIds: named, snapshotCids }
    const batch = index === 1 && spoil.batch !== undefined ? spoil.batch(honest) : honest
    const batchCid =
      spoil.isCompact === true ? await serving.add(encodeCompactBatch(batch), undefined, 'dag-cbor') : await serving.add(encodeBatch(batch))
    const rootHash = (index === 1 ? spoil.anchoredRoot : undefined) ?? publishedRoot(snapshotCids)
    const roots = { projectsRootHash: publishedRoot(named), ...(index === 1 && spoil.byRoots !== true ? spoil.byRoots : undefined) }
    await send(
      sequencer,
      spoil.byRoots === undefined
        ? { kind: 'submitSubmissionBatch', epochId, batchCid, projectIds: named, snapshotCids, rootHash }
        : { kind: 'submitRootOnlyBatches', epochId, batches: [{ batchCid, rootHash, ...roots }] },
    )
    const refusals = index === 1 ? (spoil.refusals ?? 0) : 0
    for (const validator of validators.slice(0, refusals))
      await send(validator, { kind: 'submitBatchAttestation', epochId, batchCid, rootHash: otherRoot })
    for (const validator of validators.slice(refusals, index === 1 ? (spoil.attestations ?? 3) : 3))
      await send(validator, { kind: 'submitBatchAttestation', epochId, batchCid, rootHash })
  }
  await send(sequencer, { kind: 'endBatchSubmissions', epochId })
  spoil.afterwards?.(chain)
  await clock.runUntil(clock.sleep(2_000), { limitMs: 60_000 })
  chain.stop()
  const asked: Parameters<Ipfs['get']>[1][] = []
  const get: Ipfs['get'] = (cid, options) => {
    asked.push(options)
    return (spoil.ipfs?.(reading.get) ?? reading.get)(cid, options)
  }
  const read: SlotId[] = []
  const slot: AnchorChain['slot'] = (slotId, at) => {
    read.push(slotId)
    return chain.slot(slotId, at)
  }
  const told = { ...chain, slot, ...spoil.chain?.(chain) }
  const data: Uint8Array[] = []
  const run = async (projectId = projectIds[1] as ProjectId, signal = new AbortController().signal): Promise<StepResult[]> => {
    const results: StepResult[] = []
    const onData = (bytes: Uint8Array) => void data.push(bytes)
    const known = async (): Promise<CountRules> => {
      if (spoil.ruleless !== undefined) throw spoil.ruleless
      return { ...rules, batchTree: 'either', ...spoil.rules }
    }
    const options = { projectId, epochId, rules: known, signal, onData }
    const deps = { chain: told, ipfs: { get }, clock: spoil.clock?.(clock) ?? clock, recoverer }
    const collecting = (async () => {
      for await (const step of verify(options, deps)) results.push(step)
    })()
    await clock.runUntil(collecting, { limitMs: 120_000 })
    return results
  }
  return { run, chain, serving, cids, asked, read, data, batchCids: await chain.batchCids(epochId) }
}

/** Keeps no state of blocks gone by, as most nodes do. */
const forgetful = (chain: AnchorChain): Partial<AnchorChain> => ({
  async slot(slotId, at) {
    if (at === undefined) return chain.slot(slotId)
    throw new WeftError('CHAIN_ANSWER_INVALID', { endpoint: 'fake', method: 'eth_call', detail: 'missing trie node' })
  },
})
const failedStep = (results: readonly StepResult[]): string | undefined => results.find(({ ok }) => !ok)?.step
const OTHER_CID = 'bafkreicecnx2gvntm6fbcrvnc336qze6st5u7qq7457igegamd3bzkx7ri' as Cid
const notFound = (cid: string) => new WeftError('IPFS_NOT_FOUND', { cid, waitedMs: 1 })

test('P2: the head is asked for first: nothing that is told later is from before it', async () => {
  const asked: string[] = []
  const noted =
    <Args extends unknown[], Result>(name: string, ask: (...args: Args) => Result) =>
    (...args: Args): Result => {
      asked.push(name)
      return ask(...args)
    }
  const noting = ({ head, snapshotStatus, batchCids, currentEpoch }: AnchorChain): Partial<AnchorChain> => ({
    head: noted('head', head),
    snapshotStatus: noted('snapshotStatus', snapshotStatus),
    batchCids: noted('batchCids', batchCids),
    currentEpoch: noted('currentEpoch', currentEpoch),
  })
  const { run } = await network({ chain: noting })
  await run()
  expect(asked).toContain('snapshotStatus')
  expect(asked[0]).toBe('head')
})

describe('verify', () => {
  test('P1: proves a data point from the chain to its bytes, each step once and in order', async () => {
    const { run, cids, batchCids } = await network()
    expect(await run()).toEqual([
      { step: 'reported', ok: true, detail: `${cids[1]}, finalized`, status: 'finalized' },
      { step: 'bytes', ok: true, detail: '13 bytes' },
      { step: 'cid', ok: true, detail: cids[1] },
      { step: 'batch', ok: true, detail: `${batchCids[1]}, 1 submissions, 1 projects` },
      { step: 'signatures', ok: true, detail: '1 valid for it of 1 valid' },
      { step: 'tally', ok: true, detail: '1 of 1 votes' },
      { step: 'submissions_root', ok: true, detail: expect.stringMatching(/^0x[0-9a-f]{64} \(continues the epoch's tree\)$/) },
      { step: 'cids_root', ok: true, detail: publishedRoot([cids[1] as string]) },
      { step: 'anchored', ok: true, detail: 'same projects and CIDs on chain, batch FINALIZED' },
      { step: 'attested', ok: true, detail: '3 of 3 validators, 2 needed' },
    ])
    expect((await run(projectIds[0])).map(({ step, ok }) => [step, ok])).toEqual(PROOF_STEPS.map((step) => [step, true]))
  })

  test('takes batches in the compact form', async () => {
    const { run, batchCids } = await network({ isCompact: true })
    expect([batchCids[1]?.slice(0, 7), failedStep(await run())]).toEqual(['bafyrei', undefined])
  })

  test.each([
    ['cumulative', true],
    ['fresh', false],
  ] as const)('P3: where the market asks for %s trees, another proves nothing', async (batchTree, isCumulative) => {
    expect(failedStep(await (await network({ isCumulative, rules: { batchTree } })).run())).toBeUndefined()
    const last = (await (await network({ isCumulative: !isCumulative, rules: { batchTree } })).run()).at(-1)
    expect(last).toMatchObject({
      step: 'submissions_root',
      ok: false,
      detail: expect.stringContaining('its submission ids give another root'),
    })
  })

  test('takes batches whose trees each start anew', async () => {
    const { run } = await network({ isCumulative: false })
    expect((await run()).find(({ step }) => step === 'submissions_root')).toMatchObject({
      ok: true,
      detail: expect.stringContaining('fresh tree'),
    })
  })

  test('G7: asks for no more than a snapshot and a batch may have, for no longer than it waits, and as long as it is wanted', async () => {
    const { run, asked } = await network()
    const { signal } = new AbortController()
    await run(projectIds[1], signal)
    const [snapshotMax, timeoutMs] = [16 * 1024 * 1024, 10_000]
    expect(asked).toEqual([
      { bytesMax: snapshotMax, timeoutMs, signal },
      { bytesMax: BATCH_BYTES_MAX, timeoutMs, signal },
      { bytesMax: BATCH_BYTES_MAX, timeoutMs, signal },
    ])
    expect(asked.every((options) => options.signal === signal)).toBe(true)
  })
})

describe('P2: whoever serves bytes may lie, and is found out', () => {
  test('P2: altered bytes are named, with what they hash to', async () => {
    const { run, serving, cids } = await network()
    serving.corrupt(cids[1] as Cid)
    const last = (await run()).at(-1)
    expect(last?.ok).toBe(false)
    expect(['bytes', 'cid']).toContain(last?.step)
  })

  test('P2, P3: a server that hands out other bytes and claims the CID fails the step `cid`', async () => {
    const lie = new TextEncoder().encode('{"project":"a lie"}')
    const { run, cids } = await network({ ipfs: (get) => async (cid, options) => (cid === cids[1] ? lie : get(cid, options)) })
    expect((await run()).slice(1)).toEqual([
      { step: 'bytes', ok: true, detail: '19 bytes' },
      { step: 'cid', ok: false, detail: `the bytes served hash to ${await snapshotCidOf(lie)}` },
    ])
  })

  test('P2, P3: wrong bytes that the reader has seen through already are no less served', async () => {
    const { run, cids } = await network({
      ipfs: () => (cid) => Promise.reject(new WeftError('IPFS_CONTENT_WRONG', { cid, got: OTHER_CID })),
    })
    expect(await run()).toEqual([
      { step: 'reported', ok: true, detail: `${cids[1]}, finalized`, status: 'finalized' },
      { step: 'bytes', ok: true, detail: 'served' },
      { step: 'cid', ok: false, detail: `the bytes served hash to ${OTHER_CID}` },
    ])
  })

  test('P2, P3: another batch file that says what is wanted, under the CID of the true one, fails the step `batch`', async () => {
    let forged = new Uint8Array()
    const { run, batchCids } = await network({
      batch(batch) {
        forged = encodeBatch({ ...batch, submissions: [...batch.submissions, ...batch.submissions] }) as Uint8Array<ArrayBuffer>
        return batch
      },
      ipfs: (get) => async (cid, options) => (cid === batchCids[1] ? forged : get(cid, options)),
    })
    expect((await run()).at(-1)).toEqual({
      step: 'batch',
      ok: false,
      detail: `batch ${batchCids[1]}: the bytes served hash to ${await snapshotCidOf(forged)}`,
    })
  })

  test.each<[string, (cid: string) => WeftError]>([
    ['nobody has', notFound],
    ['are more than it takes', (cid) => new WeftError('IPFS_CONTENT_TOO_LARGE', { cid, bytesMax: 1 })],
    ['have a name that is no CID', (text) => new WeftError('ID_MALFORMED', { what: 'CID', text })],
  ])('P1: bytes that %s fail the step `bytes`, or `batch` when they are a batch’s', async (_, failureOf) => {
    const { run, cids, batchCids } = await network({
      ipfs: (get) => (cid, options) => (cid === lost ? Promise.reject(failureOf(cid)) : get(cid, options)),
    })
    let lost = cids[1]
    expect((await run()).map(({ step, ok }) => [step, ok])).toEqual([
      ['reported', true],
      ['bytes', false],
    ])
    lost = batchCids[1]
    const last = (await run()).at(-1)
    expect(last).toMatchObject({ step: 'batch', ok: false, detail: expect.stringMatching(`^batch ${lost}: `) })
  })

  test('withheld bytes fail the step `bytes`', async () => {
    const { run, serving, cids } = await network()
    serving.withhold(cids[1] as Cid)
    expect(failedStep(await run())).toBe('bytes')
  })

  test('what fails on this machine is not said of the data point', async () => {
    const broken = new WeftError('STORE_FAILED', { path: '/', doing: 'reading a block' })
    const { run, cids } = await network({ ipfs: (get) => (cid, options) => (cid === lost ? Promise.reject(broken) : get(cid, options)) })
    let lost = cids[1]
    await expect(run()).rejects.toBe(broken)
    lost = (await network()).batchCids[1]
    await expect(run()).rejects.toBe(broken)
  })
})

describe('P1: the first step that fails is the last', () => {
  const request = { slotId: 1 as SlotId, deadlineBlock: 9 as BlockNumber, epochId }
  const changed = (change: Partial<Batch['submissions'][number]['submission']['request']>) => (batch: Batch) => ({
    ...batch,
    submissions: batch.submissions.map(({ submissionId, submission }) => ({
      submissionId,
      submission: { ...submission, request: { ...request, ...submission.request, ...change } },
    })),
  })
  const onChain =
    (change: Partial<AnchoredWithProjects>) =>
    (chain: AnchorChain): Partial<AnchorChain> => ({
      batch: async (...args) => ({ ...((await chain.batch(...args)) as AnchoredWithProjects), ...change }),
    })

  test.each<[string, Parameters<typeof network>[0], StepResult['step'], string | RegExp]>([
    [
      'the file pairs the project with another CID',
      { batch: (batch) => ({ ...batch, snapshotCids: [OTHER_CID] }) },
      'batch',
      new RegExp(`^batch bafkrei\\w+ has ${OTHER_CID} for the project$`),
    ],
    [
      'the file does not have the project',
      { batch: (batch) => ({ ...batch, projectIds: ['x:N' as ProjectId] }) },
      'batch',
      /^none of the epoch's/,
    ],
    [
      'no submission stands behind the CID',
      { batch: (batch) => ({ ...batch, submissions: [] }) },
      'batch',
      /holds no submission for that CID$/,
    ],
    [
      'the only submission is for another epoch',
      { batch: changed({ epochId: 2 as EpochId }) },
      'batch',
      /holds no submission for that CID$/,
    ],
    ['the only submission is for another project', { batch: changed({ projectId: 'x:N' as ProjectId }) }, 'batch', /holds no submission/],
    [
      'the only submission is for another CID',
      { batch: changed({ snapshotCid: OTHER_CID }) },
      'batch',
      /holds no submission for that CID$/,
    ],
    [
      'the file is no batch',
      { batch: (batch) => ({ ...batch, snapshotCids: [] }) },
      'batch',
      /^batch bafkrei\w+ does not have the form of a batch file$/,
    ],
    [
      'the submissions root is another',
      { batch: (batch) => ({ ...batch, submissionsRoot: otherRoot }) },
      'submissions_root',
      `the file says ${otherRoot}, its submission ids give another root`,
    ],
    [
      'the anchored root is another',
      { anchoredRoot: otherRoot },
      'cids_root',
      new RegExp(`^the file gives 0x\\w+, the chain has ${otherRoot}$`),
    ],
    [
      'the chain lists other projects',
      { chain: onChain({ projectIds: ['x:N' as ProjectId] }) },
      'anchored',
      /other projects than the file/,
    ],
    ['the chain lists other CIDs', { chain: onChain({ snapshotCids: [OTHER_CID] }) }, 'anchored', /other CIDs than the file/],
    [
      'too few validators attested',
      { attestations: 1 },
      'anchored',
      /^the batch is not FINALIZED yet, but pending: attested by 1 of 3 validators, 2 needed; the window for it ends with block 100009\d, the head is 10000\d\d$/,
    ],
    ['fewer than half attested what is final', { chain: onChain({ attestationCount: 1 }) }, 'attested', '1 of 3 validators, 2 needed'],
    [
      'a majority is not enough for the market',
      {
        attestations: 2,
        chain: (chain) => ({ market: async () => ({ ...(await chain.market()), attestationsMin: 3 }) }),
      },
      'attested',
      '2 of 3 validators, 3 needed',
    ],
    [
      'the market’s minimum is no majority',
      {
        attestations: 2,
        chain: (chain) => ({
          market: async () => ({ ...(await chain.market()), attestationsMin: 1, validators: [...validators, ...validators] }),
        }),
      },
      'attested',
      '2 of 6 validators, 4 needed',
    ],
    [
      'the epoch has no batch at all',
      { chain: () => ({ batchCids: async () => [] }) },
      'batch',
      "none of the epoch's batches holds the project",
    ],
    [
      'a batch is gone from the chain',
      { chain: () => ({ batch: async () => undefined }) },
      'batch',
      "none of the epoch's batches holds the project",
    ],
  ])('P1, P3: when %s', async (_, spoil, step, detail) => {
    const { run } = await network(spoil)
    const results = await run()
    const steps = PROOF_STEPS.slice(0, PROOF_STEPS.indexOf(step) + 1)
    expect(results.map((each) => [each.step, each.ok])).toEqual(steps.map((each) => [each, each !== step]))
    expect(results.at(-1)?.detail).toMatch(detail)
  })

  test('P1: a project without snapshot', async () => {
    const { run } = await network()
    expect(await run('reserves:0xcc:TEST' as ProjectId)).toEqual([
      {
        step: 'reported',
        ok: false,
        status: 'absent',
        detail:
          'the chain names no snapshot for this project and epoch: no epoch has the project; did you mean reserves:0xaa:TEST or reserves:0xbb:TEST?',
      },
    ])
  })

  test('P1: a project without snapshot in an epoch of which nobody knows the rules, for it is to come', async () => {
    const ruleless = new WeftError('CHAIN_ANSWER_INVALID', { endpoint: 'e', method: 'manifestAt', detail: 'not released' })
    const { run } = await network({ ruleless })
    expect(await run('reserves:0xcc:TEST' as ProjectId)).toEqual([expect.objectContaining({ step: 'reported', status: 'absent' })])
    await expect(run()).rejects.toBe(ruleless)
  })

  test('a majority is enough', async () => {
    const { run } = await network({ attestations: 2 })
    expect((await run()).at(-1)).toEqual({ step: 'attested', ok: true, detail: '2 of 3 validators, 2 needed' })
  })

  test('an anchor chain that cannot be read is no verdict', async () => {
    const lost = new WeftError('CHAIN_UNREACHABLE', { endpoint: 'x', method: 'y' })
    for (const method of ['snapshotStatus', 'batchCids', 'batch', 'market'] as const) {
      const { run } = await network({ chain: () => ({ [method]: () => Promise.reject(lost) }) })
      await expect(run()).rejects.toBe(lost)
    }
  })
})

describe('G8: a batch whose root the validators refused, and the one that took over its project', () => {
  /** The chain lists `refused` before the batch that the network has for the second project. */
  async function replaced(refused: (batch: Batch) => Batch, { attestations = 3 } = {}) {
    let file: Batch | undefined
    const { chain, serving, run, batchCids } = await network({
      attestations,
      isCumulative: false,
      batch(batch) {
        file = batch
        return batch
      },
      chain: (real) => ({
        batchCids: async () => [batchCids[0] as Cid, refusedCid, batchCids[1] as Cid],
        batch: async (epoch, batchCid) =>
          batchCid === refusedCid
            ? {
                ...((await real.batch(epoch, batchCids[1] as Cid)) as AnchoredWithProjects),
                batchCid,
                rootHash: otherRoot,
                isFinalized: false,
                isRefused: true,
              }
            : real.batch(epoch, batchCid),
      }),
    })
    const refusedCid = await serving.add(encodeBatch(refused(file as Batch)))
    return { run, chain, finalCid: batchCids[1] as Cid }
  }
  const renamed = (batch: Batch): Batch => ({
    ...batch,
    submissions: batch.submissions.map((each) => ({ ...each, submissionId: 'other' })),
  })

  test.each<[string, (batch: Batch) => Batch]>([
    ['another CID', (batch) => ({ ...batch, snapshotCids: [OTHER_CID] })],
    ['the same CID', renamed],
    ['no submission for it', (batch) => ({ ...batch, submissions: [] })],
  ])('with %s for the project: the last proves it', async (_, refused) => {
    const { run, finalCid } = await replaced(refused)
    const results = await run()
    expect(failedStep(results)).toBeUndefined()
    expect(results.find(({ step }) => step === 'batch')?.detail).toContain(finalCid)
  })

  test('is pending till the last round is over, and no window is told that counts from the release', async () => {
    const { run, chain } = await replaced(renamed, { attestations: 1 })
    const [{ contractNumber }, { attestationWindowBlocks }] = await Promise.all([chain.epochInfo(epochId), chain.market()])
    const detail = (await run()).at(-1)?.detail
    expect(detail).toContain(`ends with block ${contractNumber + 4 * attestationWindowBlocks} at the latest`)
  })

  test('a CID that was sent again is one file, and the tree that it continues is that before its first place', async () => {
    const { run } = await network({
      chain: (chain) => ({ batchCids: async (epoch) => [...(await chain.batchCids(epoch)), ...(await chain.batchCids(epoch)).slice(1)] }),
    })
    expect(failedStep(await run())).toBeUndefined()
  })

  test('a batch after the last that has the project need not be served', async () => {
    const { run, batchCids } = await network({
      ipfs: (get) => (cid, options) => (cid === batchCids[1] ? Promise.reject(notFound(cid)) : get(cid, options)),
    })
    expect(failedStep(await run(projectIds[0]))).toBeUndefined()
  })
})

describe('G8: an earlier batch of the epoch that', () => {
  const spoiled: [string, (real: Ipfs['get']) => Ipfs['get'], RegExp][] = [
    ['nobody serves', () => (cid) => Promise.reject(notFound(cid)), /IPFS_NOT_FOUND/],
    ['is no batch', (get) => async (cid, options) => (await get(cid, options)).slice(1), /the bytes served hash to/],
    ['has a name that is no CID', () => (text) => Promise.reject(new WeftError('ID_MALFORMED', { what: 'CID', text })), /ID_MALFORMED/],
  ]
  const withFirst = async (isCumulative: boolean, spoil: (real: Ipfs['get']) => Ipfs['get']) => {
    let first: Cid | undefined
    const world = await network({
      isCumulative,
      ipfs: (get) => (cid, options) => (cid === first ? spoil(get)(cid, options) : get(cid, options)),
    })
    first = world.batchCids[0]
    return world
  }

  test.each(spoiled)('%s keeps no later batch with a tree of its own from being proven', async (_, spoil) => {
    const { run } = await withFirst(false, spoil)
    const results = await run()
    expect([failedStep(results), results.length]).toEqual([undefined, PROOF_STEPS.length])
    expect(results.find(({ step }) => step === 'submissions_root')?.detail).toContain('fresh tree')
  })

  test.each(spoiled)(
    'P3: %s is named where a later batch may continue its tree, and keeps nothing else from being proven',
    async (_, spoil, why) => {
      const { run, batchCids } = await withFirst(true, spoil)
      const results = await run()
      expect([failedStep(results), results.length]).toEqual([undefined, PROOF_STEPS.length])
      const { detail } = results.find(({ step }) => step === 'submissions_root') as StepResult
      expect(detail).toContain(`whether it continues the epoch's tree cannot be told: batch ${batchCids[0]}`)
      expect(detail).toMatch(why)
    },
  )

  test('nobody serves is waited for once, however many of them there are', async () => {
    const lost = Array.from({ length: 20 }, (_, index) => `lost-${index}` as Cid)
    const asked: string[] = []
    const { run } = await network({
      isCumulative: false,
      chain: (chain) => ({
        batchCids: async (epoch) => [...lost, ...(await chain.batchCids(epoch))],
        batch: async (epoch, cid) =>
          lost.includes(cid)
            ? { ...((await chain.batch(epoch, (await chain.batchCids(epoch))[0] as Cid)) as AnchoredWithProjects), batchCid: cid }
            : chain.batch(epoch, cid),
      }),
      ipfs: (get) => (cid, options) => {
        asked.push(cid)
        return lost.includes(cid as Cid) ? Promise.reject(notFound(cid)) : get(cid, options)
      },
    })
    expect(failedStep(await run())).toBeUndefined()
    expect(asked.filter((cid) => cid.startsWith('lost-'))).toEqual(['lost-0'])
  })

  test('names the project and that nobody serves: the later one that took it over proves it', async () => {
    const gone = 'gone' as Cid
    const spoil = (isLast: boolean) => ({
      isCumulative: false,
      chain: (chain: AnchorChain): Partial<AnchorChain> => ({
        batchCids: async (epoch) => {
          const [one, two] = (await chain.batchCids(epoch)) as [Cid, Cid]
          return isLast ? [one, two, gone] : [one, gone, two]
        },
        batch: async (epoch, cid) =>
          cid === gone
            ? { ...((await chain.batch(epoch, (await chain.batchCids(epoch))[1] as Cid)) as AnchoredWithProjects), batchCid: gone }
            : chain.batch(epoch, cid),
      }),
      ipfs:
        (get: Ipfs['get']): Ipfs['get'] =>
        (cid, options) =>
          cid === gone ? Promise.reject(notFound(cid)) : get(cid, options),
    })
    expect(failedStep(await (await network(spoil(false))).run())).toBeUndefined()
    expect((await (await network(spoil(true))).run()).at(-1)).toMatchObject({
      step: 'batch',
      ok: false,
      detail: expect.stringMatching(/^batch gone: /),
    })
  })
})

describe('P4: the CID has won by votes that are valid, and by no others', () => {
  const flipped = (signature: string) => `${signature.slice(0, 10)}${signature[10] === '0' ? '1' : '0'}${signature.slice(11)}`
  const detailOf = (results: readonly StepResult[], step: StepResult['step']) => results.find((each) => each.step === step)?.detail

  test.each<[string, Cast, RegExp]>([
    ['an altered signature', { signature: flipped }, /slot 1: submission_signature, expected 0x[0-9a-f]{40}, got (0x|no signer)/],
    ['the signature of another', { by: keys[1] as KeySigner }, /slot 1: submission_signature, expected 0x\w+, got 0x\w+$/],
    ['no signature at all', { signature: () => 'none' }, /slot 1: submission_signature, expected 0x\w+, got no signer$/],
    ['a header that is no block', { header: `0x${'2'.repeat(64)}` }, /slot 1: submission_header, expected a block within the window/],
    ['a header before the release', { headerAfter: -1 }, /slot 1: submission_header/],
    ['a header behind the window', { headerAfter: 6 }, /slot 1: submission_header/],
    ['a deadline before its header', { headerAfter: 1, deadlineAfter: 0 }, /slot 1: submission_deadline, expected not before the header/],
    ['a deadline too far ahead', { deadlineAfter: 21 }, /slot 1: submission_deadline, expected not that far ahead/],
    ['a slot that nobody has', { slotId: 9 as SlotId, by: keys[0] as KeySigner }, /cannot be told, .*: slot 9$/],
  ])('P4: %s is no vote', async (_, cast, detail) => {
    const alone = (await (await network({ votes: [cast] })).run()).at(-1)
    expect(alone).toMatchObject({
      step: 'signatures',
      ok: false,
      detail: expect.stringMatching(/^no submission for bafkrei\w+ is valid; /),
    })
    expect(alone?.detail).toMatch(detail)
    // Beside a valid one it does no harm: validators do not count it either.
    const results = await (await network({ votes: [cast, { slotId: two }] })).run()
    expect(failedStep(results)).toBeUndefined()
    expect(detailOf(results, 'signatures')).toMatch(/^1 valid for it of 1 valid; /)
    expect(detailOf(results, 'signatures')).toMatch(detail)
  })

  test('P4: headers and deadlines count up to the last block of the window', async () => {
    for (const cast of [
      { headerAfter: 5, deadlineAfter: 5 },
      { headerAfter: 5, deadlineAfter: 25 },
      { headerAfter: 0, deadlineAfter: 0 },
    ])
      expect(failedStep(await (await network({ votes: [cast] })).run())).toBeUndefined()
  })

  const other = { snapshotCid: OTHER_CID }
  test.each<[string, Parameters<typeof network>[0], string]>([
    [
      'another CID has more votes',
      { votes: [{}, { ...other, slotId: two }, { ...other, slotId: three }] },
      `${OTHER_CID} wins, with 1 valid for`,
    ],
    [
      'it has more submissions, of one slot',
      { votes: [{}, {}, {}, { ...other, slotId: two }, { ...other, slotId: three }] },
      'slot 1: submission_once',
    ],
    [
      'it has more votes, those of a slot’s second thoughts among them',
      { votes: [{ ...other, slotId: two }, { slotId: two }, { ...other, slotId: three }, {}] },
      'slot 2: submission_once',
    ],
    ['it has fewer votes than the market asks for', { rules: { tally: { minVotes: 2, minShareBp: 0 } } }, 'nothing wins: below_min_votes'],
    [
      'its share is smaller than the market asks for',
      { votes: [{}, { slotId: two }, { ...other, slotId: three }], rules: { tally: { minVotes: 0, minShareBp: 7_000 } } },
      'nothing wins: below_min_share',
    ],
    [
      'it would win with votes that cannot be told',
      {
        votes: [{}, { slotId: two }, { ...other, slotId: three }],
        rules: { tally: { minVotes: 2, minShareBp: 0 } },
        afterwards: (chain) => chain.assignSigner(two, account('9')),
        chain: forgetful,
      },
      'cannot be told, for nobody had it then, or the node has forgotten who: slot 2',
    ],
  ])('P4: not when %s', async (_, spoil, detail) => {
    const last = (await (await network(spoil)).run()).at(-1)
    expect(last).toMatchObject({ step: 'tally', ok: false, detail: expect.stringContaining(detail) })
  })

  describe('the share is one of the slots that voted', () => {
    const tally = { minVotes: 1, minShareBp: 5_000 }
    /** A batch of both projects: this one has one vote. */
    async function withVotesElsewhere(elsewhere: readonly Cast[], policy: CountRules['tally'] = tally) {
      return network({ rules: { tally: policy }, elsewhere })
    }

    test('P4: a slot alone on its project has not won when others voted on another of the batch', async () => {
      expect(failedStep(await (await withVotesElsewhere([{}])).run())).toBeUndefined()
      expect(failedStep(await (await withVotesElsewhere([{ slotId: two }])).run())).toBeUndefined()
      const { run } = await withVotesElsewhere([{ slotId: two }, { slotId: three }])
      expect((await run()).at(-1)).toMatchObject({
        step: 'tally',
        ok: false,
        detail: 'nothing wins: below_min_share, with 1 valid for it of 1 valid; votes of 3 slots in the batch',
      })
    })

    test('P4: votes that do not count, or are about no project of the batch, make nobody a voter', async () => {
      const forged = { slotId: three, by: keys[0] as KeySigner }
      expect(failedStep(await (await withVotesElsewhere([{ slotId: two }, forged])).run())).toBeUndefined()
      const stray = { slotId: three, projectId: 'reserves:0xdd:TEST' as ProjectId }
      expect(failedStep(await (await withVotesElsewhere([{ slotId: two }, stray])).run())).toBeUndefined()
    })

    test('P5: no more than the first of each slot is looked at, and nothing where no share is asked for', async () => {
      const secondThoughts = [{ slotId: two, by: keys[0] as KeySigner }, { slotId: two }, { slotId: three }]
      expect(failedStep(await (await withVotesElsewhere(secondThoughts)).run())).toBeUndefined()
      const { run, read } = await withVotesElsewhere([{ slotId: two }, { slotId: three }], { minVotes: 1, minShareBp: 0 })
      expect(failedStep(await run())).toBeUndefined()
      expect(read).toEqual([one])
    })
  })

  test('P4: the market’s namespace is the project’s', async () => {
    expect(failedStep(await (await network({ rules: { namespace: 'TEST' } })).run())).toBeUndefined()
    const last = (await (await network({ rules: { namespace: 'OTHER' } })).run()).at(-1)
    expect(last).toMatchObject({ step: 'signatures', ok: false, detail: expect.stringContaining('submission_namespace') })
  })

  const changes: [string, (chain: FakeChain) => void][] = [
    ['changed hands', (chain) => chain.assignSigner(two, account('9'))],
    ['was burned', (chain) => chain.burnSlot(two)],
  ]
  test.each(changes)('P4: a slot that %s since has signed what it signed, alone or beside others', async (_, afterwards) => {
    for (const votes of [[{ slotId: two }], [{}, { slotId: two, headerAfter: 2 }, { slotId: three }]]) {
      const results = await (await network({ votes, afterwards })).run()
      expect(failedStep(results)).toBeUndefined()
      expect(detailOf(results, 'signatures')).toBe(`${votes.length} valid for it of ${votes.length} valid`)
    }
  })

  test.each(changes)('P4: where the node has forgotten who signed for a slot that %s, the others must be enough', async (_, afterwards) => {
    const results = await (await network({ votes: [{}, { slotId: two }, { slotId: three }], afterwards, chain: forgetful })).run()
    expect(failedStep(results)).toBeUndefined()
    expect(detailOf(results, 'signatures')).toMatch(/^2 valid for it of 2 valid; cannot be told, .*: slot 2$/)
    expect(detailOf(results, 'tally')).toBe('2 of 2 votes')
  })

  test('P4: a new signer of a slot has not signed for it before', async () => {
    const stranger = createSigner(parsePrivateKey('44'.repeat(32)))
    const { run } = await network({
      votes: [{ slotId: two, by: stranger }],
      afterwards: (chain) => chain.assignSigner(two, stranger.address),
    })
    expect((await run()).at(-1)).toMatchObject({ step: 'signatures', ok: false })
  })

  test('P4: a tie goes to whom the rule gives it', async () => {
    const { run, cids } = await network({ votes: [{}, { ...other, slotId: two }] })
    const results = await run()
    if ((cids[1] as string) < OTHER_CID) expect(detailOf(results, 'tally')).toBe('1 of 2 votes, a tie that it wins')
    else expect(results.at(-1)).toMatchObject({ step: 'tally', ok: false, detail: expect.stringContaining(`${OTHER_CID} wins`) })
  })
})

describe('P1: what is not final is not proved', () => {
  const statusOf = (results: readonly StepResult[]) => results[0]?.status

  test('P1: pending is told first, and what is missing last', async () => {
    const results = await (await network({ attestations: 0 })).run()
    expect(statusOf(results)).toBe('pending')
    expect(results.at(-1)).toMatchObject({ step: 'anchored', ok: false, detail: expect.stringContaining('pending: attested by 0 of 3') })
  })

  test('P1: refused by the validators is disputed, whatever else holds', async () => {
    const results = await (await network({ refusals: 2, attestations: 3 })).run()
    expect(statusOf(results)).toBe('disputed')
    expect(results[0]?.detail).toMatch(/, disputed$/)
    expect(results.at(-1)).toMatchObject({
      step: 'anchored',
      ok: false,
      detail: expect.stringMatching(new RegExp(`^disputed: .* attested ${otherRoot} `)),
    })
  })

  test('P1: neither the project’s status nor the batch’s alone makes it final', async () => {
    const chain = (real: AnchorChain): Partial<AnchorChain> => ({
      snapshotStatus: async (...about) => ({ ...(await real.snapshotStatus(...about)), status: 'pending' }),
    })
    expect(failedStep(await (await network({ chain })).run())).toBe('anchored')
  })
})

describe('P5: whatever others wrote or serve ends in a step that names it', () => {
  const listing = (more: readonly Cid[], batch: AnchorChain['batch']) => (real: AnchorChain) => ({
    batchCids: async (epoch: EpochId) => [...more, ...(await real.batchCids(epoch))],
    batch: async (epoch: EpochId, cid: Cid) => (more.includes(cid) ? batch(epoch, cid) : real.batch(epoch, cid)),
  })
  const anchoredAs = (batchCid: Cid) => ({ batchCid, projectIds: ['\u001b[2J'], snapshotCids: [''] }) as unknown as AnchoredWithProjects
  const many = (count: number) => Array.from({ length: count }, (_, index) => `batch ${index}` as Cid)

  test('P5: a batch of which the node tells nonsense keeps no other from being proved', async () => {
    const invalid = new WeftError('CHAIN_ANSWER_INVALID', { endpoint: 'x', method: 'y', detail: 'z' })
    const chain = listing(many(1), () => Promise.reject(invalid))
    expect(failedStep(await (await network({ isCumulative: false, chain })).run())).toBeUndefined()
    const results = await (await network({ chain })).run()
    expect(failedStep(results)).toBeUndefined()
    expect(results.find(({ step }) => step === 'submissions_root')?.detail).toContain('batch 0: CHAIN_ANSWER_INVALID')
  })

  test('P5: more batches than are looked at are named', async () => {
    const chain = listing(many(999), async (_, cid) => anchoredAs(cid))
    expect((await (await network({ chain })).run()).at(-1)).toMatchObject({
      step: 'batch',
      detail: 'the epoch has 1001 batches, no more than 1000 are looked at',
    })
  })

  test('P5: slow batches before it hold nobody up for longer than a minute', async () => {
    let waitedMs = 0
    const slow = many(40)
    const { run } = await network({
      isCumulative: false,
      chain: listing(slow, async (_, cid) => anchoredAs(cid)),
      ipfs: (get) => async (cid, options) => {
        if (!slow.includes(cid)) return get(cid, options)
        waitedMs += 9_000
        return encodeBatch({ submissions: [], submissionsRoot: otherRoot, projectIds: [], snapshotCids: [] })
      },
      clock: (real) => ({ ...real, nowMs: () => real.nowMs() + waitedMs }),
    })
    expect(failedStep(await run())).toBeUndefined()
    expect(waitedMs).toBe(63_000)
  })

  test('P5: more submissions than are checked, and a longer window than is read, are named', async () => {
    const tooMany = (batch: Batch) => ({
      ...batch,
      submissions: Array.from({ length: 10_001 }, () => batch.submissions[0] as BatchedSubmission),
    })
    expect((await (await network({ batch: tooMany })).run()).at(-1)).toMatchObject({
      step: 'signatures',
      detail: 'the batch has 10001 submissions for the project, no more than 10000 are checked',
    })
    const tooManySlots = (batch: Batch) => {
      const [first] = batch.submissions as [BatchedSubmission]
      const slotOf = (index: number) => ({ ...first.submission.request, projectId: thirdProject, slotId: (index + 10) as SlotId })
      const others = Array.from({ length: 10_001 }, (_, index) => ({
        ...first,
        submission: { ...first.submission, request: slotOf(index) },
      }))
      return { ...batch, submissions: [...batch.submissions, ...others] }
    }
    const share = { rules: { tally: { minVotes: 1, minShareBp: 1 } }, elsewhere: [{ slotId: two }] }
    expect((await (await network({ batch: tooManySlots, ...share })).run()).at(-1)).toMatchObject({
      step: 'signatures',
      detail: 'the batch has submissions of 10002 other slots, no more than 10000 are checked',
    })
    const endless = (real: AnchorChain): Partial<AnchorChain> => ({
      market: async () => ({ ...(await real.market()), snapshotWindowBlocks: 1_000_000 }),
      block: async (number) =>
        ({
          number,
          contractNumber: number,
          hash: `block ${number}`,
          parentHash: `block ${number - 1}`,
          timestamp: 0,
        }) as unknown as BlockRef,
    })
    expect((await (await network({ chain: endless })).run()).at(-1)).toMatchObject({
      step: 'signatures',
      detail: "the epoch's submission window has more than the 5000 blocks that are read",
    })
  })

  test('P5: a chain that is rewritten while its window is read is read again another time', async () => {
    const torn = (real: AnchorChain): Partial<AnchorChain> => ({
      block: async (number) => ({ ...((await real.block(number)) as BlockRef), hash: otherRoot }),
    })
    await expect((await network({ chain: torn })).run()).rejects.toMatchObject({ code: 'CHAIN_ANSWER_INVALID' })
  })

  test('P5: what would move a terminal’s cursor is shown, and long texts are cut', async () => {
    const texts = { snapshotCids: ['\u001b[2J\u202e' as Cid] }
    const last = (await (await network({ batch: (batch) => ({ ...batch, ...texts }) })).run()).at(-1)
    expect(last?.detail).toMatch(/has \\u\{1b\}\[2J\\u\{202e\} for the project$/)
    const long = (real: AnchorChain): Partial<AnchorChain> => ({
      snapshotStatus: async (...about) => ({ ...(await real.snapshotStatus(...about)), snapshotCid: 'x'.repeat(5_000) }),
    })
    expect((await (await network({ chain: long })).run())[0]?.detail).toHaveLength(1_000)
  })

  test('the data is handed over when its bytes have the CID, and not before', async () => {
    const { run, data } = await network()
    await run()
    expect(data.map((bytes) => new TextDecoder().decode(bytes))).toEqual(['{"project":1}'])
    const lie = new TextEncoder().encode('{}')
    const lied = await network({ ipfs: () => async () => lie })
    await lied.run()
    expect(lied.data).toEqual([])
  })
})

describe('a market whose batches are anchored by their roots', () => {
  const byRoots = true

  test('P1: is proved the same way: the file names the CID, and gives both roots that the chain has', async () => {
    const { run, cids } = await network({ byRoots })
    const results = await run()
    expect(results.map(({ step, ok }) => [step, ok])).toEqual(PROOF_STEPS.map((step) => [step, true]))
    expect(results[0]).toEqual({ step: 'reported', ok: true, detail: `${cids[1]}, finalized`, status: 'finalized' })
    expect(results[8]?.detail).toBe('roots over the same projects and CIDs on chain, batch FINALIZED')
  })

  test('P4: what is not attested by enough is pending, and what is refused disputed', async () => {
    const pending = await (await network({ byRoots, attestations: 1 })).run()
    expect([pending[0]?.status, failedStep(pending)]).toEqual(['pending', 'anchored'])
    const disputed = await (await network({ byRoots, refusals: 2, attestations: 3 })).run()
    expect([disputed[0]?.status, failedStep(disputed)]).toEqual(['disputed', 'anchored'])
  })

  test('P2: a file that gives another root over its projects than the chain has names nothing', async () => {
    const { run, batchCids } = await network({ byRoots: { projectsRootHash: otherRoot } })
    expect(await run()).toEqual([
      {
        step: 'reported',
        ok: false,
        detail: `the chain names no snapshot for this project and epoch: not all of the epoch's batches can be read: batch ${batchCids[1]}: its file gives other roots than the chain has`,
        status: 'absent',
      },
    ])
    // The other batch is proved all the same.
    expect(failedStep(await run(projectIds[0]))).toBeUndefined()
  })

  test('a project that is in no file is absent', async () => {
    const { run } = await network({ byRoots })
    expect(await run('reserves:0xdd:TEST' as ProjectId)).toMatchObject([
      { step: 'reported', ok: false, status: 'absent', detail: expect.stringContaining('no epoch has the project; did you mean') },
    ])
  })

  test('P3: a file that nobody serves leaves its projects untold, and says so: they are not absent', async () => {
    const { run } = await network({ byRoots, ipfs: () => (cid) => Promise.reject(notFound(cid)) })
    const [only, ...more] = await run()
    expect([only?.ok, only?.status, more]).toEqual([false, undefined, []])
    expect(only?.detail).toMatch(/cannot be told: not all of the epoch's batches can be read: batch bafkrei/)
  })

  /** Batches before those of the epoch, whose files take as long as they may. */
  async function behind(count: number, isFinalized: boolean) {
    const slow = Array.from({ length: count }, (_, index) => `slow ${index}` as Cid)
    const anchored = { rootHash: otherRoot, projectsRootHash: otherRoot, isFinalized, attestationCount: 0 }
    let waitedMs = 0
    const { run } = await network({
      byRoots,
      isCumulative: false,
      chain: (real) => ({
        batchCids: async (epoch) => [...slow, ...(await real.batchCids(epoch))],
        batch: async (epoch, cid) => (slow.includes(cid) ? { ...anchored, batchCid: cid } : real.batch(epoch, cid)),
      }),
      ipfs: (get) => async (cid, options) => {
        if (!slow.includes(cid)) return get(cid, options)
        waitedMs += options.timeoutMs
        throw notFound(cid)
      },
      clock: (real) => ({ ...real, nowMs: () => real.nowMs() + waitedMs }),
    })
    return { run, waitedMs: () => waitedMs }
  }

  test.each([6, 500])('P5: however many others (%i) nobody serves, what is final and served is proved', async (count) => {
    const { run, waitedMs } = await behind(count, false)
    expect((await run()).map(({ step, ok }) => [step, ok])).toEqual(PROOF_STEPS.map((step) => [step, true]))
    // Only for the tree that it might continue.
    expect(waitedMs()).toBe(10_000)
  })

  test('P5: final ones that nobody serves any more take no time from each other', async () => {
    expect(failedStep(await (await behind(20, true)).run())).toBeUndefined()
  })

  test('P5: what is not final is looked for in a minute, and then cannot be told', async () => {
    const { run, waitedMs } = await behind(500, false)
    expect((await run('reserves:0xdd:TEST' as ProjectId)).map(({ step, ok, status }) => [step, ok, status])).toEqual([
      ['reported', false, undefined],
    ])
    expect(waitedMs()).toBe(60_000)
  })
})
