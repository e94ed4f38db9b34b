import { describe, expect, test } from 'vitest'
import type { Batch } from '#domain/batch.ts'
import type { Address, BlockNumber, Cid, EpochId, Hash, ProjectId, SlotId } from '#domain/ids.ts'
import { createFakeChain } from '#io/chain/fake.ts'
import type { ProtocolCall } from '#io/chain/port.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { createFakeIpfsNetwork } from '#io/ipfs/fake.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { encodeBatch } from '#wire/batch-json.ts'
import { createTree, publishedRoot } from '#wire/merkle.ts'
import { type StepResult, verify } from './verify.ts'

const account = (digit: string): Address => `0x${digit.repeat(40)}` as Address
const [epochManager, sequencer] = [account('1'), account('2')]
const validators = [account('a'), account('b'), account('c')]
const epochId = 1 as EpochId
const projectIds = ['reserves:0xaa:TEST', 'reserves:0xbb:TEST'] as ProjectId[]

/** One epoch with one batch per project, the second tree continuing the first; `spoil` changes what is served or anchored. */
async function network(
  spoil: { batch?: (batch: Batch) => Batch; anchoredRoot?: Hash; attestations?: number; isCumulative?: boolean } = {},
) {
  const clock = createVirtualClock()
  const market = {
    epochSize: 1,
    sourceChainId: 1,
    sourceBlockTimeSeconds: 1,
    snapshotWindowBlocks: 5,
    batchWindowBlocks: 50,
    attestationWindowBlocks: 90,
    attestationsMin: 2,
    epochManager,
    sequencers: [sequencer],
    validators,
  }
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
  const run = async (projectId = projectIds[1] as ProjectId): Promise<StepResult[]> => {
    const results: StepResult[] = []
    const collecting = (async () => {
      for await (const step of verify({ projectId, epochId, signal: new AbortController().signal }, { chain, ipfs: reading }))
        results.push(step)
    })()
    await clock.runUntil(collecting, { limitMs: 120_000 })
    return results
  }
  return { run, serving, cids }
}

const failedStep = (results: readonly StepResult[]): string | undefined => results.find(({ ok }) => !ok)?.step

describe('verify', () => {
  test('proves a data point from the chain to its bytes', async () => {
    const { run } = await network()
    expect((await run()).map(({ step, ok }) => [step, ok])).toEqual(
      ['reported', 'bytes', 'cid', 'batch', 'submissions_root', 'cids_root', 'anchored', 'attested'].map((step) => [step, true]),
    )
    expect(failedStep(await run(projectIds[0]))).toBeUndefined()
  })

  test('takes batches whose trees each start anew', async () => {
    const { run } = await network({ isCumulative: false })
    expect((await run()).find(({ step }) => step === 'submissions_root')).toMatchObject({
      ok: true,
      detail: expect.stringContaining('fresh tree'),
    })
  })

  test('a project without snapshot fails at the first step', async () => {
    const { run } = await network()
    expect(failedStep(await run('reserves:0xcc:TEST' as ProjectId))).toBe('reported')
  })

  test('altered bytes are named, with what they hash to', async () => {
    const { run, serving, cids } = await network()
    serving.corrupt(cids[1] as Cid)
    const last = (await run()).at(-1)
    expect(last?.ok).toBe(false)
    expect(['bytes', 'cid']).toContain(last?.step)
  })

  test('withheld bytes fail the step `bytes`', async () => {
    const { run, serving, cids } = await network()
    serving.withhold(cids[1] as Cid)
    expect(failedStep(await run())).toBe('bytes')
  })

  const otherRoot = publishedRoot(['something else'])
  test.each<[string, Parameters<typeof network>[0], string]>([
    [
      'the file pairs the project with another CID',
      { batch: (batch) => ({ ...batch, snapshotCids: ['bafkreicecnx2gvntm6fbcrvnc336qze6st5u7qq7457igegamd3bzkx7ri' as Cid] }) },
      'batch',
    ],
    ['no submission stands behind the CID', { batch: (batch) => ({ ...batch, submissions: [] }) }, 'batch'],
    ['the submissions root is another', { batch: (batch) => ({ ...batch, submissionsRoot: otherRoot }) }, 'submissions_root'],
    ['the anchored root is another', { anchoredRoot: otherRoot }, 'cids_root'],
    ['too few validators attested', { attestations: 1 }, 'anchored'],
  ])('fails when %s', async (_, spoil, step) => {
    const { run } = await network(spoil)
    expect(failedStep(await run())).toBe(step)
  })
})
