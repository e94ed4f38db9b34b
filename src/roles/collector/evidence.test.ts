import { expect, test } from 'vitest'
import type { Address, BlockNumber, SubmissionId } from '#domain/ids.ts'
import type { ReceiptCode } from '#domain/rejection.ts'
import type { Receipt, Submission } from '#domain/submission.ts'
import { createSigner, parsePrivateKey, recoverer } from '#io/keys/secp256k1.ts'
import { createSubmissionHasher } from '#wire/eip712.ts'
import { signReceipts } from '#wire/receipt.ts'
import { decodeSubmission } from '#wire/submission-proto.ts'
import { createAnchoredWorld } from './anchored.test-world.ts'
import { SEQUENCER, submission } from './collector.test-world.ts'
import { createCounters } from './counters.ts'
import { createEvidence, type ReceiptAuthority } from './evidence.ts'
import { votesIn } from './outbox.ts'

const [sequencer, stranger] = ['55', '66'].map((digits) => createSigner(parsePrivateKey(digits.repeat(32)))) as [
  ReturnType<typeof createSigner>,
  ReturnType<typeof createSigner>,
]
const hasher = createSubmissionHasher({ chainId: 1, protocolState: `0x${'aa'.repeat(20)}` as Address })
const dataMarket = submission(0).dataMarket as Address

/** Receipts of a group, and their submissions. */
async function group(signer = sequencer, code: ReceiptCode = 'accepted'): Promise<{ receipt: Receipt; submissionOf: () => Submission }[]> {
  const all = [1, 2, 3].map((index) => ({
    one: submission(index),
    submissionId: `00000000-0000-4000-8000-00000000000${index}` as SubmissionId,
  }))
  const promises = all.map(({ one, submissionId }) => ({ submissionId, code, header: one.header, digest: hasher.digest(one.request) }))
  const proofs = await signReceipts(promises, 9 as BlockNumber, { hasher, dataMarket, signer })
  return all.map(({ one, submissionId }, index) => ({
    submissionOf: () => one,
    receipt: { submissionId, code, reason: '', proof: proofs[index] },
  }))
}

function taking(change: Partial<ReceiptAuthority> | 'none' = {}) {
  let recoveries = 0
  const recover: typeof recoverer.recover = (...signed) => {
    recoveries += 1
    return recoverer.recover(...signed)
  }
  const counters = createCounters()
  const told: string[] = []
  const authority = { hasher, dataMarket, recoverer: { recover }, sequencers: () => [stranger.address, sequencer.address].slice(1) }
  const evidenceIn = createEvidence({
    authority: change === 'none' ? undefined : { ...authority, ...change },
    counters,
    report: (event) => void told.push(event),
  })
  return { evidenceIn, told, recoveries: () => recoveries, signed: () => counters.read().signedReceipts }
}

test('C14: of signed receipts the evidence is kept, and those of a group cost one recovery', async () => {
  const { evidenceIn, told, recoveries, signed } = taking()
  const found = (await group()).map(({ receipt, submissionOf }) => evidenceIn(receipt, submissionOf))
  expect(found.map((evidence) => evidence?.index)).toEqual([0, 1, 2])
  expect(found[0]).toMatchObject({ anchorBlock: 9, deadlineBlock: 500, siblings: expect.stringMatching(/^[0-9a-f]{128}$/) })
  expect([told, recoveries(), signed()]).toEqual([[], 1, { kept: 3, unproved: 0 }])
})

test.each([
  ['signed by somebody else', await group(stranger), {}],
  [
    'for another submission',
    (await group()).map((each, index, all) => ({ ...each, submissionOf: all[(index + 1) % 3]?.submissionOf ?? each.submissionOf })),
    {},
  ],
  ['that says another thing', (await group()).map((each) => ({ ...each, receipt: { ...each.receipt, code: 'duplicate' as const } })), {}],
  ['of another chain', await group(), { hasher: createSubmissionHasher({ chainId: 2, protocolState: `0x${'aa'.repeat(20)}` as Address }) }],
  ['of one that the market has dismissed', await group(), { sequencers: () => [] }],
])('C14: of a receipt %s nothing is kept; that is counted, and said once', (_what, receipts, change) => {
  const { evidenceIn, told, signed } = taking(change)
  expect(receipts.map(({ receipt, submissionOf }) => evidenceIn(receipt, submissionOf))).toEqual([undefined, undefined, undefined])
  expect([told, signed()]).toEqual([['receipt_unproved'], { kept: 0, unproved: 3 }])
})

test.each([
  ['without the chain', 'none'],
  ['while the chain has said nothing', { sequencers: () => undefined }],
  ['of another market', { dataMarket: `0x${'cc'.repeat(20)}` as Address }],
] as const)('C14: %s receipts are kept as they come, for whoever can check them', async (_what, change) => {
  const { evidenceIn, told, recoveries } = taking(change)
  const [first] = await group(stranger)
  expect(first && evidenceIn(first.receipt, first.submissionOf)).toMatchObject({ anchorBlock: 9 })
  expect([told, recoveries()]).toEqual([[], 0])
})

test('C14: an unsigned receipt, and a refusal that bears a signature, are no evidence and no fault', async () => {
  const { evidenceIn, told, signed } = taking()
  const [accepted, refused] = [(await group())[0], (await group(sequencer, 'window_closed'))[0]]
  expect(accepted && evidenceIn({ ...accepted.receipt, proof: undefined }, accepted.submissionOf)).toBeUndefined()
  expect(refused && evidenceIn(refused.receipt, refused.submissionOf)).toBeUndefined()
  expect([told, signed()]).toEqual([[], { kept: 0, unproved: 0 }])
})

/** A collector with the chain, whose market has one sequencer, and a peer that signs its receipts with this key. */
async function delivered(signer: typeof sequencer) {
  const world = createAnchoredWorld({ sequencers: [sequencer.address] })
  const { chain, network, clock, stopping, events } = world
  const place = { hasher: createSubmissionHasher(chain), dataMarket: chain.dataMarket, signer }
  const host = await network.createSubmissionHost({ identity: SEQUENCER })
  const answering = async () => {
    for await (const deliveries of host.inbound(stopping.signal)) {
      const promises = deliveries.map(({ submissionId, payload }) => {
        const { request, header } = decodeSubmission(payload) as Submission
        return { submissionId: submissionId as SubmissionId, code: 'accepted', header, digest: place.hasher.digest(request) } as const
      })
      const proofs = await signReceipts(promises, 9 as BlockNumber, place)
      for (const [index, { submissionId, respond }] of deliveries.entries())
        respond({ submissionId: submissionId as SubmissionId, code: 'accepted', reason: '', proof: proofs[index] })
    }
  }
  void answering()
  const collector = await world.collector(host.addresses())
  await world.releaseNext()
  await collector.ready()
  await collector.hand(world.signed(1))
  await collector.hand(world.signed(2))
  await clock.runUntil(() => collector.ended() === 2, { limitMs: 10_000 })
  const notes = [...votesIn(collector.store)].map(({ note }) => [note.state, note.evidence?.anchorBlock])
  await collector.stop()
  stopping.abort()
  return { notes, signed: collector.role.stats().signedReceipts, isTold: events.includes('receipt_unproved') }
}

test('C14: evidence stays with the entry, checked against the sequencers of the chain; without it the entry ends all the same', async () => {
  const kept = { notes: Array(2).fill(['acknowledged', 9]), signed: { kept: 2, unproved: 0 }, isTold: false }
  expect(await delivered(sequencer)).toEqual(kept)
  const unproved = { notes: Array(2).fill(['acknowledged', undefined]), signed: { kept: 0, unproved: 2 }, isTold: true }
  expect(await delivered(stranger)).toEqual(unproved)
})
