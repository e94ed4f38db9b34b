import { parseBlockNumber, parseEpochId, parseSlotId, type Cid, type ProjectId, type SubmissionId } from '#domain/ids.ts'
import type { ReceiptCode } from '#domain/rejection.ts'
import type { Submission } from '#domain/submission.ts'
import { createVirtualClock, type VirtualClock } from '#io/clock/fake.ts'
import type { Clock } from '#io/clock/port.ts'
import type { Inbound, SubmissionListener } from '#io/intake/port.ts'
import { createSeededRandom } from '#io/keys/random.ts'
import { createFakeNetwork, type FakeNetwork } from '#io/p2p/fake.ts'
import type { SubmissionDialer } from '#io/p2p/port.ts'
import { createFakeStore, type FakeStore } from '#io/store/fake.ts'
import { decodeCollectJson, decodeSubmission } from '#wire/submission-proto.ts'
import { type Collector, type CollectorDeps, type CollectorLimits, createCollector } from './collector.ts'

export const identity = (seed: number): Uint8Array => new Uint8Array(32).fill(seed)
export const SEQUENCER = identity(1)
export const RELAY = identity(2)

export function submission(index: number, epoch = 7): Submission {
  return {
    request: {
      slotId: parseSlotId(1),
      deadlineBlock: parseBlockNumber(500),
      snapshotCid: 'bafkreihwyondy4kizuhvw2zzhzbueoeu725mxg57jsgwpaizummptvtjzy' as Cid,
      epochId: parseEpochId(epoch),
      projectId: `p${index}:N` as ProjectId,
    },
    signature: `${'11'.repeat(64)}1b`,
    header: `0x${'0e'.repeat(32)}`,
    dataMarket: '0x21cb57c1f2352ad215a463dd867b838749cd3b8f',
    nodeVersion: 'v1.0.0',
    protocolState: '',
  }
}

/** The same vote, naming another block. */
export function naming(one: Submission, digits: string): Submission {
  return { ...one, header: `0x${digits.repeat(32)}` }
}

export interface CollectorSetUp {
  readonly store?: FakeStore
  readonly dialer?: SubmissionDialer
  readonly limits?: Partial<CollectorLimits>
  readonly anchor?: CollectorDeps['anchor']
  readonly ipfs?: CollectorDeps['ipfs']
  readonly alsoTo?: readonly string[]
  readonly tracer?: CollectorDeps['tracer']
}

/** A world of one sequencer and collectors on a virtual clock, from one seed. */
export function createWorld(seed = 1) {
  const clock: VirtualClock = createVirtualClock()
  const random = createSeededRandom(seed)
  const network: FakeNetwork = createFakeNetwork({ clock, random })
  const stopping = new AbortController()
  let sleeperCount = 0
  /** How far the roles' clock is ahead of the time that passes. */
  let aheadMs = 0
  const counted: Clock = {
    nowMs: () => clock.nowMs() + aheadMs,
    async sleep(durationMs, signal) {
      sleeperCount += 1
      try {
        await clock.sleep(durationMs, signal)
      } finally {
        sleeperCount -= 1
      }
    },
  }
  const events: string[] = []
  const facts: Readonly<Record<string, string | number>>[] = []

  /** Answers with what `codeOf` says, once per project as a sequencer would: the same again is a duplicate. */
  function answer(host: SubmissionListener, codeOf: (project: string, inbound: Inbound) => ReceiptCode | undefined = () => 'accepted') {
    const seen: { readonly project: string; readonly id: string }[] = []
    const taken = new Map<string, string>()
    const run = async () => {
      for await (const batch of host.inbound(stopping.signal)) {
        for (const inbound of batch) {
          const project =
            (inbound.protocol === 'weft' ? decodeSubmission(inbound.payload) : decodeCollectJson(inbound.payload))?.request.projectId ?? ''
          seen.push({ project, id: inbound.submissionId })
          const code = taken.has(project) ? 'duplicate' : codeOf(project, inbound)
          if (code === 'accepted') taken.set(project, inbound.submissionId)
          if (code !== undefined) inbound.respond({ submissionId: inbound.submissionId as SubmissionId, code, reason: '' })
        }
      }
    }
    void run()
    return { seen, taken, projects: () => seen.map(({ project }) => project) }
  }

  async function collector(addresses: readonly string[], options: CollectorSetUp = {}) {
    const store = options.store ?? createFakeStore()
    const dialer = options.dialer ?? (await network.createSubmissionDialer({ identity: identity(9) }))
    const report: CollectorDeps['report'] = (event, about) => {
      events.push(event)
      facts.push({ event, ...about })
    }
    const role: Collector = createCollector(
      { addresses, alsoTo: options.alsoTo ?? [], limits: options.limits ?? {} },
      {
        ...{ store, dialer, clock: counted, random, report, tracer: options.tracer, ipfs: options.ipfs },
        ...(options.anchor && { anchor: options.anchor }),
      },
    )
    const leaving = new AbortController()
    let running: Promise<void> | undefined
    return {
      role,
      store,
      start() {
        running = role.run(AbortSignal.any([leaving.signal, stopping.signal]))
        // Who wants to hear of a failure asks for it by `stop`.
        running.catch(() => undefined)
      },
      /** Ends the role and waits for it; rejects with the failure that ended it before. */
      async stop() {
        leaving.abort()
        await clock.runUntil(running ?? Promise.resolve(), { limitMs: 10_000 })
      },
      hand: (one: Submission) => clock.runUntil(role.handler(one), { limitMs: 1_000 }),
      ended: () => Object.values(role.stats().endings).reduce((sum, count) => sum + count, 0),
    }
  }

  return {
    clock,
    random,
    network,
    answer,
    collector,
    events,
    facts,
    stopping,
    /** How many of the roles' waits are under way. */
    sleeperCount: () => sleeperCount,
    /** Sets the roles' clock forward. One that is set back goes on as it was (`io/clock`). */
    stepClock(byMs: number) {
      aheadMs += byMs
    },
  }
}
