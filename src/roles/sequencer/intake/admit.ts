import { isWeftError, toldOf } from '#domain/errors.ts'
import type { Report } from '#domain/events.ts'
import type { Address, BlockNumber, EpochId, SubmissionId } from '#domain/ids.ts'
import { isTaken, type ReceiptCode } from '#domain/rejection.ts'
import type { ReceiptProof } from '#domain/submission.ts'
import type { Inbound, SubmissionListener } from '#io/intake/port.ts'
import type { Signer } from '#io/keys/port.ts'
import type { Store, StoreWrite } from '#io/store/port.ts'
import type { Life } from '#life/live.ts'
import { offer } from '#life/offer.ts'
import type { TracedDeps } from '#life/traced.ts'
import type { Counters } from '#roles/sequencer/counters.ts'
import { type Promised, signReceipts } from '#wire/receipt.ts'
import { receive } from '#wire/receive.ts'
import type { Ballot } from './ballot.ts'
import { createGroupSpans, type GroupSpans } from './group-spans.ts'
import type { Recorded } from './record.ts'
import type { SlotRates } from './slot-rates.ts'
import { isAwaited, type VerifyDeps, verify } from './verify.ts'
import type { Held, Waiting } from './waiting.ts'

/**
 * From delivery to receipt: receive → verify → record → commit → sign → receipt. A receipt is sent only when what it says is on disk (G1, S1), so all
 * deliveries of a group share one commit. No group is answered when the one before it, `earlier`, could not be written: a `duplicate` of what
 * was in that would be a lie. Where there is no room for it, all that was recorded is refused, to be sent again (S31). What is taken is signed once for the whole group, and not before it is durable; nobody else waits for that, for the key may be elsewhere. What a later block decides, of a peer that cannot come again, is judged then (S11). Never throws over what a
 * delivery holds.
 */
async function admit(deliveries: readonly Inbound[], deps: IntakeDeps, { earlier, signing }: Beside): Promise<void> {
  const spans = createGroupSpans(deliveries.length, deps)
  const writes: StoreWrite[] = []
  let isRecorded = false
  const judged = deliveries.flatMap((delivery): Answer[] => {
    const outcome = admitOne(delivery, deps)
    if (outcome === 'passed_on') return []
    if ('delivery' in outcome) return hold(outcome, deps)
    if (!('writes' in outcome)) return [{ delivery, ...outcome }]
    writes.push(...outcome.writes)
    isRecorded = true
    return [{ delivery, ...outcome, isRecorded }]
  })
  spans?.judged()
  // After all that was committed before, also when there is nothing to write: the first vote that a `duplicate` speaks of is durable too.
  const [isDurable] = await Promise.all([!isRecorded || offer(writes, deps.store), earlier])
  spans?.durable()
  const answers = isDurable ? judged : judged.map((answer) => (answer.isRecorded ? withoutRoom(answer, deps) : answer))
  const signed = new Set(answerSigned(answers, deps, { signing, spans }))
  for (const answer of answers) if (!signed.has(answer)) respond(answer, spans)
}

/** What goes on beside a group. */
interface Beside {
  readonly earlier: Promise<void>
  readonly signing: Signing
}

/** Groups that wait for their signature. */
interface Signing {
  underWay: number
  readonly spawn: Life['spawn']
}

/** Of a signer elsewhere that is slower than this some receipts have no signature: the intake keeps its pace. */
const GROUPS_SIGNED_AT_ONCE_MAX = 64

export interface IntakeDeps extends VerifyDeps, TracedDeps {
  readonly store: Pick<Store, 'commit' | 'onFull'>
  readonly listener: SubmissionListener
  /** As `Ballots.record`, or on its way to the box that does so, which answers by itself. */
  record(ballot: Ballot, delivery: Inbound): (Recorded & Judged) | Judged | 'passed_on'
  readonly counters: Counters
  readonly waiting: Waiting
  readonly slotRates: SlotRates
  readonly receiptSigner?: Pick<Signer, 'signHashOf'> | undefined
  readonly report: Report
  /** Whether refusals are counted apart for this epoch: its number is the chain's, not the sender's. */
  isTaking(epochId: EpochId): boolean
}

/** How a delivery is answered. */
export interface Judged {
  readonly code: ReceiptCode
  readonly reason: string
  /** Only of what is taken. */
  readonly promised?: Promised
}

interface Answer extends Judged {
  readonly delivery: Inbound
  /** It holds only once the disk has what was recorded. */
  readonly isRecorded?: boolean
}

/** Nothing was promised: it may be durable later, and is a `duplicate` then. */
const withoutRoom = ({ delivery }: Answer, deps: IntakeDeps): Answer => ({ delivery, ...refused('disk_full', {}, deps) })

function respond({ delivery, code, reason }: Answer, spans?: GroupSpans, proof?: ReceiptProof): void {
  delivery.respond({ submissionId: delivery.submissionId as SubmissionId, code, reason, ...(proof && { proof }) })
  spans?.answered(delivery, code)
}

/**
 * Answers all of the group that was taken, and that a receipt will reach, with one signature (S25). Without one where there is none to be had: what
 * the receipt says holds all the same.
 */
function answerSigned(
  answers: readonly Answer[],
  deps: IntakeDeps,
  { signing, spans }: { readonly signing: Signing; readonly spans: GroupSpans | undefined },
): readonly Answer[] {
  const { hasher, served, view, receiptSigner } = deps
  const taken = answers.filter(({ delivery, promised }) => promised && delivery.protocol === 'weft')
  if (receiptSigner === undefined || view.head === undefined || taken.length === 0) return []
  if (signing.underWay >= GROUPS_SIGNED_AT_ONCE_MAX) return []
  const place = { hasher, dataMarket: served.dataMarket, signer: receiptSigner }
  async function answer(anchorBlock: BlockNumber): Promise<void> {
    signing.underWay += 1
    const promises = taken.map(({ promised }) => promised as Promised)
    const proofs = await signReceipts(promises, anchorBlock, place).catch((failure: unknown) => unsigned(failure, taken.length, deps))
    signing.underWay -= 1
    for (const [index, each] of taken.entries()) respond(each, spans, proofs[index])
  }
  void signing.spawn(answer(view.head.number))
  return taken
}

function unsigned(failure: unknown, receipts: number, { report }: IntakeDeps): readonly ReceiptProof[] {
  if (!isWeftError(failure)) throw failure
  report('receipts_unsigned', { ...toldOf(failure), receipts })
  return []
}

function admitOne(delivery: Inbound, deps: IntakeDeps): (Recorded & Judged) | Held | Judged | 'passed_on' {
  const form = receive(delivery)
  if (!form.ok) return refused(form.why, {}, deps)
  const { submission } = form.received
  const { epochId, slotId, deadlineBlock } = submission.request
  const verdict = verify(submission, delivery.signer === undefined ? deps : believing(delivery.signer, deps))
  if (!verdict.ok) {
    // "Send again" would be heard by nobody.
    if (delivery.protocol === 'collect' && isAwaited(submission, verdict.why, deps)) return { delivery, submission, why: verdict.why }
    return refused(verdict.why, deps.isTaking(epochId) ? { epochId } : {}, deps)
  }
  deps.slotRates.count(submission.request)
  deps.counters.countSeen(slotId, { atMs: deps.clock.nowMs(), nodeVersion: submission.nodeVersion, isSimulated: epochId === 0 })
  const recorded = deps.record({ ...form.received, signer: verdict.signer }, delivery)
  if (recorded === 'passed_on') return recorded
  deps.counters.count(recorded.code, { epochId, signedBySlot: slotId })
  if (recorded.code === 'accepted' && (deps.view.head?.number ?? 0) > deadlineBlock) deps.counters.countPastDeadline()
  if (!isTaken(recorded.code)) return recorded
  const { submissionId } = form.received
  return { ...recorded, promised: { submissionId, digest: verdict.digest, header: submission.header, code: recorded.code } }
}

/** Keeps a delivery for later. What has no place is refused as what it is. */
function hold(held: Held, deps: IntakeDeps): Answer[] {
  const displaced = deps.waiting.hold(held)
  return displaced === undefined ? [] : [giveUp(displaced, deps)]
}

function giveUp({ delivery, submission, why }: Held, deps: IntakeDeps): Answer {
  const { epochId } = submission.request
  return { delivery, ...refused(why, deps.isTaking(epochId) ? { epochId } : {}, deps) }
}

/** What a listener of this sequencer has found out is not found out again. */
const believing = (signer: Address, deps: IntakeDeps): VerifyDeps => ({ ...deps, recoverer: { recover: () => signer } })

function refused(code: ReceiptCode, about: { readonly epochId?: EpochId }, { counters }: IntakeDeps): Judged {
  counters.count(code, about)
  return { code, reason: '' }
}

/** Deliveries verified in one go, before the event loop gets its turn: about 20 ms of signature checks. */
const GROUP_LENGTH_MAX = 256

/** Takes deliveries group by group, in the order of the calls; one commit is in flight while the next group is verified. */
export function createIntake(deps: IntakeDeps, { fail, spawn }: Life) {
  const signing: Signing = { underWay: 0, spawn }
  let previous: Promise<void> = Promise.resolve()
  let turn: Promise<void> = Promise.resolve()

  async function takeGroups(arrived: readonly Inbound[]): Promise<void> {
    for (let from = 0; from < arrived.length; from += GROUP_LENGTH_MAX) {
      const current = admit(arrived.slice(from, from + GROUP_LENGTH_MAX), deps, { earlier: previous, signing })
      current.catch(fail)
      await previous
      previous = current
    }
  }

  /** Resolves when all are judged; the last of them may still be on their way to the disk. */
  function take(arrived: readonly Inbound[]): Promise<void> {
    const taken = turn.then(() => takeGroups(arrived))
    turn = taken.catch(() => undefined)
    return taken
  }

  return {
    async listen(signal: AbortSignal): Promise<void> {
      for await (const arrived of deps.listener.inbound(signal)) await take(arrived)
      await turn
      await previous
    },
    /** Judges what waited for the block that the view has now (S11), while its window is as open as that block says. */
    async judgeWaiting(): Promise<void> {
      const { due, givenUp } = deps.waiting.step(deps.view.head?.number, ({ submission, why }) => isAwaited(submission, why, deps))
      for (const held of givenUp) respond(giveUp(held, deps))
      if (due.length > 0) await take(due.map(({ delivery }) => delivery))
    },
  }
}
