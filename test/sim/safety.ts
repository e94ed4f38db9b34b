import type { Batch } from '#domain/batch.ts'
import { type Cid, type EpochId, type Hash, namespaceOf } from '#domain/ids.ts'
import { isTaken } from '#domain/rejection.ts'
import type { Receipt, Submission } from '#domain/submission.ts'
import type { SeenTransaction } from '#io/chain/fake/anchor.ts'
import type { FakeCall } from '#io/chain/fake/contract.ts'
import type { BlockRef, Intent } from '#io/chain/port.ts'
import { recoverer } from '#io/keys/secp256k1.ts'
import type { FakeStore } from '#io/store/fake.ts'
import type { StoreWrite } from '#io/store/port.ts'
import { decodeBallot } from '#roles/sequencer/intake/ballot.ts'
import { epochKey, evidencePrefix, planFileKey, plansPrefix, simulatedKey, voteKey } from '#roles/sequencer/keys.ts'
import type { EpochEntry, ProjectEntry } from '#roles/sequencer/ledger.ts'
import type { EpochRecord as OwnEpoch, ProjectRecord as OwnProject } from '#roles/snapshotter/records.ts'
import { guardKey } from '#roles/validator/keys.ts'
import { batchCidOf, fileOf, parseBatchFile } from '#wire/batch-file.ts'
import { createSubmissionHasher, parseSignature } from '#wire/eip712.ts'
import { NAMESPACE } from '../journey/cast.ts'
import type { Promised, Violation } from './promises.ts'
import type { Run } from './simulation.ts'
import { eventName } from './witness.ts'

/**
 * What must never be, looked at whenever it could begin to be: as a role writes, as it asks for a call, as an answer reaches somebody, and
 * at each step. It excuses nothing that the witness has not seen on the chain itself.
 */

/** Second, different votes kept per slot and epoch. */
const EVIDENCE_PER_SLOT_MAX = 4
const decoder = new TextDecoder()
const json = <Value>(bytes: Uint8Array): Value => JSON.parse(decoder.decode(bytes)) as Value

export interface Safety {
  readonly violations: readonly Violation[]
  /** `disk` is still as before the writes. */
  atCommit(machine: string, writes: readonly StoreWrite[], disk: FakeStore): void
  atCalls(machine: string, intents: readonly Intent[], disk: FakeStore): void
  atReceipt(receipt: Receipt, submission: Submission): void
  atHostileAnswer(receipt: Receipt, submission: Submission | undefined): void
  atSuccess(endpoint: string, submission: Submission): void
  /** Transactions that were not there at the last step. */
  atStep(found: readonly SeenTransaction[]): Promise<void>
  atLostDisk(machine: string): void
  /** Ends of batches that the validator has ever written down, by key. */
  recordsOf(machine: string): ReadonlySet<string>
}

type Report = (promise: Promised, found: string) => void

/** The name of what a call does in the world; two transactions that do the same are one too many. `undefined` for what owners do. */
export function effectOf(from: string, call: FakeCall): string | undefined {
  switch (call.kind) {
    case 'releaseEpoch':
      return `release ${call.begin}`
    case 'submitSubmissionBatch':
      return `batch ${call.epochId} ${call.batchCid}`
    case 'submitRootOnlyBatches':
      return `batches ${call.epochId} ${call.batches.map(({ batchCid }) => batchCid).join(' ')}`
    case 'endBatchSubmissions':
      return `end ${call.epochId}`
    case 'submitBatchAttestation':
      return `attest ${call.epochId} ${call.batchCid} ${from}`
    default:
      return undefined
  }
}

export function createSafety(run: Run): Safety {
  const violations: Violation[] = []
  const told = new Set<string>()
  const report: Report = (promise, found) => {
    if (told.has(`${promise} ${found}`)) return
    told.add(`${promise} ${found}`)
    violations.push({ promise, found })
    run.trace.note('checker', promise, { found })
  }
  const books = new Map<string, Book>()
  const bookOf = (machine: string): Book => {
    const known = books.get(machine) ?? createBook(machine, run, report)
    books.set(machine, known)
    return known
  }
  const answers = createAnswers(run, report)
  const calls = createCalls(run, report)
  return {
    violations,
    atCommit: (machine, writes, disk) => bookOf(machine).take(writes, disk),
    atCalls: calls.ask,
    ...answers,
    atLostDisk: (machine) => bookOf(machine).lose(),
    recordsOf: (machine) => bookOf(machine).records,
    async atStep(found) {
      calls.see(found)
      await calls.settled()
      for (const collector of run.cast.collectors) {
        const { open } = collector.current().stats()
        if (collector.isOn() && open > run.plan.limits.outboxMax)
          report('G7', `${collector.name} holds ${open} deliveries, and may hold ${run.plan.limits.outboxMax}`)
      }
    },
  }
}

// --- what is written ------------------------------------------------------------------------------------------------

/** What one machine writes down: each change is one that may be. */
interface Book {
  readonly records: ReadonlySet<string>
  take(writes: readonly StoreWrite[], disk: FakeStore): void
  lose(): void
}

function createBook(machine: string, run: Run, report: Report): Book {
  const records = new Set<string>()
  /** Of the sequencer, by epoch: where the release lies of which something is left to happen. */
  const unfinished = new Map<EpochId, number>()
  const votesPerSlot = new Map<string, Set<string>>()
  /** Keys of the commit that is looked at. */
  let writing: ReadonlySet<string> = new Set()
  const say = (promise: Promised, found: string) => report(promise, `${machine} ${found}`)

  function ofSequencer(write: StoreWrite, before: Uint8Array | undefined, disk: FakeStore): void {
    const { key, value } = write
    if (key.startsWith('vote/')) changeVote(write, before, disk)
    else if (/^(evidence|plan|plan-file)\//.test(key)) {
      // A plan goes with the release that it was made for.
      const isOfOldRelease = value === undefined && key.startsWith('plan') && isVoid(key, disk)
      if (before !== undefined && !isOfOldRelease && !isSame(before, value))
        say(key.startsWith('evidence') ? 'G5' : 'G4', `changes what it wrote under ${key}`)
      const [, slot = '', count = ''] = key.split(' ')
      if (key.startsWith('evidence/') && Number(count) >= EVIDENCE_PER_SLOT_MAX)
        say('G7', `keeps more evidence of slot ${Number(slot)} than it may`)
    } else if (key.startsWith('epoch/') && value !== undefined) {
      const record = json<EpochEntry>(value)
      changeEpoch(record, before === undefined ? undefined : json<EpochEntry>(before))
      if (['ended', 'missed', 'void'].includes(record.state) && record.projects.every(({ state }) => isEnd(state)))
        unfinished.delete(record.epochId)
      else unfinished.set(record.epochId, record.release.number)
    }
  }

  function isVoid(planKey: string, disk: FakeStore): boolean {
    const entry = disk.get(epochKey(Number(planKey.split(/[ /]/)[1]) as EpochId))
    return entry !== undefined && run.witness.isGone(json<EpochEntry>(entry).release.hash)
  }

  function changeVote({ key, value }: StoreWrite, before: Uint8Array | undefined, disk: FakeStore): void {
    if (value === undefined) {
      say('G1', `removes ${key}`)
      return
    }
    const { submission } = decodeBallot(value)
    if (before === undefined) {
      const { epochId, slotId } = submission.request
      const votes = votesPerSlot.get(`${epochId} ${slotId}`) ?? new Set()
      // What was not durable when the power went was never there.
      const kept = [...votes].filter((other) => other !== key && (disk.get(other) !== undefined || writing.has(other)))
      votesPerSlot.set(`${epochId} ${slotId}`, votes.add(key))
      const count = kept.length + 1
      if (count > run.plan.limits.projectsPerSlotMax) say('G7', `takes vote ${count} of slot ${slotId} for epoch ${epochId}`)
      return
    }
    const first = decodeBallot(before).submission
    run.witness.look()
    if (!run.witness.isGone(first.header)) say('G5', `replaces ${key}, though its block ${first.header} is on the chain`)
  }

  function changeEpoch(record: EpochEntry, before: EpochEntry | undefined): void {
    const { epochId, state } = record
    run.witness.look()
    const isUndone = before !== undefined && run.witness.isGone(before.release.hash)
    const steps = before === undefined ? ['released'] : [before.state, ...(EPOCH_STEPS[before.state] ?? [])]
    if (!steps.includes(state)) say('G9', `takes epoch ${epochId} from ${before?.state ?? 'nothing'} to ${state}`)
    if (state === 'void' && !isUndone) say('G9', `voids epoch ${epochId}, though its release is on the chain`)
    // Where the release lies now: it may have moved while nobody was there to write it down.
    const releaseBlock = run.witness.releases().get(epochId)?.number ?? record.release.number
    if (state === 'closed' && before?.state === 'released' && run.witness.highest() <= releaseBlock + run.plan.windows.snapshot)
      say('G9', `closes epoch ${epochId} before its window is over`)
    for (const project of record.projects)
      changeProject(
        record,
        project,
        before?.projects.find(({ projectId }) => projectId === project.projectId),
      )
  }

  function changeProject(
    { epochId, release }: EpochEntry,
    { projectId, state, reason, batchCid }: ProjectEntry,
    before: ProjectEntry | undefined,
  ): void {
    const about = `${projectId} of epoch ${epochId}`
    // Another batch may take the place of what a majority refuted.
    const isSentAgain = before?.state === 'disputed' && ['batched', 'pending'].includes(state)
    if (before !== undefined && !isSentAgain && PROJECT_ORDER.indexOf(state) < PROJECT_ORDER.indexOf(before.state))
      say('G9', `takes ${about} from ${before.state} back to ${state}`)
    if (before !== undefined && isEnd(before.state) && (state !== before.state || reason !== before.reason))
      say('G9', `changes the end of ${about} from ${before.state}, ${before.reason}, to ${state}, ${reason}`)
    const isSaid =
      run.plan.anchoring === 'projects'
        ? run.witness.hasHappened(`SnapshotFinalized ${epochId} ${projectId}`)
        : run.witness.hasHappened(`SnapshotBatchFinalized ${epochId} ${batchCid}`)
    if (state === 'finalized' && !isSaid) say('G9', `calls ${about} final, which the chain never said`)
    if (reason === 'attestations_missing' && run.witness.highest() <= release.number + run.plan.windows.attestation)
      say('G9', `gives ${about} up while validators may still attest it`)
  }

  function ofValidator({ key, value }: StoreWrite, before: Uint8Array | undefined): void {
    if (key.startsWith('guard/') && before !== undefined && !isSame(before, value)) say('G6', `changes ${key}`)
    if (key.startsWith('batch/')) {
      if (before !== undefined && !isSame(before, value)) say('G9', `changes its record ${key}`)
      records.add(key.slice('batch/'.length))
    }
    if (key === 'cursor' && value !== undefined) checkValidatorCursor(json<number>(value))
  }

  /** Whatever was released below the cursor is never looked at again. */
  function checkValidatorCursor(cursor: number): void {
    for (const { block, events } of run.world.chain.blocks()) {
      for (const event of events) {
        if (event.kind !== 'SnapshotBatchSubmitted') continue
        const release = run.witness.releases().get(event.epochId)
        const key = `${String(event.epochId).padStart(16, '0')} ${event.batchCid}`
        if (release !== undefined && release.number < cursor && block.number <= cursor && !records.has(key) && !isBeforeLoss(release))
          say('G9', `moves its cursor to ${cursor}, past batch ${event.batchCid} of epoch ${event.epochId}, which has no end`)
      }
    }
  }

  /** A validator whose disk was lost begins one attestation window below the head. */
  let lostAt: number | undefined
  const isBeforeLoss = (release: BlockRef): boolean => lostAt !== undefined && release.number < lostAt

  function ofSnapshotter({ key, value }: StoreWrite, before: Uint8Array | undefined, writes: readonly StoreWrite[]): void {
    if (key.startsWith('block/') && value !== undefined) {
      run.witness.look()
      for (const epochId of run.witness.releasedIn(json<BlockRef>(value).hash)) {
        const isThere = writes.some(
          (write) => write.key.startsWith('epoch/') && write.value !== undefined && json<OwnEpoch>(write.value).epochId === epochId,
        )
        if (!isThere) say('G9', `moves its cursor past the release of epoch ${epochId} and does not write the epoch down`)
      }
    }
    if (!key.startsWith('project/') || value === undefined || before === undefined) return
    const [was, is] = [json<OwnProject>(before), json<OwnProject>(value)]
    if (was.snapshotCid !== undefined && is.snapshotCid !== was.snapshotCid)
      say('G5', `has signed ${was.snapshotCid} and now says ${is.snapshotCid} for ${key}`)
  }

  function ofCollector({ key, value }: StoreWrite, before: Uint8Array | undefined): void {
    if (value === undefined) {
      say('G1', `forgets ${key}`)
      return
    }
    if (before === undefined) return
    const [was, is] = [noteOf(before), noteOf(value)]
    if (was.state === 'acknowledged' && is.state !== 'acknowledged' && is.header === was.header)
      say('G9', `takes ${key} from acknowledged back to ${is.state}`)
    if (was.state === 'queued' && is.submissionId !== was.submissionId) say('G4', `gives ${key} another id while it waits`)
  }

  return {
    records,
    take(writes, disk) {
      writing = new Set(writes.map(({ key }) => key))
      for (const write of writes) {
        const before = disk.get(write.key)
        if (write.key.startsWith('intent/') && before !== undefined && !isSameCall(before, write.value))
          say('G4', `makes another call under ${write.key}`)
        if (machine === 'sequencer') ofSequencer(write, before, disk)
        if (machine.startsWith('validator')) ofValidator(write, before)
        if (/^(honest|liar)/.test(machine)) ofSnapshotter(write, before, writes)
        if (machine.startsWith('collector')) ofCollector(write, before)
      }
      const cursor = writes.find(({ key }) => key === 'cursor')?.value
      const isWritten = (epochId: EpochId) => disk.get(epochKey(epochId)) !== undefined || writing.has(epochKey(epochId))
      const oldest = Math.min(...[...unfinished].filter(([epochId]) => isWritten(epochId)).map(([, block]) => block))
      if (machine === 'sequencer' && cursor !== undefined && json<number>(cursor) > oldest)
        say('G9', `moves its cursor to ${json<number>(cursor)}, past an epoch of block ${oldest} that is not over`)
    },
    lose() {
      lostAt = run.witness.highest()
    },
  }
}

const isSame = (left: Uint8Array, right: Uint8Array | undefined): boolean => right !== undefined && Buffer.compare(left, right) === 0

/** The nonce may change with a transaction that was lost; what is called may not. */
function isSameCall(before: Uint8Array, after: Uint8Array | undefined): boolean {
  const callOf = (bytes: Uint8Array) => JSON.stringify(json<{ readonly call: unknown }>(bytes).call)
  return after !== undefined && callOf(before) === callOf(after)
}

/** The first line of a value is the collector's note, as its README says. */
const noteOf = (
  value: Uint8Array,
): { readonly state: string; readonly submissionId: string; readonly header: string; readonly lastCode?: string } =>
  JSON.parse(decoder.decode(value).split('\n')[0] as string)

/** Written once more than in the domain: a machine that allows too much must not excuse itself. */
const EPOCH_STEPS: Readonly<Record<string, readonly string[]>> = {
  released: ['closed', 'void'],
  closed: ['planned', 'ended', 'missed', 'void', 'released'],
  planned: ['anchored', 'missed', 'void'],
  anchored: ['ended', 'missed', 'void'],
  ended: ['void'],
  missed: ['void'],
  void: ['released'],
}
const PROJECT_ORDER = ['released', 'computed', 'submitted', 'batched', 'pending', 'disputed', 'finalized', 'omitted', 'missed']
const isEnd = (state: string): boolean => ['finalized', 'omitted', 'missed'].includes(state)

// --- what is answered -----------------------------------------------------------------------------------------------

/** At the very instant in which an answer arrives, what it says would outlive a power cut. */
function createAnswers(run: Run, report: Report) {
  const conflicts = new Map<string, number>()

  function checkConflict({ code }: Receipt, { request: { epochId, slotId } }: Submission): void {
    if (code !== 'vote_conflict') return
    const slot = `${evidencePrefix(epochId)}${String(slotId).padStart(16, '0')} `
    const count = Math.min((conflicts.get(slot) ?? 0) + 1, EVIDENCE_PER_SLOT_MAX)
    conflicts.set(slot, count)
    const kept = run.cast.sequencer.disk().durable(`${slot}${String(count - 1).padStart(6, '0')}`)
    if (kept === undefined) report('G5', `slot ${slotId} voted twice in epoch ${epochId}, and of ${count} second votes fewer are kept`)
  }

  return {
    atReceipt(receipt: Receipt, submission: Submission): void {
      const { epochId, projectId, slotId, snapshotCid } = submission.request
      checkConflict(receipt, submission)
      if (!isTaken(receipt.code)) return
      const about = `${receipt.code} receipt ${receipt.submissionId} (epoch ${epochId}, slot ${slotId}, ${projectId})`
      const kept = run.cast.sequencer.disk().durable(epochId === 0 ? simulatedKey(slotId) : voteKey(epochId, projectId, slotId))
      if (kept === undefined) {
        report('G1', `${about} is not on the sequencer's disk`)
        return
      }
      if (epochId === 0) return
      run.witness.look()
      const isThere = decodeBallot(kept).submission.request.snapshotCid === snapshotCid
      // Only a vote whose block is gone may have made room for another before its receipt arrived.
      if (!isThere && !run.witness.isGone(submission.header)) report('G1', `${about} is not on the sequencer's disk, which holds another`)
    },
    atHostileAnswer(receipt: Receipt, submission: Submission | undefined): void {
      if (submission !== undefined) checkConflict(receipt, submission)
    },
    atSuccess(endpoint: string, submission: Submission): void {
      const collector = run.cast.collectors[run.cast.endpoints.indexOf(endpoint)] as Run['cast']['collectors'][number]
      if (collector.disk().durable(outboxKey(submission)) === undefined)
        report(
          'G1',
          `${collector.name} took epoch ${submission.request.epochId}, slot ${submission.request.slotId}, ${submission.request.projectId} and has not written it down`,
        )
    },
  }
}

/** The key is that of the collector's README. */
export function outboxKey({ request: { epochId, slotId, projectId, snapshotCid }, dataMarket }: Submission): string {
  return ['out', String(epochId).padStart(16, '0'), dataMarket.toLowerCase(), slotId, projectId, snapshotCid].join('\t')
}

/** What a vote says, as its guard has it. */
const wordOf = ({ rootHash, contentHash }: Extract<FakeCall, { kind: 'submitBatchAttestation' }>): string =>
  contentHash === undefined ? rootHash : `${rootHash} ${contentHash}`

// --- what is called -------------------------------------------------------------------------------------------------

function createCalls(run: Run, report: Report) {
  const attested = new Map<string, string>()
  const made = new Map<string, string[]>()
  /** As of the last step, each with its block. */
  let mined = new Map<string, Hash>()
  /** Ever: whoever was refused asks anew, and a reorganisation may bring back what was refused. */
  const refused = new Set<string>()
  const judged = new Set<Cid>()
  const ended = new Set<EpochId>()
  let looking: Promise<unknown> = Promise.resolve()

  /** What is asked for is on disk, and a batch where others find it, before it is asked for. */
  function ask(machine: string, intents: readonly Intent[], disk: FakeStore): void {
    for (const { intentId, call } of intents) {
      if (call.kind === 'submitBatchAttestation') {
        const guard = disk.durable(guardKey(call.epochId, call.batchCid))
        if (guard === undefined || decoder.decode(guard) !== wordOf(call))
          report(
            'G6',
            `${machine} attests ${wordOf(call)} for batch ${call.batchCid} of epoch ${call.epochId} without a guard for it on disk`,
          )
      }
      if (call.kind === 'submitSubmissionBatch' && machine === 'sequencer') checkAnchoring(call, Number(intentId.split('/')[2]), disk)
      if (call.kind === 'submitRootOnlyBatches')
        for (const { batchCid } of call.batches)
          checkAnchoring({ epochId: call.epochId, batchCid }, plannedAt(call.epochId, batchCid, disk), disk)
      if (call.kind === 'submitSubmissionBatch' && machine !== 'sequencer') checkStandingIn(machine, call)
      if (call.kind === 'endBatchSubmissions') checkEnding(call.epochId, disk)
    }
  }

  /** A validator sends a batch in a round that a refutation opened, and has it for others. */
  function checkStandingIn(machine: string, { epochId, batchCid }: Extract<FakeCall, { kind: 'submitSubmissionBatch' }>): void {
    run.witness.look()
    const isRefuted = run.trace.events.some(({ event, facts }) => event === 'TriggerBatchResubmission' && facts['epochId'] === epochId)
    if (!isRefuted) report('G9', `${machine} sends batch ${batchCid} of epoch ${epochId}, in which nothing was refuted`)
    looking = Promise.all([looking, run.world.ipfs.node(machine).has(batchCid)]).then(([, isStored]) => {
      if (!isStored) report('G3', `batch ${batchCid} is sent to the chain by ${machine} before it is stored`)
    })
  }

  /** The place of a batch in its plan; one that no plan has for what is not there. */
  function plannedAt(epochId: EpochId, batchCid: Cid, disk: FakeStore): number {
    return disk.scan(plansPrefix(epochId)).findIndex(({ value }) => json<{ readonly batchCid: Cid }>(value).batchCid === batchCid)
  }

  function checkAnchoring(
    { epochId, batchCid }: Pick<Extract<FakeCall, { kind: 'submitSubmissionBatch' }>, 'epochId' | 'batchCid'>,
    index: number,
    disk: FakeStore,
  ): void {
    if (run.misnamed.has(`${epochId} ${batchCid}`)) return
    const planned = disk.durable(planFileKey(epochId, index))
    if (planned === undefined) {
      report('G4', `batch ${batchCid} of epoch ${epochId} is sent before its plan is on disk`)
      return
    }
    if (judged.has(batchCid)) return
    judged.add(batchCid)
    run.witness.look()
    const file = fileOf(planned, batchCid)
    const parsed = parseBatchFile(file, batchCid)
    if (!parsed.ok) {
      report('G2', `the plan of epoch ${epochId} holds no batch`)
      return
    }
    const { batch } = parsed
    run.trace.note('sequencer', 'sends batch', {
      epochId,
      batchCid,
      submissions: batch.submissions.map(({ submissionId }) => submissionId),
    })
    checkVotes(epochId, batch)
    looking = Promise.all([looking, run.world.ipfs.node('sequencer').has(batchCid), batchCidOf(file, batchCid)]).then(
      ([, isStored, cid]) => {
        if (!isStored) report('G3', `batch ${batchCid} is sent to the chain before it is stored`)
        if (cid !== batchCid) report('G4', `batch ${batchCid} of epoch ${epochId} is not the one that was planned`)
      },
    )
  }

  /** The rules of the market, from the chain as the witness knows it and with no code of the sequencer's. */
  function checkVotes(epochId: EpochId, batch: Batch): void {
    const hasher = createSubmissionHasher(run.world.chain)
    const release = run.witness.releases().get(epochId)
    for (const { submission } of batch.submissions) {
      const { request, header, signature } = submission
      const about = `the vote of slot ${request.slotId} for ${request.projectId} in epoch ${epochId}`
      const block = run.witness.block(header)
      if (block === undefined) {
        // A reorganisation after the votes were fixed changes them no more.
        if (!run.witness.isGone(header)) report('G5', `${about} counts and names a block that never was`)
        continue
      }
      if (release !== undefined && (block.number < release.number || block.number > release.number + run.plan.windows.snapshot))
        report('G5', `${about} counts and names block ${block.number}, outside of the window`)
      if (request.epochId !== epochId) report('G5', `${about} is for epoch ${request.epochId}`)
      if (namespaceOf(request.projectId) !== NAMESPACE) report('G5', `${about} is of another market`)
      const parsed = parseSignature(signature)
      const signer = parsed && recoverer.recover(hasher.digest(request), parsed)
      const owner = run.witness.signerAt(request.slotId, block.number)
      if (signer === undefined || signer !== owner)
        report('G5', `${about} counts, is signed by ${signer} and the slot is ${owner ?? 'nobody'}'s`)
    }
  }

  function checkEnding(epochId: EpochId, disk: FakeStore): void {
    if (ended.has(epochId)) return
    ended.add(epochId)
    run.witness.look()
    for (const { value } of disk.scan(`plan/${String(epochId).padStart(16, '0')} `)) {
      const { batchCid } = json<{ readonly batchCid: Cid }>(value)
      if (!run.witness.hasHappened(eventName({ kind: 'SnapshotBatchSubmitted', epochId, batchCid })))
        report('G4', `epoch ${epochId} is ended before batch ${batchCid} is on chain`)
    }
  }

  /** A second transaction for one effect may be made when each before it was refused. A second root never. */
  function see(found: readonly SeenTransaction[]): void {
    for (const { from, call, hash } of found) {
      const effect = effectOf(from, call)
      if (effect === undefined) continue
      const before = made.get(effect) ?? []
      const open = before.filter((other) => !refused.has(other) && run.witness.broadcast.get(other)?.receipt?.reverted === undefined)
      // Whoever has lost the journal of its calls cannot know of one that still waits for a block, or was rewritten away since, but is to ask the chain first.
      const stands = (other: string): boolean => {
        const block = mined.get(other)
        return block !== undefined && !run.witness.isGone(block)
      }
      const isExcused = run.lostDisks.has(run.cast.nameOf(from)) && !open.some(stands)
      if (open.length > 0 && !isExcused) report('G4', `two transactions for ${effect}`)
      made.set(effect, [...before, hash])
      if (call.kind !== 'submitBatchAttestation') continue
      const word = attested.get(effect)
      if (word !== undefined && word !== wordOf(call)) report('G6', `two roots or contents: ${effect}`)
      attested.set(effect, wordOf(call))
    }
    for (const { hash, receipt } of run.witness.broadcast.values()) if (receipt?.reverted !== undefined) refused.add(hash)
    mined = new Map(
      [...run.witness.broadcast.values()].flatMap(({ hash, receipt }) =>
        receipt === undefined || receipt.reverted !== undefined ? [] : [[hash, receipt.block.hash] as const],
      ),
    )
  }

  return { ask, see, settled: () => looking }
}
