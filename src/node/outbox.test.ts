import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Address, BlockNumber, Cid, EpochId, Hash, ProjectId, SlotId, SubmissionId } from '#domain/ids.ts'
import type { Submission } from '#domain/submission.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { createSeededRandom } from '#io/keys/random.ts'
import { createSigner, parsePrivateKey, recoverer } from '#io/keys/secp256k1.ts'
import { COLLECTOR_LIMITS } from '#roles/collector/collector.ts'
import { createCounters } from '#roles/collector/counters.ts'
import { createEvidence } from '#roles/collector/evidence.ts'
import { type EndCode, openOutbox, type Outbox } from '#roles/collector/outbox.ts'
import { openRecords } from '#roles/snapshotter/records.ts'
import { createSubmissionHasher } from '#wire/eip712.ts'
import { encodeReceiptFile } from '#wire/receipt-file.ts'
import { signedRootOf, signReceipts } from '#wire/receipt.ts'
import { type OutboxLine, outboxIn, receiptOf, writeReceipt } from './outbox.ts'
import { roleStores } from './role-stores.test-world.ts'

const { folder, storeOf } = roleStores()

const EPOCH = 7 as EpochId
const CID = 'bafkreicecnx2gvntm6fbcrvnc336qze6st5u7qq7457igegamd3bzkx7ri' as Cid
const network = { chainId: 1, protocolState: `0x${'aa'.repeat(20)}` as Address }
const dataMarket = `0x${'bb'.repeat(20)}` as Address
const hasher = createSubmissionHasher(network)
const signer = createSigner(parsePrivateKey('55'.repeat(32)))

const voteOf = (slot: number, epochId: number = EPOCH): Submission => ({
  request: {
    slotId: slot as SlotId,
    deadlineBlock: 500 as BlockNumber,
    snapshotCid: CID,
    epochId: epochId as EpochId,
    projectId: 'base:TEST' as ProjectId,
  },
  signature: `${'11'.repeat(64)}1b`,
  header: `0x${'0e'.repeat(32)}`,
  dataMarket,
  nodeVersion: 'v1',
  protocolState: '',
})

/** A collector that took these votes, each of which ended so, if it did. */
async function collected(role: string, votes: readonly (readonly [Submission, EndCode | 'queued'])[]): Promise<Outbox> {
  const evidenceIn = createEvidence({ counters: createCounters(), report: () => undefined })
  const outbox = openOutbox(COLLECTOR_LIMITS, {
    store: storeOf(role),
    clock: createVirtualClock(),
    random: createSeededRandom(1),
    onReady: () => undefined,
  })
  for (const [submission, code] of votes) {
    await outbox.add(submission)
    const entry = code === 'queued' ? undefined : outbox.take()
    if (entry === undefined || code === 'queued') continue
    const { request, header } = submission
    const submissionId = entry.submissionId as SubmissionId
    const promised = { submissionId, code: 'accepted', digest: hasher.digest(request), header } as const
    const [proof] = await signReceipts([promised], 9 as BlockNumber, { hasher, dataMarket, signer })
    const isSigned = code === 'accepted'
    await outbox.finish(entry, code, isSigned ? evidenceIn({ submissionId, code, reason: '', proof }, () => submission) : undefined)
  }
  return outbox
}

/** A snapshotter that handed over the votes of slots 1 to 3, and found that of slot 2 in no batch. */
async function concluded(verdict: 'same' | 'none'): Promise<void> {
  const records = openRecords(storeOf('snapshotter'))
  const projectId = 'base:TEST' as ProjectId
  const range = { begin: 10 as BlockNumber, end: 11 as BlockNumber }
  await records.saveProject(EPOCH, { projectId, state: 'submitted', detail: '', snapshotCid: CID, ...range })
  for (const slot of [1, 2, 3]) await records.saveHandOver(EPOCH, projectId, slot as SlotId, 71 as BlockNumber)
  await records.saveOutcome(EPOCH, { projectId, asOf: 90 as BlockNumber, concludedMs: 1, verdict, leftOut: [2 as SlotId] })
}

const all = (epochId?: EpochId): Promise<OutboxLine[]> => Array.fromAsync(outboxIn(folder(), epochId))
const told = (lines: readonly OutboxLine[]) =>
  lines.map(({ role, epochId, slotId, note, fate }) =>
    [role, epochId, slotId, note.state, note.lastCode ?? '', fate ?? '', note.evidence === undefined ? '' : 'signed'].join(' ').trim(),
  )

test('N19: what a collector took is told with its end, and with what the snapshotter of the same folder() found in the batches', async () => {
  await collected('collector', [
    [voteOf(1), 'accepted'],
    [voteOf(2), 'accepted'],
    [voteOf(3), 'window_closed'],
    [voteOf(4), 'unacknowledged'],
    [voteOf(1, 8), 'queued'],
  ])
  await concluded('same')
  expect(told(await all())).toEqual([
    'collector 7 1 acknowledged accepted included signed',
    'collector 7 2 acknowledged accepted missing signed',
    'collector 7 3 expired window_closed included',
    'collector 7 4 sent unacknowledged',
    'collector 8 1 queued',
  ])
  expect(told(await all(8 as EpochId))).toEqual(['collector 8 1 queued'])
})

test('N19: where nothing was finalized nothing is missing, and before an epoch is concluded nothing is known', async () => {
  await collected('collector', [[voteOf(2), 'accepted']])
  expect(told(await all())).toEqual(['collector 7 2 acknowledged accepted  signed'])
  await concluded('none')
  expect(told(await all())).toEqual(['collector 7 2 acknowledged accepted  signed'])
})

test('C18: what the collector found in the batches is told, whoever handed it over, and goes before what the snapshotter found', async () => {
  const outbox = await collected('collector', [
    [voteOf(1), 'accepted'],
    [voteOf(4), 'accepted'],
  ])
  const asOf = { number: 1 as BlockNumber, hash: `0x${'1'.repeat(64)}` as Hash }
  await outbox.judge(EPOCH, ({ slotId }) => (slotId === 1 ? 'missing' : 'included'), asOf)
  await concluded('same')
  expect(told(await all())).toEqual([
    'collector 7 1 acknowledged accepted missing signed',
    'collector 7 4 acknowledged accepted included signed',
  ])
})

test('the receipt that is taken out is the one that was signed, and goes into a file', async () => {
  await collected('collector', [[voteOf(1), 'accepted']])
  const [line] = await all()
  const receipt = line && receiptOf(line, network)
  if (receipt === undefined) return expect.fail('no receipt')
  const signed = signedRootOf({ ...receipt, digest: hasher.digest(receipt.request) }, receipt.proof, { hasher, dataMarket })
  expect(signed && recoverer.recover(signed.digest, signed.signature)).toBe(signer.address)
  writeReceipt(join(folder(), 'receipt.json'), receipt)
  expect(readFileSync(join(folder(), 'receipt.json'), 'utf8')).toBe(encodeReceiptFile(receipt))
})
