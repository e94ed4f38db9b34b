import { isWeftError, toldOf } from '#domain/errors.ts'
import type { Report } from '#domain/events.ts'
import type { Address, BlockNumber, EpochId, SubmissionId } from '#domain/ids.ts'
import { isTaken, type ReceiptCode } from '#domain/rejection.ts'
import type { ReceiptProof, Submission } from '#domain/submission.ts'
import type { Inbound, SubmissionListener } from '#io/intake/port.ts'
import type { ManyRecoverer, Signer } from '#io/keys/port.ts'
import type { Store, StoreWrite } from '#io/store/port.ts'
import type { Life } from '#life/live.ts'
import { offer } from '#life/offer.ts'
import type { TracedDeps } from '#life/traced.ts'
import type { Counters } from '#roles/sequencer/counters.ts'
import type { SubmissionHasher } from '#wire/eip712.ts'
import { type Promised, signReceipts } from '#wire/receipt.ts'
import { receive, type Received } from '#wire/receive.ts'
import { createPairs, PAIR_BYTES, type SignedPairs } from '#wire/signed-pairs.ts'
import type { Ballot } from './ballot.ts'
import { createGroupSpans, type GroupSpans } from './group-spans.ts'
import type { Recorded } from './record.ts'
import type { SlotRates } from './slot-rates.ts'
import { contentRejection, isAwaited, type RoomDeps, signedIn, type VerifyDeps, verify } from './verify.ts'
import type { Held, Waiting } from './waiting.ts'

/** Deliveries of which all is judged but the signatures: those are looked at meanwhile. */
interface Group {
  readonly members: readonly (Pending | Answer)[]
  /** Who has signed each of those that are pending, in their order. */
  readonly signers: Promise<readonly (Address | undefined)[]>
  readonly spans: GroupSpans | undefined
}

/** Its signature is what is left to look at. */
interface Pending {
  readonly delivery: Inbound
  readonly received: Received
  readonly digest: Uint8Array
  /** Who has signed it, where that is known: another process of this sequencer has found it out, or the very same vote is recorded already. */
  readonly signer: Address | undefined
}

/** Receive → verify: cheap checks first, so that a refused delivery costs one recovery at most (G7). */
function lookAt(deliveries: readonly Inbound[], deps: IntakeDeps): Group {
  const spans = createGroupSpans(deliveries.length, deps)
  const pairs = createPairs(deliveries.length)
  let unknown = 0
  const members = deliveries.flatMap((delivery) => {
    const outcome = lookAtOne(delivery, { pairs, index: unknown }, deps)
    if (isPending(outcome) && outcome.signer === undefined) unknown += 1
    return 'why' in outcome ? hold(outcome, deps) : [outcome]
  })
  const found = deps.recoverer.recoverMany(pairs.subarray(0, unknown * PAIR_BYTES))
  return { members, signers: signersOf(members.filter(isPending), found), spans }
}

const isPending = (member: Pending | Held | Answer): member is Pending => 'digest' in member

async function signersOf(
  pending: readonly Pending[],
  found: Promise<readonly (Address | undefined)[]>,
): Promise<readonly (Address | undefined)[]> {
  const left = (await found).values()
  return pending.map(({ signer }) => signer ?? left.next().value)
}

/**
 * Record → commit → sign → receipt. A receipt is sent only when what it says is on disk (G1, S1), so all
 * deliveries of a group share one commit. No group is answered when the one before it, `earlier`, could not be written: a `duplicate` of what
 * was in that would be a lie. Where there is no room for it, all that was recorded is refused, to be sent again (S31). What is taken is signed once for the whole group, and not before it is durable; nobody else waits for that, for the key may be elsewhere. What a later block decides, of a peer that cannot come again, is judged then (S11). Never throws over what a
 * delivery holds.
 */
async function admit(
  { members, spans }: Group,
  signers: readonly (Address | undefined)[],
  deps: IntakeDeps,
  { earlier, signing }: Beside,
): Promise<void> {
  const found = signers.values()
  const writes: StoreWrite[] = []
  let isRecorded = false
  const judged = members.flatMap((member): Answer[] => {
    if (!isPending(member)) return [member]
    const { delivery } = member
    const outcome = admitOne(member, found.next().value, deps)
    if (outcome === 'passed_on') return []
    if ('why' in outcome) return hold(outcome, deps)
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

export interface IntakeDeps extends VerifyDeps, RoomDeps, TracedDeps {
  readonly store: Pick<Store, 'commit' | 'onFull'>
  readonly listener: SubmissionListener
  /** As `Ballots.record`, or on its way to the box that does so, which answers by itself. */
  record(ballot: Ballot, delivery: Inbound): (Recorded & Judged) | Judged | 'passed_on'
  /** As `Ballots.signerOf`. Anybody may send again what a slot has signed, so none of that is counted against the slot. */
  signerOf(submission: Submission): Address | undefined
  readonly counters: Counters
  readonly waiting: Waiting
  readonly slotRates: SlotRates
  readonly hasher: SubmissionHasher
  readonly recoverer: ManyRecoverer
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

/** Where its signature is put, to be looked at with others, if it is to be looked at. */
interface Place {
  readonly pairs: SignedPairs
  readonly index: number
}

function lookAtOne(delivery: Inbound, { pairs, index }: Place, deps: IntakeDeps): Pending | Held | Answer {
  const form = receive(delivery)
  if (!form.ok) return { delivery, ...refused(form.why, {}, deps) }
  const { received } = form
  const { submission } = received
  const content = contentRejection(submission, deps.served)
  if (content !== undefined) return giveUp({ delivery, submission, why: content }, deps)
  const verdict = verify(submission, deps)
  if (!verdict.ok) return turnDown({ delivery, submission, why: verdict.why }, deps)
  const digest = signedIn(pairs, index, { submission, hasher: deps.hasher })
  if (digest === undefined) return giveUp({ delivery, submission, why: 'signature_malformed' }, deps)
  const repeats = deps.signerOf(submission)
  const lack = lackOfRoom(submission, repeats, deps)
  if (lack !== undefined) return turnDown({ delivery, submission, why: lack }, deps)
  return { delivery, received, digest, signer: delivery.signer ?? repeats }
}

/** In one synchronous step, by the view of this moment: it may be another one than when the signature was begun to be looked at. */
function admitOne(
  { delivery, received, digest }: Pending,
  signer: Address | undefined,
  deps: IntakeDeps,
): (Recorded & Judged) | Held | Judged | 'passed_on' {
  const { submission, submissionId } = received
  const { epochId, slotId, deadlineBlock } = submission.request
  const verdict = verify(submission, deps)
  if (!verdict.ok) return turnDown({ delivery, submission, why: verdict.why }, deps)
  if (signer !== verdict.signer) return giveUp({ delivery, submission, why: 'signer_mismatch' }, deps)
  const repeats = deps.signerOf(submission)
  const lack = lackOfRoom(submission, repeats, deps)
  // Not counted yet: it is judged once more when there is room.
  if (lack !== undefined) return turnDown({ delivery, submission, why: lack }, deps)
  if (repeats === undefined) deps.slotRates.count(submission.request)
  deps.counters.countSeen(slotId, { atMs: deps.clock.nowMs(), nodeVersion: submission.nodeVersion, isSimulated: epochId === 0 })
  const recorded = deps.record({ ...received, signer }, delivery)
  if (recorded === 'passed_on') return recorded
  deps.counters.count(recorded.code, { epochId, signedBySlot: slotId })
  if (recorded.code === 'accepted' && (deps.view.head?.number ?? 0) > deadlineBlock) deps.counters.countPastDeadline()
  if (!isTaken(recorded.code)) return recorded
  return { ...recorded, promised: { submissionId, digest, header: submission.header, code: recorded.code } }
}

/** Why what counts is not taken now. Asked before its signature is looked at, which it costs nobody then, and again after it: others may have taken the room (G7). `repeats`: who has signed the vote that it is a copy of. */
function lackOfRoom(
  { request }: Submission,
  repeats: Address | undefined,
  { isWayFull, slotRates }: RoomDeps,
): 'inbox_full' | 'rate_limited' | undefined {
  if (isWayFull?.(request.slotId) === true) return 'inbox_full'
  return repeats === undefined && slotRates.isOver(request) ? 'rate_limited' : undefined
}

/** "Send again" would be heard by nobody over `/collect`: what the next blocks may decide waits. */
function turnDown(held: Held, deps: IntakeDeps): Held | Answer {
  const isHeld = held.delivery.protocol === 'collect' && isAwaited(held.submission, held.why, deps)
  return isHeld ? held : giveUp(held, deps)
}

/** Keeps a delivery for later. What has no place is refused as what it is. */
function hold(held: Held, deps: IntakeDeps): Answer[] {
  const displaced = deps.waiting.hold(held)
  if (displaced !== held) held.delivery.passed?.waits()
  return displaced === undefined ? [] : [giveUp(displaced, deps)]
}

function giveUp({ delivery, submission, why }: Held, deps: IntakeDeps): Answer {
  const { epochId } = submission.request
  return { delivery, ...refused(why, deps.isTaking(epochId) ? { epochId } : {}, deps) }
}

function refused(code: ReceiptCode, about: { readonly epochId?: EpochId }, { counters }: IntakeDeps): Judged {
  counters.count(code, about)
  return { code, reason: '' }
}

/** Deliveries looked at in one go, before the event loop gets its turn. */
const GROUP_LENGTH_MAX = 256
/** One whose signatures are looked at, and one that is got ready meanwhile: what a delivery that comes now waits for. */
const GROUPS_LOOKED_AT_MAX = 2

/** Takes deliveries group by group, in the order of the calls; while the signatures of one are looked at, and one is on its way to the disk, the next is got ready. */
export function createIntake(deps: IntakeDeps, { fail, spawn }: Life) {
  const signing: Signing = { underWay: 0, spawn }
  let durable: Promise<void> = Promise.resolve()
  let recorded: Promise<void> = Promise.resolve()
  let turn: Promise<void> = Promise.resolve()
  const lookedAt: Promise<void>[] = []

  async function record(group: Group, earlier: Promise<void>): Promise<void> {
    const [signers] = await Promise.all([group.signers, earlier])
    const current = admit(group, signers, deps, { earlier: durable, signing })
    current.catch(fail)
    await durable
    durable = current
  }

  async function takeGroups(arrived: readonly Inbound[]): Promise<void> {
    for (let from = 0; from < arrived.length; from += GROUP_LENGTH_MAX) {
      if (lookedAt.length >= GROUPS_LOOKED_AT_MAX) await lookedAt.shift()
      recorded = record(lookAt(arrived.slice(from, from + GROUP_LENGTH_MAX), deps), recorded)
      recorded.catch(fail)
      lookedAt.push(recorded)
    }
  }

  /** Resolves when the last of them are looked at. */
  function take(arrived: readonly Inbound[]): Promise<void> {
    const taken = turn.then(() => takeGroups(arrived))
    turn = taken.catch(() => undefined)
    return taken
  }

  return {
    async listen(signal: AbortSignal): Promise<void> {
      for await (const arrived of deps.listener.inbound(signal)) await take(arrived)
      await turn
      await recorded
      await durable
    },
    /** Judges what waited for the block that the view has now (S11), while its window is as open as that block says. */
    async judgeWaiting(): Promise<void> {
      const { due, givenUp } = deps.waiting.step(deps.view.head?.number, ({ submission, why }) => isAwaited(submission, why, deps))
      for (const held of givenUp) respond(giveUp(held, deps))
      if (due.length === 0) return
      await take(due.map(({ delivery }) => delivery))
      await recorded
    },
  }
}
