import type { Cid, EpochId, SlotId, SubmissionId } from '#domain/ids.ts'
import type { Receipt, Submission } from '#domain/submission.ts'
import type { Intent, ProtocolCall } from '#io/chain/port.ts'
import type { Inbound, SubmissionListener } from '#io/intake/port.ts'
import type { SequencerDeps } from '#roles/sequencer/sequencer.ts'
import { createSubmissionHasher, parseSignature } from '#wire/eip712.ts'
import { publishedRoot } from '#wire/merkle.ts'
import { signReceipts } from '#wire/receipt.ts'
import { PAIR_BYTES, signatureIn } from '#wire/signed-pairs.ts'
import { decodeSubmission, encodeSubmission } from '#wire/submission-proto.ts'
import { FAULT_EPOCH } from './fault-names.ts'

/** What of the outside an honest sequencer is shown, so that it lies. */
export type Outside = Pick<SequencerDeps, 'chain' | 'sender' | 'listener' | 'recoverer' | 'receiptSigner'>

/** The lies, one an epoch, those that take longest to heal first. */
export const LIES = ['garbage', 'dropped slot', 'spoilt signature', 'false CID'] as const
export const LAST_LIE_EPOCH = (FAULT_EPOCH + LIES.length - 1) as EpochId
const epochOf = (lie: (typeof LIES)[number]): EpochId => (FAULT_EPOCH + LIES.indexOf(lie)) as EpochId

/** What no file can be asked for by. */
const GARBAGE = 'not-a-cid' as Cid

export interface LyingOptions {
  /** Whose votes are dropped. */
  readonly dropped: SlotId
  /** Whose signatures are spoilt. */
  readonly spoilt: SlotId
  /** Called once for each lie. */
  tell(epochId: EpochId, lie: string): void
}

export function createLiar({ dropped, spoilt, tell }: LyingOptions): (outside: Outside) => Outside {
  return (outside) => {
    const liars = [
      anchorsGarbage((epochId) => tell(epochId, 'a batch is on chain under what is no CID')),
      drops(dropped, (epochId) => tell(epochId, `the votes of slot ${dropped} get receipts, and are thrown away`)),
      spoils(spoilt, (epochId) => tell(epochId, `the signatures of slot ${spoilt} are spoilt in the batches`)),
      swearsFalsely((epochId) => tell(epochId, 'the chain is told a CID that nobody voted for')),
    ]
    return liars.reduce((seen, liar) => liar(seen), outside)
  }
}

type Tell = (epochId: EpochId) => void
type Liar = (outside: Outside) => Outside

const once = (tell: Tell): Tell => {
  let isTold = false
  return (epochId) => {
    if (!isTold) tell(epochId)
    isTold = true
  }
}

function throughCalls(outside: Outside, change: (intentId: string, call: ProtocolCall) => ProtocolCall): Outside {
  const { sender } = outside
  const changed = (intents: readonly Intent[]) => intents.map(({ intentId, call }) => ({ intentId, call: change(intentId, call) }))
  return { ...outside, sender: { ...sender, sendInOrder: (intents, signal) => sender.sendInOrder(changed(intents), signal) } }
}

/**
 * Puts a batch on chain under a name that is none, and takes it for the one that it meant: the first from its epoch on that is not the first of
 * an epoch, whose tree the others would go on from.
 */
function anchorsGarbage(tell: Tell): Liar {
  let lie: { readonly epochId: EpochId; readonly batchCid: Cid; readonly intentId: string } | undefined
  return (outside) => {
    const { chain } = outside
    const isMeant = (epochId: EpochId, batchCid: Cid): boolean => lie?.epochId === epochId && lie.batchCid === batchCid
    const told = throughCalls(outside, (intentId, call) => {
      if (call.kind !== 'submitSubmissionBatch' || call.epochId < epochOf('garbage') || intentId === `batch/${call.epochId}/0`) return call
      if (lie === undefined) tell(call.epochId)
      lie ??= { epochId: call.epochId, batchCid: call.batchCid, intentId }
      return intentId === lie.intentId ? { ...call, batchCid: GARBAGE } : call
    })
    return {
      ...told,
      chain: {
        ...chain,
        batchCids: async (epochId) => (await chain.batchCids(epochId)).map((cid) => (cid === GARBAGE ? (lie?.batchCid ?? cid) : cid)),
        batch: (epochId, batchCid) => chain.batch(epochId, isMeant(epochId, batchCid) ? GARBAGE : batchCid),
      },
    }
  }
}

/** Tells the chain the second project's CID for the first one, once: in the first batch from its epoch on. */
function swearsFalsely(tell: Tell): Liar {
  let lie: string | undefined
  return (outside) =>
    throughCalls(outside, (intentId, call) => {
      if (call.kind !== 'submitSubmissionBatch' || call.epochId < epochOf('false CID')) return call
      if (lie === undefined) tell(call.epochId)
      lie ??= intentId
      if (intentId !== lie) return call
      const [first, second = first, ...others] = call.snapshotCids
      const snapshotCids = [second, second, ...others].filter((cid) => cid !== undefined)
      return { ...call, snapshotCids, rootHash: publishedRoot(snapshotCids) }
    })
}

type Change = (delivery: Inbound) => Inbound | undefined | Promise<Inbound | undefined>

function throughDeliveries(listener: SubmissionListener, change: Change): SubmissionListener {
  return {
    async *inbound(signal) {
      for await (const deliveries of listener.inbound(signal))
        yield (await Promise.all(deliveries.map(change))).filter((delivery) => delivery !== undefined)
    },
  }
}

/** Answers the votes of a slot as if they counted, and signs that. */
function drops(slotId: SlotId, tellEach: Tell): Liar {
  const tell = once(tellEach)
  return (outside) => ({
    ...outside,
    listener: throughDeliveries(outside.listener, async (delivery) => {
      const submission = decodeSubmission(delivery.payload)
      const { slotId: voter, epochId } = submission?.request ?? {}
      if (submission === undefined || voter !== slotId || epochId !== epochOf('dropped slot')) return delivery
      tell(epochId)
      delivery.respond(await falseReceipt(delivery.submissionId as SubmissionId, submission, outside))
      return undefined
    }),
  })
}

async function falseReceipt(submissionId: SubmissionId, { request, header }: Submission, outside: Outside): Promise<Receipt> {
  const { chain, receiptSigner: signer } = outside
  const receipt = { submissionId, code: 'accepted', reason: '' } as const
  if (signer === undefined) return receipt
  const hasher = createSubmissionHasher(chain)
  const promised = { submissionId, code: receipt.code, digest: hasher.digest(request), header }
  const { number } = await chain.head()
  const [proof] = await signReceipts([promised], number, { hasher, dataMarket: chain.dataMarket, signer })
  return { ...receipt, proof }
}

/** Spoils the signatures of a slot, and shows the sequencer whose they were: so it believes them and publishes others. */
function spoils(slotId: SlotId, tellEach: Tell): Liar {
  const tell = once(tellEach)
  const genuine = new Map<string, Uint8Array>()
  return (outside) => ({
    ...outside,
    listener: throughDeliveries(outside.listener, (delivery) => {
      const submission = decodeSubmission(delivery.payload)
      if (submission?.request.slotId !== slotId || submission.request.epochId !== epochOf('spoilt signature')) return delivery
      const signature = spoiltOf(submission.signature)
      const [before, after] = [parseSignature(submission.signature), parseSignature(signature)]
      if (before === undefined || after === undefined) return delivery
      tell(submission.request.epochId)
      genuine.set(after.toHex(), before)
      return { ...delivery, payload: encodeSubmission({ ...submission, signature }), respond: (receipt) => delivery.respond(receipt) }
    }),
    recoverer: {
      recoverMany(signed) {
        const believed = signed.slice()
        for (let index = 0; index < signed.length / PAIR_BYTES; index += 1) {
          const signature = signatureIn(believed, index)
          signature.set(genuine.get(signature.toHex()) ?? signature)
        }
        return outside.recoverer.recoverMany(believed)
      },
    },
  })
}

/** Of another `r`: one digit of it. */
const spoiltOf = (signature: string): string => `${signature.slice(0, 8)}${signature[8] === '0' ? '1' : '0'}${signature.slice(9)}`
