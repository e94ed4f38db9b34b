import type { EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import type { ReceiptCode } from '#domain/rejection.ts'
import { createSubmissionDialer } from '#io/p2p/dialer.ts'
import { createSubmissionHost } from '#io/p2p/host.ts'
import { rulesWith } from '#life/rules.test-world.ts'
import { sameRules } from '#life/rules.ts'
import { EPOCH_1, open, sealed, SIGNERS, uuid, type World } from '#roles/sequencer/sequencer.test-world.ts'
import { encodeSubmission } from '#wire/submission-proto.ts'
import type { Attack } from './attackers.ts'

/** A sequencer behind real libp2p, four honest collectors that each wait for one receipt before they send the next, and whoever comes to disturb them. */

interface FloodOptions {
  /** Honest deliveries of each collector, before and during the attack. */
  readonly rounds: number
  /** Begins the attack; what it resolves with ends it. */
  begin(attack: Pick<Attack, 'address' | 'payload' | 'vote' | 'late'>): Promise<{ stop(): unknown }>
  /** The epoch ends in the midst of the attack, when so many of its late votes are taken, and honest votes are for the next one. */
  readonly endsAfter?: number
}

export interface Exchange {
  readonly code: ReceiptCode
  readonly tookMs: number
  /** Signatures that the sequencer checked from its sending to its receipt, its own among them. */
  readonly recoveries: number
}

export interface FloodOutcome {
  readonly quiet: readonly Exchange[]
  readonly flooded: readonly Exchange[]
  /** Signatures checked during the attack. */
  readonly recoveries: number
  /** Of the sequencer's process, after the attack less before it. */
  readonly grownBytes: number
  /** Votes of the first epoch that its batches were made of; 0 while it is open. */
  readonly counted: number
}

const OF_A_SLOT = 100_000
const LATE = 2_000

export async function flood({ rounds, begin, endsAfter }: FloodOptions): Promise<FloodOutcome> {
  const host = await createSubmissionHost({ identity: new Uint8Array(32).fill(1) })
  const world = await open({ listener: host, rules: sameRules(rulesWith({ projectsPerSlotMax: OF_A_SLOT })) })
  await world.release()
  const address = host.addresses()[0] as string
  const dialers = await Promise.all(SIGNERS.map((_, index) => createSubmissionDialer({ identity: new Uint8Array(32).fill(100 + index) })))
  const links = await Promise.all(dialers.map((dialer) => dialer.dial(address, AbortSignal.timeout(20_000))))
  let projects = 0
  let epochId = EPOCH_1

  async function exchange(index: number): Promise<Exchange> {
    const projectId = `pairs:${projects++}:TEST` as ProjectId
    const payload = encodeSubmission(await world.submission({ slotId: (index + 1) as SlotId, projectId, epochId }))
    const [before, atMs] = [world.recoveries(), performance.now()]
    const receipt = await links[index]?.send({ submissionId: uuid(), payload })
    if (receipt === undefined || receipt === 'unacknowledged') throw new Error('no receipt')
    return { code: receipt.code, tookMs: performance.now() - atMs, recoveries: world.recoveries() - before }
  }
  async function all(): Promise<Exchange[]> {
    const each = links.map(async (_, index) => {
      const own: Exchange[] = []
      for (let round = 0; round < rounds; round += 1) own.push(await exchange(index))
      return own
    })
    return (await Promise.all(each)).flat()
  }

  const quiet = await all()
  const before = { recoveries: world.recoveries(), bytes: process.memoryUsage().rss }
  const wrong = await world.submission({ slotId: 1 as SlotId, signedBy: 2 })
  const vote = await world.submission({ projectId: 'pairs:0:TEST' as ProjectId })
  const late = await Promise.all(Array.from({ length: endsAfter === undefined ? 0 : LATE }, (_, index) => lateVote(index, world)))
  const attackers = await begin({ address, payload: encodeSubmission(wrong), vote: encodeSubmission(vote), late })
  if (endsAfter !== undefined) {
    while ((world.sequencer.stats().receipts.accepted ?? 0) < quiet.length + endsAfter) await new Promise(setImmediate)
    // More than the window has, at once: whoever attacks has turns with each that is waited for.
    for (let block = 0; block < 6; block += 1) world.chain.mine()
    await world.release()
    epochId = (EPOCH_1 + 1) as EpochId
    before.recoveries = world.recoveries()
  }
  const flooded = await all()
  const [recoveries, grownBytes] = [world.recoveries() - before.recoveries, process.memoryUsage().rss - before.bytes]
  await attackers.stop()
  const counted = endsAfter === undefined ? 0 : (await sealed(world)).accepted
  for (const dialer of dialers) await dialer.stop()
  await world.stop()
  await host.stop()
  return { quiet, flooded, recoveries, grownBytes, counted }
}

/** Of slots in their turn, each for a project of its own. */
async function lateVote(index: number, world: World): Promise<Uint8Array> {
  const slotId = (1 + (index % SIGNERS.length)) as SlotId
  return encodeSubmission(await world.submission({ slotId, projectId: `late:${Math.floor(index / SIGNERS.length)}:TEST` as ProjectId }))
}
