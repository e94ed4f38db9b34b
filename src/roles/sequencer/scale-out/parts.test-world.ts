import type { EpochId } from '#domain/ids.ts'
import type { Receipt, Submission } from '#domain/submission.ts'
import type { ManyRecoverer } from '#io/keys/port.ts'
import { recoverer } from '#io/keys/secp256k1.ts'
import { createFakeServers, type FakeServers, type FakeShared } from '#io/log/fake.ts'
import type { Inbound } from '#io/intake/port.ts'
import { createInbox, INBOX_LIMITS } from '#io/p2p/inbox.ts'
import { createFakeStore, type FakeStore } from '#io/store/fake.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { rulesWith } from '#life/rules.test-world.ts'
import { sameRules } from '#life/rules.ts'
import { SLOT_LIMITS, type SlotLimits } from '#roles/sequencer/intake/slot-rates.ts'
import { open, uuid, type Wire, type World } from '#roles/sequencer/sequencer.test-world.ts'
import { PAIR_BYTES } from '#wire/signed-pairs.ts'
import { encodeCollectJson, encodeSubmission } from '#wire/submission-proto.ts'
import { createBallotBox } from './ballot-box.ts'
import { gatherFrom } from './gather.ts'
import { createListening, type Part } from './listen.ts'

/** A sequencer of several processes, beside one that is one, on the same chain: all of it in memory. */

export const PARTITIONS = 2

export interface Process {
  readonly shared: FakeShared
  readonly part: Part
  readonly store: FakeStore
  readonly events: string[]
  /** What it does again, with the code of why. */
  readonly repeated: string[]
  /** Why it has ended. */
  failure(): unknown
  /** Power cut. */
  crash(): void
}

export interface Listener extends Process {
  /** Answers go to the list; what is not answered is not in it. */
  push(
    submissions: readonly (readonly [submissionId: string, submission: Submission])[],
    answered: Receipt[],
    protocol?: Inbound['protocol'],
  ): void
  /** Signatures that it has looked at. */
  recoveries(): number
}

interface How {
  readonly holder?: string
  readonly store?: FakeStore
  /** Between the chain and the process. */
  readonly wire?: Wire
  /** What differs of what it shares. */
  through?(shared: FakeShared): Partial<FakeShared>
}

export interface Parts {
  readonly servers: FakeServers
  readonly sealer: World
  listener(slotLimits?: SlotLimits): Promise<Listener>
  box(how?: How): Promise<Process>
  stop(): Promise<void>
}

/** `around`: another one, on whose chain it is. */
export async function openParts(around?: World): Promise<Parts> {
  const clock = around?.clock ?? createVirtualClock()
  const servers = createFakeServers({ clock })
  const rules = sameRules(rulesWith({ tally: { minVotes: 0, minShareBp: 0 }, availability: 'none' }))
  const random = { fraction: () => 1 }
  const stopping = new AbortController()
  const living = new Set<Promise<unknown>>()
  let names = 0

  async function started(make: (deps: Parameters<typeof createBallotBox>[1]) => Part, how: How = {}): Promise<Process> {
    names += 1
    const { holder = `process-${names}`, store = createFakeStore() } = how
    const connected = servers.connect(holder)
    const shared = { ...connected, ...how.through?.(connected) }
    const events: string[] = []
    const repeated: string[] = []
    const report = (event: string, facts?: Readonly<Record<string, unknown>>) => {
      events.push(event)
      if (event === 'will_try_again') repeated.push(`${facts?.['doing']}: ${facts?.['code']}`)
    }
    const part = make({
      shared,
      store,
      chain: how.wire?.around(chain.connect()) ?? chain.connect(),
      rules,
      clock,
      random,
      report,
      receiptSigner: undefined,
    })
    const own = new AbortController()
    let failure: unknown
    const ended = part.run(AbortSignal.any([stopping.signal, own.signal])).catch((reason: unknown) => {
      failure = reason
    })
    living.add(ended)
    return {
      shared,
      part,
      store,
      events,
      repeated,
      failure: () => failure,
      crash() {
        living.delete(ended)
        shared.crash()
        own.abort(new Error('power cut'))
      },
    }
  }

  const logs = await Promise.all(Array.from({ length: PARTITIONS }, (_, partition) => servers.connect('sealer').log(partition)))
  const sealer = await open({ around: around ?? { clock }, gather: gatherFrom(logs) })
  const { chain } = sealer
  return {
    servers,
    sealer,
    async listener(slotLimits = SLOT_LIMITS) {
      const inbox = createInbox(INBOX_LIMITS, clock.nowMs, (durationMs, action) => void clock.sleep(durationMs).then(action))
      let recoveries = 0
      const counting: ManyRecoverer = {
        recoverMany(pairs) {
          recoveries += pairs.length / PAIR_BYTES
          return recoverer.recoverMany(pairs)
        },
      }
      const process = await started((deps) =>
        createListening({ partitions: PARTITIONS, slotLimits }, { ...deps, listener: inbox, recoverer: counting }),
      )
      await sealer.until(() => process.part.stats().isReady)
      return {
        ...process,
        recoveries: () => recoveries,
        push(submissions, answered, protocol = 'weft') {
          for (const [submissionId, submission] of submissions) {
            const respond = (receipt: Receipt) => void answered.push(receipt)
            const payload = protocol === 'weft' ? encodeSubmission(submission) : new TextEncoder().encode(encodeCollectJson(submission))
            inbox.offer({ peer: 'p', protocol, submissionId, payload, respond })
          }
        },
      }
    },
    box: (how) => started((deps) => createBallotBox({ partitions: PARTITIONS }, deps), how),
    async stop() {
      stopping.abort(new Error('test is over'))
      await sealer.stop()
      await clock.runUntil(Promise.all(living), { limitMs: 60_000 })
    },
  }
}

export const named = (submission: Submission, submissionId = uuid()) => [submissionId, submission] as const

/** Mines until this sequencer is done with the epoch. */
export async function doneWith(epochId: EpochId, { sequencer }: World, { mine }: Pick<World, 'mine'>) {
  for (let block = 0; block < 40; block += 1) {
    const record = sequencer.epoch(epochId)
    if (record?.state === 'ended' || record?.state === 'missed') return record
    await mine(1)
  }
  throw new Error(`epoch ${epochId} is ${sequencer.epoch(epochId)?.state} after 40 blocks`)
}
