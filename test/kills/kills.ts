import { setTimeout as sleep } from 'node:timers/promises'
import pLimit from 'p-limit'
import { isWeftError } from '#domain/errors.ts'
import type { EpochId } from '#domain/ids.ts'
import type { Submission } from '#domain/submission.ts'
import { createSubmissionClient } from '#io/grpc/client.ts'
import type { SubmissionClient } from '#io/grpc/port.ts'
import { createSeededRandom } from '#io/keys/random.ts'
import { openSqliteCopy } from '#io/store/sqlite-copy.ts'
import { stateFile } from '#node/home.ts'
import { type NotedVote, votesIn } from '#roles/collector/outbox.ts'
import { LIMIT_MS, until } from '../e2e/within.ts'
import { projectOf } from '../e2e/world.ts'
import { type Network, VICTIMS, type Victim, WINDOW_BLOCKS } from './network.ts'

/**
 * Runs of one epoch each, in which processes are killed at moments that a seed chooses. What may not happen in any: a submission with a receipt
 * that is not in its epoch's batches exactly once, as it was handed over; one that was answered `Success` and has no end, or one without a reason (G1, G5).
 */

export const SLOTS = 2
const PROJECTS = 20
/** Hand-overs at once, as a snapshotter has them. */
const AT_ONCE = 4
const HAND_OVER_TIMEOUT_MS = 5_000
const PAUSE_MS = 50

export interface Kill {
  readonly victim: Victim
  /** Hand-overs answered before it, and how much later it comes. */
  readonly answered: number
  readonly delayMs: number
}

export interface KillRun {
  readonly seed: number
  readonly epochId: EpochId
  readonly kills: readonly Kill[]
  /** By how they ended. */
  readonly ends: Readonly<Record<string, number>>
  /** What may not be; empty when all is well. */
  readonly broken: readonly string[]
}

/** One or two, at any moment from the first hand-over to some time after the last. */
export function killsOf(seed: number): readonly Kill[] {
  const { fraction } = createSeededRandom(seed)
  const below = (count: number): number => Math.floor(fraction() * count)
  return Array.from({ length: 1 + below(2) }, () => ({
    victim: VICTIMS[below(VICTIMS.length)] as Victim,
    answered: below(SLOTS * PROJECTS + 1),
    delayMs: below(40),
  }))
}

/** Hands over until it is taken: what a snapshotter does. */
async function handOver(client: SubmissionClient, submission: Submission): Promise<void> {
  for (;;) {
    try {
      const answer = await client.submitSnapshot(submission, { timeoutMs: HAND_OVER_TIMEOUT_MS })
      if (answer === 'Success') return
      if (answer !== 'not_ready') throw new Error(`the collector answered ${answer}`)
    } catch (failure) {
      if (!isWeftError(failure, 'COLLECTOR_UNAVAILABLE')) throw failure
    }
    await sleep(PAUSE_MS)
  }
}

/** What the collector has on disk of the epoch. */
async function outboxOf({ roles }: Network, epochId: EpochId): Promise<readonly NotedVote[]> {
  const store = openSqliteCopy({ path: stateFile(roles.collector.dataDir) })
  try {
    return [...votesIn(store, epochId)]
  } finally {
    await store.close()
  }
}

export async function run(seed: number, network: Network): Promise<KillRun> {
  const { world } = network
  const { epochId, header } = await world.releaseEpoch()
  const submissions = Array.from({ length: SLOTS * PROJECTS }, (_, index) =>
    world.sign({ project: projectOf(`${seed}-${index >> 1}`), header, epochId, slotId: 1 + (index % SLOTS) }),
  )
  const kills = killsOf(seed)
  const client = createSubmissionClient({ endpoint: network.grpc })
  let answered = 0
  const told = () => `${JSON.stringify({ seed, epochId, kills, answered })}\n${world.outputs()}`
  // One after the other: two lives of a process on one folder is what nobody can have.
  const killing = (async () => {
    for (const { victim, answered: moment, delayMs } of kills) {
      await until(() => answered >= moment, { awaited: `${moment} answers`, limitMs: 2 * LIMIT_MS, told })
      await sleep(delayMs)
      await network.kill(victim)
    }
  })()
  const limit = pLimit(AT_ONCE)
  const handing = submissions.map((submission) =>
    limit(async () => {
      await handOver(client, submission)
      answered += 1
    }),
  )
  await Promise.all([killing, ...handing])
  await client.close()
  let outbox: readonly NotedVote[] = []
  const isOver = async () => {
    outbox = await outboxOf(network, epochId)
    return outbox.every(({ note }) => note.state !== 'queued')
  }
  await until(isOver, { awaited: 'an end of every entry', limitMs: 2 * LIMIT_MS, told })
  await world.mine(WINDOW_BLOCKS + 1)
  const batched = await world.batched(epochId, network.roles.sequencer)
  const ends: Record<string, number> = {}
  for (const { note } of outbox) ends[`${note.state}: ${note.lastCode}`] = (ends[`${note.state}: ${note.lastCode}`] ?? 0) + 1
  return { seed, epochId, kills, ends, broken: brokenIn(submissions, { outbox, batched: [...batched.values()] }) }
}

const voteOf = ({ slotId, projectId }: { readonly slotId: number; readonly projectId: string }): string => `${slotId} ${projectId}`

function brokenIn(
  submissions: readonly Submission[],
  { outbox, batched }: { readonly outbox: readonly NotedVote[]; readonly batched: readonly Submission[] },
): string[] {
  const broken: string[] = []
  const inBatches = new Map<string, Submission[]>()
  for (const submission of batched) {
    const vote = voteOf(submission.request)
    inBatches.set(vote, [...(inBatches.get(vote) ?? []), submission])
  }
  for (const submission of submissions) {
    const vote = voteOf(submission.request)
    const entries = outbox.filter((entry) => voteOf(entry) === vote)
    const [entry] = entries
    if (entry === undefined || entries.length > 1) broken.push(`${vote}: ${entries.length} entries in the outbox`)
    else if (entry.note.lastCode === undefined || !['acknowledged', 'expired'].includes(entry.note.state))
      broken.push(`${vote}: ended as ${entry.note.state} for ${entry.note.lastCode}`)
    const found = inBatches.get(vote) ?? []
    if (entry?.note.state === 'acknowledged' && found.length !== 1) broken.push(`${vote}: ${found.length} times in the batches`)
    if (found.some(({ signature }) => signature !== submission.signature))
      broken.push(`${vote}: another in the batches than was handed over`)
    inBatches.delete(vote)
  }
  return [...broken, ...[...inBatches.keys()].map((vote) => `${vote}: in the batches, and nobody has sent it`)]
}
