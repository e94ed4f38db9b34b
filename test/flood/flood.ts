import type { ProjectId, SlotId } from '#domain/ids.ts'
import type { ReceiptCode } from '#domain/rejection.ts'
import { createSubmissionDialer } from '#io/p2p/dialer.ts'
import { createSubmissionHost } from '#io/p2p/host.ts'
import { rulesWith } from '#life/rules.test-world.ts'
import { sameRules } from '#life/rules.ts'
import { open, SIGNERS, uuid } from '#roles/sequencer/sequencer.test-world.ts'
import { encodeSubmission } from '#wire/submission-proto.ts'
import type { Attack } from './attackers.ts'

/** A sequencer behind real libp2p, four honest collectors that each wait for one receipt before they send the next, and whoever comes to disturb them. */

interface FloodOptions {
  /** Honest deliveries of each collector, before and during the attack. */
  readonly rounds: number
  /** Begins the attack; what it resolves with ends it. */
  begin(attack: Pick<Attack, 'address' | 'payload' | 'vote'>): Promise<{ stop(): unknown }>
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
}

const OF_A_SLOT = 100_000

export async function flood({ rounds, begin }: FloodOptions): Promise<FloodOutcome> {
  const host = await createSubmissionHost({ identity: new Uint8Array(32).fill(1) })
  const world = await open({ listener: host, rules: sameRules(rulesWith({ projectsPerSlotMax: OF_A_SLOT })) })
  await world.release()
  const address = host.addresses()[0] as string
  const dialers = await Promise.all(SIGNERS.map((_, index) => createSubmissionDialer({ identity: new Uint8Array(32).fill(100 + index) })))
  const links = await Promise.all(dialers.map((dialer) => dialer.dial(address, AbortSignal.timeout(20_000))))
  let projects = 0

  async function exchange(index: number): Promise<Exchange> {
    const projectId = `pairs:${projects++}:TEST` as ProjectId
    const payload = encodeSubmission(await world.submission({ slotId: (index + 1) as SlotId, projectId }))
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
  const attackers = await begin({ address, payload: encodeSubmission(wrong), vote: encodeSubmission(vote) })
  const flooded = await all()
  const outcome = {
    quiet,
    flooded,
    recoveries: world.recoveries() - before.recoveries,
    grownBytes: process.memoryUsage().rss - before.bytes,
  }
  await attackers.stop()
  for (const dialer of dialers) await dialer.stop()
  await world.stop()
  await host.stop()
  return outcome
}
