import { describe, expect, test } from 'vitest'
import type { Batch } from '#domain/batch.ts'
import { WeftError } from '#domain/errors.ts'
import type { Address, BlockNumber, Cid, EpochId, Hash, ProjectId, SlotId } from '#domain/ids.ts'
import { createFakeChain, marketOf } from '#io/chain/fake/anchor.ts'
import type { AnchorChain, AnchoredBatch, ProtocolCall } from '#io/chain/port.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { createFakeIpfsNetwork } from '#io/ipfs/fake.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { BATCH_BYTES_MAX, encodeBatch } from '#wire/batch-json.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { createTree, publishedRoot } from '#wire/merkle.ts'
import { PROOF_STEPS, type StepResult, verify } from './verify.ts'

const account = (digit: string): Address => `0x${digit.repeat(40)}` as Address
const [epochManager, sequencer] = [account('1'), account('2')]
const validators = [account('a'), account('b'), account('c')]
const epochId = 1 as EpochId
const projectIds = ['reserves:0xaa:TEST', 'reserves:0xbb:TEST'] as ProjectId[]

/** One epoch with one batch per project, the second tree continuing the first; `spoil` changes what is served or anchored. */
async function network(
  spoil: {
    readonly batch?: (batch: Batch) => Batch
    readonly anchoredRoot?: Hash
    readonly attestations?: number
    readonly isCumulative?: boolean
    /** Changes what the chain answers, and what serves bytes. */
    readonly chain?: (chain: AnchorChain) => Partial<AnchorChain>
    readonly ipfs?: (get: Ipfs['get']) => Ipfs['get']
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
  const chain = createFakeChain({ clock, market, signers: [account('5')], blockTimeMs: 1_000 })
  const ipfs = createFakeIpfsNetwork({ clock })
  const [serving, reading] = [ipfs.node('serving'), ipfs.node('reading')]
  const send = async (address: Address, call: ProtocolCall) => {
    const sender = chain.sender({ address, journal: createFakeStore() })
    const outcome = await clock.runUntil(sender.send(JSON.stringify(call), call, new AbortController().signal), { limitMs: 60_000 })
    expect(outcome).toMatchObject({ kind: 'done' })
  }
  await send(epochManager, { kind: 'releaseEpoch', begin: 1 as BlockNumber, end: 1 as BlockNumber })

  const tree = createTree()
  const cids: Cid[] = []
  for (const [index, projectId] of projectIds.entries()) {
    const snapshotCid = await serving.add(new TextEncoder().encode(`{"project":${index}}`))
    cids.push(snapshotCid)
    const submissionId = `00000000-0000-4000-8000-00000000000${index}`
    tree.append(submissionId)
    const request = { slotId: 1 as SlotId, deadlineBlock: 9 as BlockNumber, snapshotCid, epochId, projectId }
    const submission = {
      request,
      signature: '1'.repeat(130),
      header: `0x${'2'.repeat(64)}`,
      dataMarket: chain.dataMarket,
      nodeVersion: 'v1.0',
      protocolState: '',
    }
    const submissionsRoot = spoil.isCumulative === false ? publishedRoot([submissionId]) : tree.publishedRoot()
    const honest: Batch = {
      submissions: [{ submissionId, submission }],
      submissionsRoot,
      projectIds: [projectId],
      snapshotCids: [snapshotCid],
    }
    const batch = index === 1 && spoil.batch !== undefined ? spoil.batch(honest) : honest
    const batchCid = await serving.add(encodeBatch(batch))
    const rootHash = (index === 1 ? spoil.anchoredRoot : undefined) ?? publishedRoot([snapshotCid])
    await send(sequencer, {
      kind: 'submitSubmissionBatch',
      epochId,
      batchCid,
      projectIds: [projectId],
      snapshotCids: [snapshotCid],
      rootHash,
    })
    for (const validator of validators.slice(0, index === 1 ? (spoil.attestations ?? 3) : 3))
      await send(validator, { kind: 'submitBatchAttestation', epochId, batchCid, rootHash })
  }
  chain.stop()
  const asked: Parameters<Ipfs['get']>[1][] = []
  const get: Ipfs['get'] = (cid, options) => {
    asked.push(options)
    return (spoil.ipfs?.(reading.get) ?? reading.get)(cid, options)
  }
  const told = { ...chain, ...spoil.chain?.(chain) }
  const run = async (projectId = projectIds[1] as ProjectId, signal = new AbortController().signal): Promise<StepResult[]> => {
    const results: StepResult[] = []
    const collecting = (async () => {
      for await (const step of verify({ projectId, epochId, signal }, { chain: told, ipfs: { get } })) results.push(step)
    })()
    await clock.runUntil(collecting, { limitMs: 120_000 })
    return results
  }
  return { run, chain, serving, cids, asked, batchCids: await chain.batchCids(epochId) }
}

const failedStep = (results: readonly StepResult[]): string | undefined => results.find(({ ok }) => !ok)?.step
const OTHER_CID = 'bafkreicecnx2gvntm6fbcrvnc336qze6st5u7qq7457igegamd3bzkx7ri' as Cid
const otherRoot = publishedRoot(['something else'])
const notFound = (cid: string) => new WeftError('IPFS_NOT_FOUND', { cid, waitedMs: 1 })

describe('verify', () => {
  test('P1: proves a data point from the chain to its bytes, each step once and in order', async () => {
    const { run, cids, batchCids } = await network()
    expect(await run()).toEqual([
      { step: 'reported', ok: true, detail: `${cids[1]}, finalized` },
      { step: 'bytes', ok: true, detail: '13 bytes' },
      { step: 'cid', ok: true, detail: cids[1] },
      { step: 'batch', ok: true, detail: `${batchCids[1]}, 1 submissions, 1 projects` },
      { step: 'submissions_root', ok: true, detail: expect.stringMatching(/^0x[0-9a-f]{64} \(continues the epoch's tree\)$/) },
      { step: 'cids_root', ok: true, detail: publishedRoot([cids[1] as string]) },
      { step: 'anchored', ok: true, detail: 'same projects and CIDs on chain, batch FINALIZED' },
      { step: 'attested', ok: true, detail: '3 of 3 validators, 2 needed' },
    ])
    expect((await run(projectIds[0])).map(({ step, ok }) => [step, ok])).toEqual(PROOF_STEPS.map((step) => [step, true]))
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
      { step: 'reported', ok: true, detail: `${cids[1]}, finalized` },
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
    (change: Partial<AnchoredBatch>) =>
    (chain: AnchorChain): Partial<AnchorChain> => ({
      batch: async (...args) => ({ ...((await chain.batch(...args)) as AnchoredBatch), ...change }),
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
    ['too few validators attested', { attestations: 1 }, 'anchored', /^the batch is not FINALIZED yet/],
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
        detail:
          'the chain names no snapshot for this project and epoch: no epoch has the project; did you mean reserves:0xaa:TEST or reserves:0xbb:TEST?',
      },
    ])
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
  async function replaced(refused: (batch: Batch) => Batch) {
    let file: Batch | undefined
    const { chain, serving, run, batchCids } = await network({
      isCumulative: false,
      batch(batch) {
        file = batch
        return batch
      },
      chain: (real) => ({
        batchCids: async () => [batchCids[0] as Cid, refusedCid, batchCids[1] as Cid],
        batch: async (epoch, batchCid) =>
          batchCid === refusedCid
            ? { ...((await real.batch(epoch, batchCids[1] as Cid)) as AnchoredBatch), batchCid, rootHash: otherRoot, isFinalized: false }
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

  test.each(spoiled)('P3: %s is named where a later batch may continue its tree', async (_, spoil, why) => {
    const { run, batchCids } = await withFirst(true, spoil)
    const last = (await run()).at(-1)
    expect(last).toMatchObject({ step: 'submissions_root', ok: false })
    expect(last?.detail).toContain(`unless they continue the epoch's tree, which cannot be told: batch ${batchCids[0]}`)
    expect(last?.detail).toMatch(why)
  })

  test('nobody serves is waited for once, however many of them there are', async () => {
    const lost = Array.from({ length: 20 }, (_, index) => `lost-${index}` as Cid)
    const asked: string[] = []
    const { run } = await network({
      isCumulative: false,
      chain: (chain) => ({
        batchCids: async (epoch) => [...lost, ...(await chain.batchCids(epoch))],
        batch: async (epoch, cid) =>
          lost.includes(cid)
            ? { ...((await chain.batch(epoch, (await chain.batchCids(epoch))[0] as Cid)) as AnchoredBatch), batchCid: cid }
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
            ? { ...((await chain.batch(epoch, (await chain.batchCids(epoch))[1] as Cid)) as AnchoredBatch), batchCid: gone }
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
