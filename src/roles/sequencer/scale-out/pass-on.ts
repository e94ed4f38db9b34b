import type { SlotId } from '#domain/ids.ts'
import type { VerifiedSubmission } from '#domain/submission.ts'
import type { Clock } from '#io/clock/port.ts'
import type { Inbound } from '#io/intake/port.ts'
import type { Passed, Shared } from '#io/log/port.ts'
import type { Life } from '#life/live.ts'
import type { Counters } from '#roles/sequencer/counters.ts'
import type { IntakeDeps } from '#roles/sequencer/intake/admit.ts'
import { createPassedVotes, type PassedVotes } from './passed-votes.ts'

/** Of one partition: what a box has not answered yet. A partition without a box must not take the room of the others. */
const UNANSWERED_MAX = 10_000
/** The same where they are long: what a box lets wait. */
const UNANSWERED_BYTES_MAX = 64 * 1024 * 1024
/** A box answers in milliseconds. What was lost on the way, or with the box, is passed on again; a vote that it has already is a duplicate. */
const AGAIN_MS = 1_000
/** What waits at a box as that says, comes again so much later: the box may be gone, with all that waited. */
const WAITS_MS = 5_000
const LOOK_MS = 250

/** Where the votes of a slot meet. */
const partitionOf = (slotId: SlotId, partitions: number): number => slotId % partitions

interface Open {
  readonly partition: number
  readonly passed: Passed
  readonly delivery: Inbound
  readonly vote: VerifiedSubmission
  againAtMs: number
}

export interface PassOnDeps {
  readonly shared: Pick<Shared, 'pass' | 'answers'>
  readonly clock: Clock
  readonly counters: Counters
}

/** Passes verified deliveries on to the boxes of their slots, again and again until they are answered, and answers whoever sent them. */
export function createPassOn(partitions: number, { shared, clock, counters }: PassOnDeps, { signal, spawn }: Life): PassOn {
  const open = new Map<number, Open>()
  const votes = createPassedVotes()
  const unanswered = Array.from({ length: partitions }, () => ({ count: 0, bytes: 0 }))
  /** Of this turn, by partition. */
  let fresh = new Map<number, Passed[]>()
  let newest = 0

  function flush(): void {
    const all = fresh
    fresh = new Map()
    for (const [partition, passed] of all) shared.pass(partition, passed)
  }

  function put({ partition, passed }: Open): void {
    if (fresh.size === 0) queueMicrotask(flush)
    const group = fresh.get(partition) ?? []
    fresh.set(partition, group)
    group.push(passed)
  }

  function weigh({ partition, passed }: Open, sign: 1 | -1): void {
    const there = unanswered[partition] as { count: number; bytes: number }
    there.count += sign
    there.bytes += sign * passed.payload.length
  }

  async function repeat(): Promise<void> {
    while (!signal.aborted) {
      await clock.sleep(LOOK_MS, signal).catch(() => undefined)
      const nowMs = clock.nowMs()
      for (const one of open.values()) {
        if (nowMs < one.againAtMs) continue
        one.againAtMs = nowMs + AGAIN_MS
        put(one)
      }
    }
  }

  async function hear(): Promise<void> {
    for await (const answers of shared.answers(signal))
      for (const { id, receipt } of answers) {
        const answered = open.get(id)
        if (answered === undefined) continue
        if (receipt === undefined) {
          answered.againAtMs = clock.nowMs() + WAITS_MS
          continue
        }
        open.delete(id)
        weigh(answered, -1)
        const { epochId, slotId } = answered.vote.submission.request
        votes.judged(answered.vote, receipt.code)
        counters.count(receipt.code, { epochId, signedBySlot: slotId })
        answered.delivery.respond(receipt)
      }
  }

  void spawn(repeat())
  void spawn(hear())
  return {
    record(ballot, delivery) {
      const { submissionId, submission, signer } = ballot
      const partition = partitionOf(submission.request.slotId, partitions)
      newest += 1
      const { peer, protocol, payload } = delivery
      const passed = { id: newest, peer, protocol, submissionId: delivery.submissionId, payload, signer }
      const vote = { submissionId, submission, signer }
      votes.note(vote)
      const one = { partition, passed, delivery, vote, againAtMs: clock.nowMs() + AGAIN_MS }
      open.set(newest, one)
      weigh(one, 1)
      put(one)
      return 'passed_on'
    },
    isWayFull(slotId) {
      const { count, bytes } = unanswered[partitionOf(slotId, partitions)] as { count: number; bytes: number }
      return count >= UNANSWERED_MAX || bytes >= UNANSWERED_BYTES_MAX
    },
    signerOf: votes.signerOf,
    close: votes.close,
    unanswered: () => open.size,
  }
}

export interface PassOn extends Pick<PassedVotes, 'signerOf' | 'close'> {
  /** Takes whatever comes: whether there is room is asked before. */
  readonly record: IntakeDeps['record']
  isWayFull(slotId: SlotId): boolean
  unanswered(): number
}
