import type { Header } from '#domain/anchor-view.ts'
import { isStoreFailure } from '#domain/errors.ts'
import type { Report } from '#domain/events.ts'
import type { EpochId } from '#domain/ids.ts'
import type { Submission } from '#domain/submission.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import type { Clock } from '#io/clock/port.ts'
import type { SubmissionHandler } from '#io/grpc/port.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import type { Random, Recoverer } from '#io/keys/port.ts'
import type { SubmissionDialer } from '#io/p2p/port.ts'
import type { Store } from '#io/store/port.ts'
import type { Tracer } from '#io/traces/port.ts'
import { type Life, live } from '#life/live.ts'
import { createSubmissionHasher } from '#wire/eip712.ts'
import { accept } from './accept.ts'
import { createAppointed } from '#life/appointed.ts'
import { createBell } from './bell.ts'
import { check, formRejection, type Ground } from './check.ts'
import { createCopies } from './copy.ts'
import { type CounterReadings, createCounters } from './counters.ts'
import { expire, untilTooOld, untilWindowEnds } from './expire.ts'
import { createFinding, type Meeting } from './find.ts'
import { createForwarder, type ForwardOptions } from './forward.ts'
import { createIncluding, type Including } from './include.ts'
import { openOutbox, type OutboxOptions } from './outbox.ts'
import { createSpans } from './spans.ts'
import { createTelling } from './tell.ts'
import { createWatch } from './watch.ts'

export interface CollectorLimits extends OutboxOptions, Omit<ForwardOptions, 'addresses'> {
  /** How long a submission is tried where no chain is asked: longer than any window. */
  readonly ageMaxMs: number
}

export const COLLECTOR_LIMITS: CollectorLimits = {
  // Ten seconds of the highest rate a whole network aims at, and about 40 MB of disk.
  openMax: 100_000,
  // Several epochs of the largest market known, a few hundred projects each.
  openPerSlotMax: 10_000,
  finishedMax: 100_000,
  ageMaxMs: 10 * 60_000,
  // 400 KB of real submissions; at 100 ms of round trip that is 10,000 a second. Fewer while the sequencer is slow (C19).
  inFlightMax: 1_000,
  receiptTimeoutMs: 15_000,
  // Windows are seconds to minutes: longer pauses than these would cost whole windows.
  retryBackoff: { firstMs: 200, lastMs: 2_000 },
  dialBackoff: { firstMs: 200, lastMs: 2_000 },
  improveIntervalMs: 30_000,
}

export interface CollectorOptions {
  /** Multiaddrs of the sequencer, preferred first: direct, then through relays. */
  readonly addresses: readonly string[]
  /** Of validators, each of which gets a copy of what is taken, as far as it takes it (C11). */
  readonly alsoTo?: readonly string[]
  readonly limits?: Partial<CollectorLimits>
}

export interface CollectorDeps {
  /** The collector owns the keys below `out`. */
  readonly store: Store
  readonly dialer: SubmissionDialer
  readonly clock: Clock
  readonly random: Random
  readonly report: Report
  readonly tracer?: Tracer | undefined
  /** The chain that submissions are checked against, and by which they expire (C12, C13). Without it only their form is checked, and their age counts. */
  readonly anchor?: { readonly chain: AnchorChain; readonly recoverer: Recoverer }
  /** With `anchor`: where the batches of its epochs are read, to see what they hold (C18). Without it nobody looks. */
  readonly ipfs?: Pick<Ipfs, 'get'> | undefined
  /** Where more addresses of the market's sequencers are found (C15). */
  readonly meeting?: Meeting | undefined
  /** Called once, when submissions can be taken. */
  readonly onReady?: () => void
}

export interface CollectorStats extends CounterReadings {
  /** Taken and not yet ended. */
  readonly open: number
  /** How long the oldest of them waits. */
  readonly oldestMs: number | undefined
  readonly inFlight: number
  /** Where submissions go now; `undefined` while there is no link. */
  readonly address: string | undefined
  /** Whether submissions can be taken: the chain was followed up to its head, or there is none. */
  readonly isReady: boolean
}

export interface Collector {
  /** What the gRPC server calls for each submission. */
  readonly handler: SubmissionHandler
  /** Forwards until the signal aborts. Rejects when the store fails. */
  run(signal: AbortSignal): Promise<void>
  stats(): CollectorStats
}

/** Takes submissions from snapshotters and brings each to a receipt of the sequencer: accept → outbox → forward. Of many slots, and of one market where a chain is asked. */
export function createCollector(options: CollectorOptions, deps: CollectorDeps): Collector {
  const limits = { ...COLLECTOR_LIMITS, ...options.limits }
  const counters = createCounters()
  const bell = createBell(deps.clock)
  const outbox = openOutbox(limits, { ...deps, onReady: bell.ring }) // C3: what an earlier life left is due at once.
  const telling = createTelling({ ...deps, outbox })
  const { anchor: onChain, ipfs } = deps
  const head = (): Header | undefined => anchored?.watch.windows.now()
  const including: Including | undefined =
    onChain && ipfs && createIncluding({ ...deps, chain: onChain.chain, ipfs, outbox, counters, head })
  const anchored = deps.anchor && anchor(deps.anchor, { ...deps, onStep: including?.note })
  const spans = createSpans(deps)
  const isOver = (epochId: EpochId): boolean => anchored?.watch.windows.standing(epochId) === 'over'
  const delivering = { ...deps, outbox, spans, counters, telling, bell, isOver, authority: anchored?.authority }
  const finding = createFinding(options.addresses, deps.meeting, deps)
  const forwarder = createForwarder({ ...limits, addresses: finding.addresses }, delivering)
  const copies = createCopies(options.alsoTo ?? [], deps)
  const failing = new AbortController()
  const check = anchored?.check ?? formRejection
  const now = anchored?.watch.windows.now ?? (() => undefined)
  const patience = anchored ? untilWindowEnds(anchored.watch.windows) : untilTooOld(limits, deps.clock)

  async function work(life: Life): Promise<void> {
    const over = new AbortController()
    void life.spawn(telling.run(over.signal))
    void life.spawn(copies.run(life.signal))
    void life.spawn(finding.run(life.signal))
    if (including !== undefined) void life.spawn(including.run(life.signal))
    if (anchored === undefined) {
      deps.report('submissions_unchecked', {})
      deps.onReady?.()
    }
    for (const following of anchored === undefined ? [] : [anchored.watch, anchored.appointed]) void life.spawn(following.run(life.signal))
    const expiring = expire({ outbox, counters, telling, spans, clock: deps.clock }, patience, life.signal)
    await Promise.all([life.spawn(forwarder.run(life.signal)), life.spawn(expiring)])
    // Last of all: receipts came in until now.
    over.abort()
  }

  return {
    async handler(submission, onTaken) {
      const accepted = spans?.accepting()
      try {
        const answer = await accept(submission, { outbox, counters, check, now }) // C1: Success only when it is on disk.
        if (answer !== 'Success') return answer
        copies.offer(submission)
        const submissionId = onTaken || accepted ? outbox.idOf(submission) : undefined
        if (submissionId !== undefined) onTaken?.(submissionId)
        if (submissionId !== undefined) accepted?.(submissionId, submission)
        return answer
      } catch (failure) {
        // C10: with nothing to forward, the hand-over alone meets the disk. It would be refused for ever.
        if (isStoreFailure(failure) && failure.kind !== 'transient') failing.abort(failure)
        throw failure
      }
    },
    run: (signal) => live(signal, work, failing),
    stats: () => ({
      ...counters.read(),
      open: outbox.openCount(),
      oldestMs: waitedMs(outbox.oldestMs(), deps.clock),
      inFlight: forwarder.inFlightCount(),
      address: forwarder.address(),
      isReady: anchored === undefined || now() !== undefined,
    }),
  }
}

const waitedMs = (sinceMs: number | undefined, clock: Clock): number | undefined =>
  sinceMs === undefined ? undefined : Math.max(0, clock.nowMs() - sinceMs)

/** The chain as this role knows it, and what submissions are held to by it. */
function anchor({ chain, recoverer }: NonNullable<CollectorDeps['anchor']>, deps: Omit<Parameters<typeof createWatch>[0], 'chain'>) {
  const watch = createWatch({ ...deps, chain })
  const appointed = createAppointed({ ...deps, chain, onMarket: watch.noteMarket })
  const hasher = createSubmissionHasher(chain)
  const ground: Ground = { market: chain, ...watch, hasher, recoverer }
  const authority = { hasher, recoverer, dataMarket: chain.dataMarket, sequencers: appointed.sequencers }
  return { watch, appointed, authority, check: (submission: Submission) => check(submission, ground) }
}
