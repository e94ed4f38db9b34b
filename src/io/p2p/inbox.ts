import { type BucketLimits, createBuckets } from '#domain/buckets.ts'
import { createFairQueue, type Lane, type Step } from '#domain/fair-queue.ts'
import type { Rejection } from '#domain/rejection.ts'
import { createStandings, type Sender, type Treatment } from '#domain/standing.ts'
import type { Inbound, SubmissionListener } from '#io/intake/port.ts'

/**
 * What stands between the network and the role: a fair queue bounded by length and bytes, and token buckets per peer and per address. Network callbacks
 * only put into it; the role takes at its own pace. Whoever reads from a network asks first whether there is room, and stops reading while there is none.
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
 * What the role gets in one step: signature checks of 15 ms at most, and of those who have shown nothing yet as much as 4 ms, or one that failed before; 16 places are theirs in any case, one peer's
 * worth (`STRANGER_LENGTH_MAX`).
 * Between two steps the event loop has its turn, so this is what a delivery that comes now waits for.
 */
const STEP: Step = { lengthMax: 256, otherCostMax: 64, otherLengthMin: 16, knownTurnMax: 20 }
/** The share of a lane that one peer may fill, but for the smallest of queues. */
const PEER_SHARE = 1 / 16
const PEER_LENGTH_MIN = 64
const PEER_BYTES_MIN = 256 * 1024
/** Deliveries of one that has shown nothing yet: enough to show it. What waits was weighed when it came, before those ahead of it had failed. */
const STRANGER_LENGTH_MAX = 16
/** A peer that would have to wait longer until it may send is told so. None has to under limits whose buckets fill in that time, as those above do. */
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

export type Later = (durationMs: number, action: () => void) => void

export const onTimer: Later = (durationMs, action) => void setTimeout(action, durationMs).unref()

export function createInbox(limits: InboxLimits, nowMs: () => number, later: Later = onTimer): Inbox {
  const peers = createBuckets(limits, nowMs)
  const addresses = createBuckets(limits.perAddress, nowMs)
  const standings = createStandings(nowMs)
  const queue = createFairQueue<Inbound & { readonly lane: Lane }>()
  const bytes = { known: 0, other: 0 }
  const bytesOfPeer = new Map<string, number>()
  const held: Record<Lane, (() => void)[]> = { known: [], other: [] }
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

  const costOf = (length: number, { factor }: Treatment): number => {
    const plain = 1 + Math.floor(length / TOKEN_BYTES)
    // Never more than a bucket holds, unless it is too small for any such delivery.
    return Math.max(plain, Math.min(factor * plain, limits.tokensMax, limits.perAddress.tokensMax))
  }

  /** Until both buckets have what it costs. Those who are known have one of their own only. */
  function waitMs({ peer, address }: Sender, { lane, cost }: { readonly lane: Lane; readonly cost: number }): number {
    const ofAddress = lane === 'known' || address === undefined ? 0 : addresses.waitMs(address, cost)
    return Math.max(ofAddress, peers.waitMs(peer, cost))
  }

  function hasRoom(lane: Lane, length: number): boolean {
    return queue.length(lane) < limits.lengthMax && bytes[lane] + length <= limits.bytesMax
  }

  function hasShareLeft(peer: string, { lane, length }: { readonly lane: Lane; readonly length: number }): boolean {
    const lengthMax = lane === 'other' ? STRANGER_LENGTH_MAX : Math.max(PEER_LENGTH_MIN, limits.lengthMax * PEER_SHARE)
    const bytesMax = Math.max(PEER_BYTES_MIN, limits.bytesMax * PEER_SHARE)
    return queue.lengthOf(peer) < lengthMax && (bytesOfPeer.get(peer) ?? 0) + length <= bytesMax
  }

  function weigh({ peer, payload, lane }: Inbound & { readonly lane: Lane }, sign: 1 | -1): void {
    bytes[lane] += sign * payload.length
    const ofPeer = (bytesOfPeer.get(peer) ?? 0) + sign * payload.length
    if (ofPeer === 0) bytesOfPeer.delete(peer)
    else bytesOfPeer.set(peer, ofPeer)
  }

  /** Each of those who wait for room may ask once, in their order, for as long as there is some. */
  function letGoOn(lane: Lane): void {
    for (let left = held[lane].length; left > 0 && hasRoom(lane, 0); left -= 1) held[lane].shift()?.()
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

  const isWhole = (): boolean => queue.length('known') + queue.length('other') >= STEP.lengthMax

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
    isOpenTo(sender, length, again) {
      const treatment = standings.of(sender)
      const stallMs = waitMs(sender, { lane: treatment.lane, cost: costOf(length, treatment) })
      if (isEnded || stallMs > STALL_MS_MAX) return true
      if (stallMs === 0 && hasRoom(treatment.lane, length) && hasShareLeft(sender.peer, { lane: treatment.lane, length })) return true
      if (stallMs > 0) later(stallMs, again)
      else held[treatment.lane].push(again)
      return false
    },
    offer(inbound, address) {
      const sender = { peer: inbound.peer, address }
      const treatment = standings.of(sender)
      const { lane, weight } = treatment
      const cost = costOf(inbound.payload.length, treatment)
      if (waitMs(sender, { lane, cost }) > 0) return refuse(inbound, 'rate_limited')
      peers.take(sender.peer, cost)
      if (lane === 'other' && address !== undefined) addresses.take(address, cost)
      if (isEnded || !hasRoom(lane, inbound.payload.length)) return refuse(inbound, 'inbox_full')
      const waiting = {
        ...inbound,
        lane,
        respond(receipt: Parameters<Inbound['respond']>[0]) {
          standings.note(sender, receipt.code)
          // The rest of what it sent first is known by then, too, and answered together.
          if (lane === 'other' && receipt.code === 'accepted') queue.move(sender.peer, 'known')
          inbound.respond(receipt)
        },
      }
      queue.push(sender.peer, waiting, { lane, cost, weight })
      weigh(waiting, 1)
      wake?.()
      if (isWhole()) wakeWhole?.()
      return undefined
    },
    end() {
      isEnded = true
      for (const lane of ['known', 'other'] as const) for (const again of held[lane].splice(0)) again()
      wake?.()
      wakeWhole?.()
    },
    async *inbound(signal) {
      let beganMs = Number.NEGATIVE_INFINITY
      while (!signal.aborted && !isEnded) {
        if (queue.length('known') + queue.length('other') === 0) {
          await arrival(signal)
          continue
        }
        await gathering(beganMs + limits.stepEveryMs - nowMs())
        if (signal.aborted || isEnded) break
        beganMs = nowMs()
        const step = queue.take(STEP)
        for (const inbound of step) weigh(inbound, -1)
        yield step
        letGoOn('known')
        letGoOn('other')
        // What has come meanwhile, from those who go first above all, is not to wait for all that came before it.
        await new Promise(setImmediate)
      }
    },
  }
}
