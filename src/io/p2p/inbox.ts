import { createAddressBuckets } from '#domain/address-limits.ts'
import { type BucketLimits, createBuckets } from '#domain/buckets.ts'
import { createFairQueue, type Lane, type Load, type Placed, type Step } from '#domain/fair-queue.ts'
import type { Rejection } from '#domain/rejection.ts'
import { createStandings, type Sender, type Treatment } from '#domain/standing.ts'
import type { Inbound, SubmissionListener } from '#io/intake/port.ts'
import { createWaitingRoom, type Lack, type Later } from './waiting-room.ts'

/**
 * What stands between the network and the role: a fair queue bounded by length and bytes, and token buckets per peer and per address. Network callbacks
 * only put into it; the role takes at its own pace. Whoever reads from a network asks first whether there is room, and stops reading while there is none. To those
 * who have shown nothing yet identities are free, so their address has one turn, one share and one bucket for all of them.
 */

/** One delivery costs one token, and one more per full KiB. A peer may save up what a collector sends at once when it serves many slots of a market with many projects. */
export interface InboxLimits extends BucketLimits {
  /** Deliveries that may wait in each lane: one second of the highest rate we aim at. */
  readonly lengthMax: number
  /** Bytes that may wait in each lane, because a few large deliveries weigh as much as many small ones. */
  readonly bytesMax: number
  /** For the peers of one address together, as long as no vote of theirs was accepted. */
  readonly perAddress: BucketLimits
  /** Steps begin so far apart unless a whole one waits: each costs a commit and a signature, however little is in it. What comes alone goes at once. */
  readonly stepEveryMs: number
}

export const INBOX_LIMITS: InboxLimits = {
  lengthMax: 10_000,
  bytesMax: 64 * 1024 * 1024,
  tokensPerSecond: 5_000,
  tokensMax: 50_000,
  perAddress: { tokensPerSecond: 10_000, tokensMax: 100_000 },
  stepEveryMs: 0,
}

const TOKEN_BYTES = 1_024
/**
 * What the role gets in one step: signature checks of 15 ms at most, and of those who have shown nothing yet as much as 4 ms, and one of those that failed before; 16 places are theirs in any case, one peer's
 * worth (`STRANGER_LENGTH_MAX`): to refuse a wrong signature costs nine tenths of taking a vote, so under a flood with more to do than can be done they take 6 % of it; with half as many
 * who is new would wait twice as long.
 * Between two steps the event loop has its turn, so this is what a delivery that comes now waits for.
 */
const STEP: Step = { lengthMax: 256, otherCostMax: 64, otherLengthMin: 16, knownTurnMax: 20 }
/** The share of a lane that one peer may fill, but for the smallest of queues, and one address with all its strangers. */
const SHARE = 1 / 16
const SHARE_LENGTH_MIN = 64
const SHARE_BYTES_MIN = 256 * 1024
/** Of the room of the known, what is kept for those of whom nothing waits: one that sends now and then does not stand behind all who send very much. */
const KEPT_SHARE = 1 / 4
const FIRST = 'known, of whom nothing waits'
/** Deliveries of one that has shown nothing yet: enough to show it. What waits was weighed when it came, before those ahead of it had failed. */
const STRANGER_LENGTH_MAX = 16
/** A peer that would have to save up for longer until it may send is told so. None has to under limits whose buckets fill in that time, as those above do. */
export const STALL_MS_MAX = 10_000

/** How many frames and deliveries the adapter itself refused, by code. */
export type RefusalCounts = Readonly<Partial<Record<Rejection, number>>>

export interface Inbox extends SubmissionListener {
  /** Takes the delivery, or answers it `rate_limited` or `inbox_full`, and returns that. `address`: as in `Sender`. */
  offer(inbound: Inbound, address?: string): Rejection | undefined
  /**
   * Whether a delivery of so many bytes is better offered now than later. When not, `again` is called once, when it is worth asking again. What is offered
   * after a yes is refused only when waiting would not help soon.
   */
  isOpenTo(sender: Sender, bytes: number, again: () => void): boolean
  /** Counts what was refused before it became a delivery, and holds it against its sender. */
  count(code: Rejection, sender?: Sender): void
  counts(): RefusalCounts
  /** Lets `inbound` end; what still waits is dropped, its sender has no receipt and sends again. */
  end(): void
}

export const onTimer: Later = (durationMs, action) => void setTimeout(action, durationMs).unref()

/** As it waits in the queue. */
type Waiting = Inbound & Sender & Placed

/** The address that has one turn, and pays, for a stranger as for all others there: those who are known stand for themselves. */
const payingAddress = ({ address }: Sender, lane: Lane): string | undefined => (lane === 'known' ? undefined : address)

export function createInbox(limits: InboxLimits, nowMs: () => number, later: Later = onTimer): Inbox {
  /** When what is done now began: asked for once, however many buckets are looked at. */
  let atMs = nowMs()
  const peers = createBuckets(limits, () => atMs)
  const addresses = createAddressBuckets(limits.perAddress, () => atMs)
  const standings = createStandings(nowMs)
  const queue = createFairQueue<Waiting>()
  const waitingRoom = createWaitingRoom({ lackOf, later })
  const counts: Partial<Record<Rejection, number>> = {}
  let isEnded = false
  let wake: (() => void) | undefined
  /** Called when a whole step waits. */
  let wakeWhole: (() => void) | undefined

  function count(code: Rejection, sender?: Sender): void {
    counts[code] = (counts[code] ?? 0) + 1
    if (sender !== undefined) standings.note(sender, code)
  }

  function refuse(inbound: Inbound, code: Rejection): Rejection {
    count(code)
    inbound.respond({ submissionId: inbound.submissionId as never, code, reason: '' })
    return code
  }

  const plainCostOf = (length: number): number => 1 + Math.floor(length / TOKEN_BYTES)
  // Never more than a bucket holds, unless it is too small for any such delivery.
  const costOf = (plain: number, { factor }: Treatment): number =>
    Math.max(plain, Math.min(factor * plain, limits.tokensMax, limits.perAddress.tokensMax))
  /** An address pays by its own failures, as its turns are: one peer that failed a hundred times would empty it for all others there. */
  const addressCostOf = (plain: number, { weight }: Treatment): number =>
    Math.max(plain, Math.min(plain / weight, limits.perAddress.tokensMax))

  const isFirst = (peer: string, lane: Lane): boolean => lane === 'known' && queue.loadOf(peer).length === 0

  function hasRoom(peer: string, lane: Lane, length: number): boolean {
    const load = queue.load(lane)
    const share = lane === 'other' || isFirst(peer, lane) ? 1 : 1 - KEPT_SHARE
    return load.length < share * limits.lengthMax && load.bytes + length <= share * limits.bytesMax
  }

  const shareLengthMax = Math.max(SHARE_LENGTH_MIN, limits.lengthMax * SHARE)
  const shareBytesMax = Math.max(SHARE_BYTES_MIN, limits.bytesMax * SHARE)
  const hasShareLeft = (load: Load, bytes: number, lengthMax: number): boolean =>
    load.length < lengthMax && load.bytes + bytes <= shareBytesMax

  /** Of what is looked at in this order, the first that it has to wait for: a line, or its own. Who stands in no line comes behind all that stand in one. */
  function lackOf(sender: Sender, length: number, asked: string | undefined): Lack | undefined {
    atMs = nowMs()
    const { peer } = sender
    const treatment = standings.of(sender)
    const { lane } = treatment
    const address = payingAddress(sender, lane)
    const plain = plainCostOf(length)
    const ownMs = peers.waitMs(peer, costOf(plain, treatment))
    const addressMs = address === undefined ? 0 : addresses.waitMs(address, addressCostOf(plain, treatment))
    if (ownMs > STALL_MS_MAX || addressMs > STALL_MS_MAX) return undefined
    if (ownMs > 0) return { line: peer, forMs: ownMs }
    if (!hasShareLeft(queue.loadOf(peer), length, lane === 'other' ? STRANGER_LENGTH_MAX : shareLengthMax)) return { line: peer }
    const isNew = asked === undefined || asked === peer
    if (address !== undefined) {
      if (addressMs > 0) return { line: address, forMs: addressMs }
      const isFull = !hasShareLeft(queue.loadOfParty({ lane, party: address }), length, shareLengthMax)
      if (isFull || (isNew && waitingRoom.isWaitedFor(address))) return { line: address }
    }
    const line = isFirst(peer, lane) ? FIRST : lane
    return hasRoom(peer, lane, length) && !(isNew && waitingRoom.isWaitedFor(line)) ? undefined : { line }
  }

  /** There is more room, for those who are known and for those who are not, and in the shares of those whose deliveries were taken. */
  function letGoOn(step: readonly Waiting[]): void {
    for (const { peer, address, lane } of step) {
      waitingRoom.ring(peer)
      if (address !== undefined) waitingRoom.ring(address)
      // It may stand behind those who send very much, though nothing of it waits any more.
      if (isFirst(peer, lane)) waitingRoom.recall(peer)
    }
    waitingRoom.ring(FIRST)
    waitingRoom.ring('known')
    waitingRoom.ring('other')
  }

  /** Resolves one turn of the event loop after something has come, so that all that came in that turn goes along. */
  function arrival(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const finish = () => {
        signal.removeEventListener('abort', finish)
        wake = undefined
        setImmediate(resolve)
      }
      signal.addEventListener('abort', finish, { once: true })
      wake = finish
    })
  }

  const isWhole = (): boolean => queue.load('known').length + Math.min(queue.load('other').length, STEP.otherCostMax) >= STEP.lengthMax

  /** Resolves after so long, or earlier, when a whole step waits or nothing more is to be waited for. */
  function gathering(durationMs: number): Promise<void> {
    if (durationMs <= 0 || isWhole() || isEnded) return Promise.resolve()
    return new Promise((resolve) => {
      wakeWhole = resolve
      later(durationMs, resolve)
    })
  }

  return {
    count,
    counts: () => ({ ...counts }),
    isOpenTo: (sender, length, again) => isEnded || waitingRoom.isOpenTo(sender, length, again),
    offer(inbound, from) {
      atMs = nowMs()
      const { peer, protocol, submissionId, payload } = inbound
      const sender = { peer, address: from }
      const treatment = standings.of(sender)
      const { lane, weight } = treatment
      const address = payingAddress(sender, lane)
      const plain = plainCostOf(payload.length)
      const addressCost = addressCostOf(plain, treatment)
      const isOver = address !== undefined && addresses.waitMs(address, addressCost) > 0
      if (isOver || !peers.take(peer, costOf(plain, treatment))) return refuse(inbound, 'rate_limited')
      if (address !== undefined) addresses.take(address, addressCost)
      if (isEnded || !hasRoom(peer, lane, payload.length)) return refuse(inbound, 'inbox_full')
      const waiting: Waiting = {
        peer,
        address: from,
        protocol,
        submissionId,
        payload,
        lane,
        party: address ?? peer,
        cost: plain,
        weight,
        bytes: payload.length,
        respond(receipt) {
          standings.note(sender, receipt.code)
          // The rest of what it sent first is known by then, too, and answered together.
          if (lane === 'other' && receipt.code === 'accepted') {
            queue.move(peer, { lane: 'known', party: peer })
            waitingRoom.recall(peer)
          }
          inbound.respond(receipt)
        },
      }
      queue.push(peer, waiting)
      wake?.()
      if (isWhole()) wakeWhole?.()
      return undefined
    },
    end() {
      isEnded = true
      waitingRoom.end()
      wake?.()
      wakeWhole?.()
    },
    async *inbound(signal) {
      let beganMs = Number.NEGATIVE_INFINITY
      while (!signal.aborted && !isEnded) {
        if (queue.load('known').length + queue.load('other').length === 0) {
          await arrival(signal)
          continue
        }
        await gathering(beganMs + limits.stepEveryMs - nowMs())
        if (signal.aborted || isEnded) break
        beganMs = nowMs()
        const step = queue.take(STEP)
        yield step
        letGoOn(step)
        // What has come meanwhile, from those who go first above all, is not to wait for all that came before it.
        await new Promise(setImmediate)
      }
    },
  }
}
