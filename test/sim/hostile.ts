import { isWeftError } from '#domain/errors.ts'
import type { BlockNumber, Cid, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import type { Receipt, Submission } from '#domain/submission.ts'
import type { KeySigner } from '#io/keys/port.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { createSubmissionHasher } from '#wire/eip712.ts'
import { decodeSubmission, encodeSubmission, SUBMISSION_BYTES_MAX } from '#wire/submission-proto.ts'
import { identity, NAMESPACE, type World } from '../journey/cast.ts'

/** Somebody else's delivery, as it went over the network. */
export interface Overheard {
  readonly submissionId: string
  readonly payload: Uint8Array
}

export interface HostileOptions {
  /** Of the sequencer. */
  readonly address: string
  /** Of collectors. */
  readonly endpoints: readonly string[]
  readonly projects: readonly ProjectId[]
  /** The key it has; slots given to it vote for whatever it likes, as often as it likes. */
  readonly signer: KeySigner
  readonly ownSlots: () => readonly SlotId[]
  /** It speaks of data that nobody has. */
  readonly onMadeUp: (cid: Cid) => void
  /** What it was answered, about what; `undefined` about what has not the form of a submission. */
  readonly onAnswer: (receipt: Receipt, submission: Submission | undefined) => void
}

type Delivery = Overheard

/** A peer that sends everything but what it should: garbage, forgeries, others' deliveries again, and two votes for one slot. */
export function createHostile(options: HostileOptions, world: World) {
  const random = world.random()
  const overheard: Overheard[] = []
  let madeUpProjects = 0
  const hasher = createSubmissionHasher(world.chain)
  const pick = <Value>(values: readonly Value[]): Value => values[Math.floor(random.fraction() * values.length)] as Value
  const bytes = (length: number) => Uint8Array.from({ length }, () => Math.floor(random.fraction() * 256))

  async function madeUp(): Promise<Cid> {
    const cid = await snapshotCidOf(bytes(8))
    options.onMadeUp(cid)
    return cid
  }

  /** A vote for data that does not exist; in the name of any slot, whoever may sign for it. */
  async function forged(slotIds: readonly SlotId[]): Promise<Submission> {
    const { epochId } = await world.chain.currentEpoch()
    const head = await world.chain.head()
    const request = {
      slotId: pick(slotIds),
      deadlineBlock: (head.number + pick([500, 0, 1_000_000])) as BlockNumber,
      snapshotCid: await madeUp(),
      epochId: (epochId + pick([0, 0, 0, -1, 1, 1_000])) as EpochId,
      projectId: pick([...options.projects, ...options.projects, 'price:nobody:ELSEWHERE' as ProjectId]),
    }
    const { dataMarket, protocolState } = world.chain
    const signature = options.signer.sign(hasher.digest(request))
    return {
      request: { ...request, epochId: Math.max(0, request.epochId) as EpochId },
      signature,
      header: pick([head.hash, head.parentHash, `0x${'0'.repeat(64)}`]),
      dataMarket,
      nodeVersion: 'v6.6.6',
      protocolState,
    }
  }

  function madeUpProject(): ProjectId {
    madeUpProjects += 1
    return `price:nobody${madeUpProjects}:${NAMESPACE}` as ProjectId
  }

  /** A vote with nothing wrong but what it says. */
  async function valid(slotId: SlotId, projectId: ProjectId): Promise<Submission | undefined> {
    const { epochId } = await world.chain.currentEpoch()
    if (epochId === 0) return undefined
    const head = await world.chain.head()
    const { dataMarket, protocolState } = world.chain
    const request = { slotId, deadlineBlock: (head.number + 100) as BlockNumber, snapshotCid: await madeUp(), epochId, projectId }
    return {
      request,
      signature: options.signer.sign(hasher.digest(request)),
      header: head.hash,
      dataMarket,
      nodeVersion: 'v6.6.6',
      protocolState,
    }
  }

  async function delivery(): Promise<Delivery> {
    const other = pick([...overheard, { submissionId: random.uuid(), payload: bytes(100) }])
    const own = options.ownSlots()
    const kinds: readonly (() => Delivery | Promise<Delivery>)[] = [
      () => ({ submissionId: random.uuid(), payload: bytes(Math.floor(random.fraction() * 300)) }),
      () => ({ submissionId: random.uuid(), payload: new Uint8Array(SUBMISSION_BYTES_MAX + 1) }),
      () => ({ submissionId: 'not an id', payload: other.payload }),
      () => ({ submissionId: random.uuid(), payload: other.payload.subarray(0, Math.floor(random.fraction() * other.payload.length)) }),
      () => other,
      () => ({ ...other, submissionId: random.uuid() }),
      async () => ({ submissionId: other.submissionId, payload: encodeSubmission(await forged(own.length > 0 ? own : [1 as SlotId])) }),
      async () => ({ submissionId: random.uuid(), payload: encodeSubmission(await forged([1, 2, 999] as SlotId[])) }),
      async () => ({ submissionId: random.uuid(), payload: encodeSubmission(await forged(own.length > 0 ? own : [2 as SlotId])) }),
    ]
    return pick(kinds)()
  }

  type Link = Awaited<ReturnType<Awaited<ReturnType<World['links']['createSubmissionDialer']>>['dial']>>

  async function dial(): Promise<Link> {
    const dialer = await world.links.createSubmissionDialer({ identity: identity(66) })
    return dialer.dial(options.address, new AbortController().signal)
  }

  /** Not waited for. */
  function send(link: Link, delivery: Delivery): void {
    const answered = link.send(delivery).then((receipt) => {
      if (receipt !== 'unacknowledged') options.onAnswer(receipt, decodeSubmission(delivery.payload))
    })
    answered.catch(expectOutage)
  }

  async function vote(projectIds: readonly ProjectId[], own = options.ownSlots()): Promise<void> {
    if (own.length === 0) return
    const link = await dial()
    for (const projectId of projectIds) {
      const submission = await valid(pick(own), projectId)
      if (submission !== undefined) send(link, { submissionId: random.uuid(), payload: encodeSubmission(submission) })
    }
  }

  async function burst(count: number): Promise<void> {
    const link = await dial()
    for (let sent = 0; sent < count; sent += 1) {
      const { submissionId, payload } = await delivery()
      // Most of it goes straight to the sequencer, some of it to a collector, which takes what has the form of a submission.
      const submission = random.fraction() < 0.2 ? decodeSubmission(payload) : undefined
      if (submission === undefined) send(link, { submissionId, payload })
      else
        world.grpc
          .createSubmissionClient({ endpoint: pick(options.endpoints) })
          .submitSnapshot(submission, { timeoutMs: 5_000 })
          .catch(expectOutage)
    }
  }

  return {
    address: options.signer.address,
    hear: (delivery: Overheard) => overheard.push(delivery),
    /** Resolves when all is sent that could be. */
    burst: (count: number): Promise<void> => burst(count).catch(expectOutage),
    /** Each project twice, with other data each time. */
    voteTwice: (count: number): Promise<void> =>
      vote(Array.from({ length: count }, () => pick(options.projects)).flatMap((projectId) => [projectId, projectId])).catch(expectOutage),
    /** Its own, and one in the name of a slot whose key it has not. */
    async voteOnMadeUp(count: number): Promise<void> {
      await vote(Array.from({ length: count }, () => madeUpProject())).catch(expectOutage)
      await vote([madeUpProject()], [1 as SlotId]).catch(expectOutage)
    },
  }
}

/** Nobody owes a hostile peer a working network. */
function expectOutage(failure: unknown): void {
  if (!isWeftError(failure) || failure.kind !== 'transient') throw failure
}
