import { expect, test } from 'vitest'
import type { Address, Cid, EpochId, Hash, ProjectId, SlotId } from '#domain/ids.ts'
import type { AnchorChain, AnchoredBatch, Intent, ProtocolCall, ProtocolSender } from '#io/chain/port.ts'
import type { Inbound, SubmissionListener } from '#io/intake/port.ts'
import { createSigner, parsePrivateKey, recoverer } from '#io/keys/secp256k1.ts'
import { createSubmissionHasher, parseSignature } from '#wire/eip712.ts'
import { publishedRoot } from '#wire/merkle.ts'
import { signedRootOf } from '#wire/receipt.ts'
import { pairsOf } from '#wire/signed-pairs.ts'
import { decodeSubmission, encodeSubmission } from '#wire/submission-proto.ts'
import { FAULT_EPOCH } from './fault-names.ts'
import { createLiar, LAST_LIE_EPOCH } from './lying-sequencer.ts'

const CIDS = ['one', 'two', 'three'] as Cid[]
const batch = (epochId: number, index = 0): Intent => ({
  intentId: `batch/${epochId}/${index}`,
  call: {
    kind: 'submitSubmissionBatch',
    epochId: epochId as EpochId,
    batchCid: `batch ${epochId} ${index}` as Cid,
    projectIds: CIDS.map((cid) => `p:${cid}:TEST` as ProjectId),
    snapshotCids: CIDS,
    rootHash: '0x0' as Hash,
  },
})

const [DROPPED, SPOILT, OTHER] = [1, 2, 3] as [SlotId, SlotId, SlotId]
const signer = createSigner(parsePrivateKey('11'.repeat(32)))
const PLACE = { chainId: 1, protocolState: `0x${'aa'.repeat(20)}`, dataMarket: `0x${'bb'.repeat(20)}` as Address } as const
const hasher = createSubmissionHasher(PLACE as unknown as AnchorChain)

/** A sequencer's outside, and what a liar makes of it. */
function lying() {
  const sent: ProtocolCall[] = []
  const told: string[] = []
  const receipts: string[] = []
  const deliveries: Inbound[] = []
  const listener: SubmissionListener = {
    async *inbound() {
      yield deliveries
    },
  }
  const chain = {
    ...PLACE,
    head: async () => ({ number: 9 }),
    batchCids: async () => sent.map((call) => (call as { batchCid: Cid }).batchCid),
    batch: async (_: EpochId, batchCid: Cid) => ({ batchCid }) as AnchoredBatch,
  } as unknown as AnchorChain
  const sender = { sendInOrder: async (intents: readonly Intent[]) => void sent.push(...intents.map(({ call }) => call)) }
  const liar = createLiar({ dropped: DROPPED, spoilt: SPOILT, tell: (epochId, lie) => void told.push(`${epochId} ${lie.slice(0, 12)}`) })
  const outside = liar({ chain, sender: sender as unknown as ProtocolSender, listener, recoverer, receiptSigner: signer })
  /** Who signed the receipts. */
  const signers: (Address | undefined)[] = []
  return {
    outside,
    told,
    receipts,
    signers,
    async send(...intents: Intent[]): Promise<ProtocolCall[]> {
      sent.length = 0
      await outside.sender.sendInOrder(intents, new AbortController().signal)
      return [...sent]
    },
    async taken(slotId: SlotId, epochId: number) {
      const request = { slotId, deadlineBlock: 9, snapshotCid: CIDS[0], epochId, projectId: 'p:one:TEST' } as never
      const signature = signer.sign(hasher.digest(request))
      const submission = { request, signature, header: `0x${'00'.repeat(32)}`, dataMarket: '', nodeVersion: '', protocolState: '' }
      deliveries[0] = {
        peer: 'p',
        protocol: 'weft',
        submissionId: 'id',
        payload: encodeSubmission(submission),
        respond({ submissionId, code, proof }) {
          receipts.push(code)
          const promised = { submissionId, code, digest: hasher.digest(request), header: submission.header }
          const signed = proof && signedRootOf(promised, proof, { hasher, dataMarket: PLACE.dataMarket })
          signers.push(signed && recoverer.recover(signed.digest, signed.signature))
        },
      }
      for await (const [delivery] of outside.listener.inbound(new AbortController().signal)) {
        const seen = delivery && decodeSubmission(delivery.payload)
        const parsed = seen && parseSignature(seen.signature)
        const [signer] = await outside.recoverer.recoverMany(pairsOf(parsed ? [{ digest: hasher.digest(request), signature: parsed }] : []))
        return { isSpoilt: seen?.signature !== signature, signer }
      }
      return undefined
    },
  }
}

test('the garbage is the name of one batch, the second of its epoch; the sequencer itself sees the name that it meant', async () => {
  const { outside, send, told } = lying()
  const [before] = await send(batch(1))
  expect(before).toEqual(batch(1).call)
  const calls = await send(batch(FAULT_EPOCH), batch(FAULT_EPOCH, 1))
  expect(calls).toEqual([batch(FAULT_EPOCH).call, { ...batch(FAULT_EPOCH, 1).call, batchCid: 'not-a-cid' }])
  expect(await outside.chain.batchCids(FAULT_EPOCH)).toEqual(['batch 2 0', 'batch 2 1'])
  expect((await outside.chain.batch(FAULT_EPOCH, 'batch 2 1' as Cid))?.batchCid).toBe('not-a-cid')
  expect(told).toEqual(['2 a batch is o'])
})

test('the false CID is one of the first batch from the last epoch on, sworn to with its root, and again when it is sent again', async () => {
  const { send } = lying()
  await send(batch(FAULT_EPOCH), batch(FAULT_EPOCH, 1))
  const [, two, three] = CIDS as [Cid, Cid, Cid]
  const lie = { ...batch(LAST_LIE_EPOCH).call, snapshotCids: [two, two, three], rootHash: publishedRoot([two, two, three]) }
  expect(await send(batch(LAST_LIE_EPOCH), batch(LAST_LIE_EPOCH, 1))).toEqual([lie, batch(LAST_LIE_EPOCH, 1).call])
  expect(await send(batch(LAST_LIE_EPOCH), batch(LAST_LIE_EPOCH + 1))).toEqual([lie, batch(LAST_LIE_EPOCH + 1).call])
})

test('the votes of one slot get signed receipts in one epoch, and are thrown away', async () => {
  const { taken, receipts, signers, told } = lying()
  expect(await taken(DROPPED, FAULT_EPOCH + 1)).toEqual({ isSpoilt: true, signer: undefined })
  expect([receipts, told, signers]).toEqual([['accepted'], ['3 the votes of'], [signer.address]])
  for (const [slotId, epochId] of [
    [OTHER, FAULT_EPOCH + 1],
    [DROPPED, FAULT_EPOCH + 2],
  ] as const)
    expect(await taken(slotId, epochId)).toEqual({ isSpoilt: false, signer: signer.address })
})

test('the signatures of one slot are others in one epoch, and the sequencer believes them', async () => {
  const { taken } = lying()
  expect(await taken(SPOILT, FAULT_EPOCH + 2)).toEqual({ isSpoilt: true, signer: signer.address })
  expect(await taken(OTHER, FAULT_EPOCH + 2)).toEqual({ isSpoilt: false, signer: signer.address })
  expect(await taken(SPOILT, FAULT_EPOCH + 1)).toEqual({ isSpoilt: false, signer: signer.address })
})
