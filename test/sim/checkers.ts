import type { Batch, BatchedSubmission } from '#domain/batch.ts'
import { isEpochOver } from '#domain/epoch.ts'
import { isWeftError } from '#domain/errors.ts'
import { type Address, byCodeUnit, type Cid, type EpochId, type ProjectId, type SlotId } from '#domain/ids.ts'
import { isProjectOver } from '#domain/project.ts'
import { isTaken } from '#domain/rejection.ts'
import type { Submission } from '#domain/submission.ts'
import type { AnchoredBatch, AnchoredWithProjects } from '#io/chain/port.ts'
import { recoverer } from '#io/keys/secp256k1.ts'
import { type StepResult, verify } from '#roles/consumer/verify.ts'
import { decodeBallot } from '#roles/sequencer/intake/ballot.ts'
import { voteKey } from '#roles/sequencer/keys.ts'
import { createLedger, type EpochEntry } from '#roles/sequencer/ledger.ts'
import { openRecords } from '#roles/snapshotter/records.ts'
import { BATCH_BYTES_MAX, decodeBatch, encodeBatch } from '#wire/batch-json.ts'
import { JSON_BYTES_MAX } from '#wire/canonical-json.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { createSubmissionHasher, parseSignature } from '#wire/eip712.ts'
import { createTree, publishedRoot } from '#wire/merkle.ts'
import { isBatchCid } from '#wire/batch-file.ts'
import { BLOCK_TIME_MS, PROJECTS_PER_BATCH } from '../journey/cast.ts'
import { checkAggregates, createAgreement } from './aggregates.ts'
import { checkCounts } from './counts.ts'
import { isMisnaming, isStubborn, lying } from './lie.ts'
import type { Promised, Violation } from './promises.ts'
import { outboxKey } from './safety.ts'
import { rulesOf } from './plan.ts'
import type { Run } from './simulation.ts'
import { eventName } from './witness.ts'

/** Longer than a proof waits for files that nobody serves. */
const PROOF_LIMIT_MS = 180_000
/** The witness looks at the chain in steps of this, so its times are late by as much. */
const STEP_SLACK_MS = 1_000

/** What must be true of a run that has become quiet. `safety.ts` looks while it runs. Each says what it found broken, in words. */

interface PlannedFile {
  readonly batchCid: Cid
  readonly file: Batch
}

/** An epoch as it is known from the sequencer's disk and from the chain, each asked by itself. */
interface EpochFacts {
  readonly epochId: EpochId
  readonly record: EpochEntry | undefined
  /** The files that were planned, in order. */
  readonly planned: readonly PlannedFile[]
  /** The files that take the place of what validators refuted. */
  readonly corrections: readonly PlannedFile[]
  readonly anchored: readonly AnchoredWithProjects[]
}

type Report = (found: string) => void

export async function check(run: Run, proving: typeof verify = verify): Promise<readonly Violation[]> {
  const violations: Violation[] = []
  const of =
    (promise: Promised): Report =>
    (found) =>
      violations.push({ promise, found })
  run.witness.look()
  const epochs = await readEpochs(run)
  checkReceipts(run, epochs, of('G1'))
  checkSuccesses(run, of('G1'))
  await checkRecomputed(run, epochs, of('G2'))
  await checkFetched(run, epochs, of('G3'))
  checkVotes(epochs, of('G5'))
  checkDisputes(epochs, of('G9'))
  for (const { machine, failure } of run.failures) of('G7')(`${machine} ended: ${told(failure)}`)
  await checkProofs(run, { epochs, proving }, of('G8'))
  checkAgreed(run, epochs, of('G10'))
  checkEnds(run, epochs, of('G9'))
  await checkCounts(run, of('G4'))
  await checkRecords(run, epochs, of('G9'))
  checkCalm(run, epochs, of('G9'))
  checkAggregates(run, epochs.length as EpochId, of('G12'))
  await checkHonest(run, epochs, of('honest'))
  return violations
}

export const told = (failure: unknown): string => (failure instanceof Error ? (failure.stack ?? failure.message) : String(failure))

async function readEpochs({ world: { chain, ipfs, clock }, cast, misnamed }: Run): Promise<readonly EpochFacts[]> {
  const ledger = createLedger({ epochsKept: 1_000 }, { store: cast.sequencer.disk() })
  const { epochId: last } = await chain.currentEpoch()
  const facts: EpochFacts[] = []
  for (let epochId = 1 as EpochId; epochId <= last; epochId = (epochId + 1) as EpochId) {
    const record = ledger.get(epochId)
    const onChain = await Promise.all((await chain.batchCids(epochId)).map((batchCid) => chain.batch(epochId, batchCid)))
    const files = ledger.plans(epochId).map(({ batchCid, file }) => ({ batchCid, file: decodeBatch(file) as Batch }))
    const anchored = onChain.map((batch) => named(batch as AnchoredBatch, files))
    const sealedWith = files.findIndex((_, index) => record?.batches[index]?.round !== undefined)
    const from = sealedWith < 0 ? files.length : sealedWith
    // What validators sent in the sequencer's place.
    const others: PlannedFile[] = []
    for (const { batchCid } of anchored) {
      if (files.some((file) => file.batchCid === batchCid) || isMisnamed({ epochId, batchCid }, misnamed)) continue
      const reading = ipfs.node('consumer').get(batchCid, { bytesMax: BATCH_BYTES_MAX, timeoutMs: 5_000 })
      others.push({ batchCid, file: decodeBatch(await clock.runUntil(reading, { limitMs: 10_000 })) as Batch })
    }
    facts.push({
      epochId,
      record,
      planned: files.slice(0, from),
      corrections: [...files.slice(from), ...others],
      anchored,
    })
  }
  return facts
}

const isMisnamed = ({ epochId, batchCid }: { readonly epochId: EpochId; readonly batchCid: Cid }, misnamed: Run['misnamed']): boolean =>
  misnamed.has(`${epochId} ${batchCid}`)

/** With its projects, which of one that is anchored by its roots only the file tells. */
function named(batch: AnchoredBatch, files: readonly PlannedFile[]): AnchoredWithProjects {
  if (batch.projectIds !== undefined) return batch
  const file = files.find(({ batchCid }) => batchCid === batch.batchCid)?.file
  const { projectsRootHash: _, ...head } = batch
  return { ...head, projectIds: file?.projectIds ?? [], snapshotCids: file?.snapshotCids ?? [] }
}

/** What the chain says of the project; where batches are anchored by their roots, through the file of the batch that is final. */
async function statusIn(
  { plan, world: { chain } }: Run,
  { epochId, anchored }: EpochFacts,
  projectId: ProjectId,
): Promise<Awaited<ReturnType<Run['world']['chain']['snapshotStatus']>>> {
  if (plan.anchoring === 'projects') return chain.snapshotStatus(projectId, epochId)
  const batch = anchored.find(({ isFinalized, projectIds }) => isFinalized && projectIds.includes(projectId))
  const snapshotCid = batch?.snapshotCids[batch.projectIds.indexOf(projectId)]
  return snapshotCid === undefined ? { status: 'absent', snapshotCid: '' as Cid } : { status: 'finalized', snapshotCid }
}

const voteName = (epochId: number, projectId: string, slotId: number): string => `${epochId} ${projectId} ${slotId}`

/** What the planned batches count, by vote. */
function votesIn(epochs: readonly EpochFacts[]): ReadonlyMap<string, Cid> {
  return new Map(
    epochs.flatMap(({ epochId, planned }) =>
      planned.flatMap(({ file }) =>
        file.submissions.map(({ submission: { request } }): [string, Cid] => [
          voteName(epochId, request.projectId, request.slotId),
          request.snapshotCid,
        ]),
      ),
    ),
  )
}

/**
 * Every vote with a receipt is in the epoch's batches, if its window has a block that it names. If a reorganisation has taken that block, it is there
 * as it was given again, or it is written down where it was given that it did not get through.
 */
function checkReceipts(run: Run, epochs: readonly EpochFacts[], report: Report): void {
  const { receipts, cast, witness, plan } = run
  const votes = votesIn(epochs)
  for (const { receipt, submission } of receipts) {
    const { epochId, projectId, slotId, snapshotCid } = submission.request
    if (epochId === 0 || !isTaken(receipt.code)) continue
    const about = `${receipt.code} receipt ${receipt.submissionId} (epoch ${epochId}, slot ${slotId}, ${projectId})`
    const kept = cast.sequencer.disk().durable(voteKey(epochId, projectId, slotId))
    if (kept === undefined) {
      report(`${about} is not on the sequencer's disk any more`)
      continue
    }
    const ballot = decodeBallot(kept)
    const isReplaced = ballot.submission.request.snapshotCid !== snapshotCid
    if (isReplaced) {
      if (!witness.isGone(submission.header)) report(`${about} has given way to another`)
      continue
    }
    const block = witness.block(ballot.submission.header)
    const release = epochs[epochId - 1]?.record?.release
    if (block === undefined && !witness.isGone(ballot.submission.header)) report(`${about} names a block that never was`)
    if (votes.get(voteName(epochId, projectId, slotId)) === snapshotCid) continue
    if (block === undefined) {
      if (!isToldLost(submission, run)) report(`${about} is in no batch, the block that it names is gone, and nobody says so`)
      continue
    }
    if (isTooFew(submission, run)) continue
    const counts = release !== undefined && block.number >= release.number && block.number <= release.number + plan.windows.snapshot
    if (counts) report(`${about} is in no batch`)
  }
}

/** Whether fewer slots agreed, by what collectors were answered, than the market asks for: then the vote is in no batch. Hostile slots ask nobody. */
function isTooFew({ request: { epochId, projectId, snapshotCid } }: Submission, { receipts, plan, dishonestSlots, witness }: Run): boolean {
  const { minVotes, minShareBp } = plan.tally
  const taken = receipts.filter(({ receipt, submission: { request } }) => request.epochId === epochId && isTaken(receipt.code))
  const alike = taken.filter(({ submission: { request } }) => request.projectId === projectId && request.snapshotCid === snapshotCid)
  // One whose block a reorganisation took counts for nothing.
  const counting = alike.filter(({ submission }) => witness.block(submission.header) !== undefined)
  const votes = new Set(counting.map(({ submission }) => submission.request.slotId)).size
  const slots = new Set([...taken.map(({ submission }) => submission.request.slotId), ...dishonestSlots]).size
  return votes < minVotes || votes * 10_000 < minShareBp * slots
}

/** Whether snapshotter or collector know that the vote does not count; who has no such machine, or lost the slot, gives nothing again. */
function isToldLost(submission: Submission, { cast, plan, dishonestSlots }: Run): boolean {
  const { epochId, slotId, projectId } = submission.request
  const seat = [...plan.honestSeats, plan.lyingSlots].findIndex((slots) => slots.includes(slotId))
  const giver = cast.snapshotters[seat]
  if (giver === undefined || (dishonestSlots.has(slotId) && !plan.lyingSlots.includes(slotId))) return true
  const records = openRecords(giver.disk())
  if (records.epoch(epochId)?.state === 'undone' || records.project(epochId, projectId)?.reason !== undefined) return true
  return cast.collectors.some((collector) => {
    const { state, lastCode } = outboxNote(collector.disk().durable(outboxKey(submission)))
    return state !== undefined && state !== 'acknowledged' && state !== 'queued' && lastCode !== undefined
  })
}

/** The first line of a value is the collector's note, as its README says. */
const outboxNote = (value: Uint8Array | undefined): { readonly state?: string; readonly lastCode?: string } =>
  value === undefined ? {} : (JSON.parse(new TextDecoder().decode(value).split('\n')[0] as string) as ReturnType<typeof outboxNote>)

/** Whatever a collector took has an end on its disk. */
function checkSuccesses({ successes, cast, dishonestSlots }: Run, report: Report): void {
  for (const { endpoint, submission, isHostile } of successes) {
    const collector = cast.collectors[cast.endpoints.indexOf(endpoint)] as (typeof cast.collectors)[number]
    const { epochId, slotId, projectId } = submission.request
    const { state, lastCode } = outboxNote(collector.disk().durable(outboxKey(submission)))
    const about = `${collector.name} took epoch ${epochId}, slot ${slotId}, ${projectId}`
    if (state === undefined || state === 'queued' || lastCode === undefined) report(`${about}; on its disk it is ${state ?? 'nowhere'}`)
    else if (state !== 'acknowledged' && !isHostile && !dishonestSlots.has(slotId) && !['window_closed', 'too_old'].includes(lastCode))
      report(`${about}, a vote with nothing wrong, and it ended as ${state}, ${lastCode}`)
  }
}

/** Batches again, from their submissions alone and with code of our own where the rule is short enough to be written twice. */
async function checkRecomputed({ world, plan, misnamed }: Run, epochs: readonly EpochFacts[], report: Report): Promise<void> {
  const hasher = createSubmissionHasher(world.chain)
  const signerOf = ({ request, signature }: Submission): Address =>
    recoverer.recover(hasher.digest(request), parseSignature(signature) as Uint8Array) as Address
  for (const { epochId, planned, corrections, anchored } of epochs) {
    const again = await recompute(
      planned.flatMap(({ file }) => file.submissions),
      signerOf,
    )
    for (const { batchCid, file } of corrections) {
      const [own] = await recompute(file.submissions, signerOf)
      const isSame = own?.projectIds.join() === file.projectIds.join() && own.snapshotCids.join() === file.snapshotCids.join()
      if (isSame) again.push({ ...own, batchCid })
      else report(`epoch ${epochId}: ${batchCid}, which corrects another, says something else than its submissions`)
    }
    const wanted = [...planned, ...corrections].map(({ batchCid }) => batchCid)
    if (again.map(({ batchCid }) => batchCid).join() !== wanted.join()) report(`epoch ${epochId}: recomputed batches have other CIDs`)
    for (const batch of anchored) {
      if (isMisnamed({ epochId, batchCid: batch.batchCid }, misnamed)) continue
      const own = again.find(({ batchCid }) => batchCid === batch.batchCid)
      const honest = own && { kind: 'submitSubmissionBatch' as const, epochId, ...own, rootHash: publishedRoot(own.snapshotCids) }
      // Where the plan has the sequencer lie, it is that lie and no other, or what corrects it.
      const expected = honest && [honest, ...(plan.lie === undefined ? [] : [lying(plan.lie)(honest) as typeof honest])]
      const isSame = expected?.some(
        ({ projectIds, snapshotCids, rootHash }) =>
          projectIds.join() === batch.projectIds.join() && snapshotCids.join() === batch.snapshotCids.join() && rootHash === batch.rootHash,
      )
      if (isSame !== true) report(`epoch ${epochId}: ${batch.batchCid} on chain is not what its submissions give`)
    }
  }
}

async function recompute(submissions: readonly BatchedSubmission[], signerOf: (submission: Submission) => Address) {
  const ordered = submissions.toSorted(
    ({ submission: { request: left } }, { submission: { request: right } }) =>
      byCodeUnit(left.projectId, right.projectId) || left.slotId - right.slotId,
  )
  const projects = [...Map.groupBy(ordered, ({ submission }) => submission.request.projectId)]
  const tree = createTree()
  const batches: { batchCid: Cid; projectIds: ProjectId[]; snapshotCids: Cid[] }[] = []
  for (let from = 0; from < projects.length; from += PROJECTS_PER_BATCH) {
    const part = projects.slice(from, from + PROJECTS_PER_BATCH)
    const votes = part.flatMap(([, one]) => one)
    tree.append(votes.map(({ submissionId }) => submissionId))
    const projectIds = part.map(([projectId]) => projectId)
    const snapshotCids = part.map(([, one]) =>
      winner(
        one.map(({ submission }) => submission),
        signerOf,
      ),
    )
    const file = encodeBatch({ submissions: votes, submissionsRoot: tree.publishedRoot(), projectIds, snapshotCids })
    batches.push({ batchCid: await snapshotCidOf(file), projectIds, snapshotCids })
  }
  return batches
}

/** Most slots, then most signers, then the smallest CID. */
function winner(submissions: readonly Submission[], signerOf: (submission: Submission) => Address): Cid {
  const sides = [...Map.groupBy(submissions, ({ request }) => request.snapshotCid)].map(([cid, side]) => ({
    cid,
    slots: new Set(side.map(({ request }) => request.slotId)).size,
    signers: new Set(side.map(signerOf)).size,
  }))
  const [first] = sides.sort((left, right) => right.slots - left.slots || right.signers - left.signers || byCodeUnit(left.cid, right.cid))
  return (first as (typeof sides)[number]).cid
}

/** What each of the snapshotters has recorded for the project, if anything. */
function cidsOf(
  machines: Run['cast']['snapshotters'],
  { epochId, projectId }: { readonly epochId: EpochId; readonly projectId: ProjectId },
): Cid[] {
  return machines.flatMap((machine) => {
    const snapshotCid = openRecords(machine.disk()).project(epochId, projectId)?.snapshotCid
    return snapshotCid === undefined ? [] : [snapshotCid]
  })
}

/** A stranger's node gets every batch that was ever announced, and all final data that a snapshotter made; who invents a CID has no data. */
async function checkFetched(run: Run, epochs: readonly EpochFacts[], report: Report): Promise<void> {
  const { world, witness, cast, projects } = run
  const node = world.ipfs.node('consumer')
  const made = new Set(epochs.flatMap(({ epochId }) => projects.flatMap((projectId) => cidsOf(cast.snapshotters, { epochId, projectId }))))
  const named = epochs.flatMap(({ anchored }) => anchored.filter(({ isFinalized }) => isFinalized).flatMap((batch) => batch.snapshotCids))
  const final = named.filter((cid) => made.has(cid))
  for (const cid of named) if (!made.has(cid) && !run.invented.has(cid)) report(`${cid} is final, and nobody ever said it`)
  const announced = [...witness.broadcast.values()].flatMap(({ call }) => {
    if (call.kind === 'submitRootOnlyBatches') return call.batches.map(({ batchCid }) => batchCid)
    return call.kind === 'submitSubmissionBatch' ? [call.batchCid] : []
  })
  const wanted = [
    ...announced
      .filter((cid) => !run.withheld.has(cid) && isBatchCid(cid))
      .map((cid) => ({ cid, what: 'batch', bytesMax: BATCH_BYTES_MAX })),
    ...final.map((cid) => ({ cid, what: 'final snapshot', bytesMax: JSON_BYTES_MAX })),
  ]
  for (const { cid, what, bytesMax } of wanted) {
    try {
      await world.clock.runUntil(node.get(cid, { bytesMax, timeoutMs: 5_000 }), { limitMs: 10_000 })
    } catch (failure) {
      if (!isWeftError(failure)) throw failure
      report(`${what} ${cid}: ${failure.code}`)
    }
  }
}

function checkVotes(epochs: readonly EpochFacts[], report: Report): void {
  for (const { epochId, planned, corrections } of epochs) {
    for (const files of [planned, ...corrections.map((correction) => [correction])]) checkVotesOf(epochId, files, report)
  }
}

function checkVotesOf(epochId: EpochId, files: readonly PlannedFile[], report: Report): void {
  const seen = new Set<string>()
  const ids = new Set<string>()
  for (const { submission, submissionId } of files.flatMap(({ file }) => file.submissions)) {
    const name = voteName(epochId, submission.request.projectId, submission.request.slotId)
    if (seen.has(name)) report(`two votes: ${name}`)
    if (ids.has(submissionId)) report(`two submissions with id ${submissionId}`)
    if (submission.request.epochId !== epochId) report(`${name} is a vote for epoch ${submission.request.epochId}`)
    seen.add(name)
    ids.add(submissionId)
  }
}

/** The rounds that the contract gives an epoch beside that of its release. */
const ROUNDS = 3

/** Disagreement ends: in so many rounds, and never with two batches that are final for one project. */
export function checkDisputes(epochs: readonly Pick<EpochFacts, 'epochId' | 'record' | 'anchored'>[], report: Report): void {
  for (const { epochId, record, anchored } of epochs) {
    const rounds = new Set(record?.batches.flatMap(({ round }) => round ?? []))
    if (rounds.size > ROUNDS) report(`epoch ${epochId} was corrected in ${rounds.size} rounds`)
    const final = new Map<ProjectId, Cid>()
    for (const { batchCid, isFinalized, projectIds } of anchored) {
      if (!isFinalized) continue
      for (const projectId of projectIds) {
        const other = final.get(projectId)
        if (other !== undefined && other !== batchCid) report(`${projectId} of epoch ${epochId} is final in ${other} and in ${batchCid}`)
        final.set(projectId, batchCid)
      }
    }
  }
}

interface Proving {
  readonly epochs: readonly EpochFacts[]
  readonly proving: typeof verify
}

/** A consumer's proof of everything that is final and that somebody has made, and of nothing that is not: what validators refused or have not decided. */
async function checkProofs(run: Run, { epochs, proving }: Proving, report: Report): Promise<void> {
  const { world, projects, cast } = run
  const ipfs = world.ipfs.node('consumer')
  for (const facts of epochs) {
    const { epochId, planned } = facts
    for (const projectId of projects) {
      const { status, snapshotCid } = await statusIn(run, facts, projectId)
      const isMade = cidsOf(cast.snapshotters, { epochId, projectId }).includes(snapshotCid as Cid)
      const failed = await world.clock.runUntil(
        firstFailure(
          proving(
            { projectId, epochId, rules: async () => rulesOf(run.plan), signal: new AbortController().signal },
            { chain: world.chain, ipfs, clock: world.clock, recoverer },
          ),
        ),
        { limitMs: PROOF_LIMIT_MS },
      )
      if (status !== 'finalized') {
        if (failed === undefined) report(`${projectId} of epoch ${epochId} is ${status}, and is proved`)
        continue
      }
      if (!isMade && run.invented.has(snapshotCid)) continue
      // The votes that made it final may name blocks that are no more: nobody can tell any longer that these were ever there.
      const isExcused = failed?.step === 'signatures' || failed?.step === 'tally' ? hasLostHeaders(run, planned, projectId) : false
      if (failed !== undefined && !isExcused)
        report(`${projectId} of epoch ${epochId} is final and cannot be proved: ${failed.step}, ${failed.detail}`)
    }
  }
}

/** Counted once more in the files of what is final; slots whose votes are in no batch are left to the sequencer: with them more is asked for. */
function checkAgreed({ plan, misnamed, invented }: Run, epochs: readonly EpochFacts[], report: Report): void {
  const { minVotes, minShareBp } = plan.tally
  for (const { epochId, planned, corrections, anchored } of epochs) {
    const files = new Map(
      [...planned, ...corrections].map(({ batchCid, file }) => [batchCid, file.submissions.map(({ submission }) => submission)]),
    )
    const slots = new Set([...files.values()].flat().map(({ request }) => request.slotId)).size
    for (const batch of anchored.filter(({ isFinalized }) => isFinalized)) {
      if (isMisnamed({ epochId, batchCid: batch.batchCid }, misnamed))
        report(`what is on chain of epoch ${epochId} as ${batch.batchCid}, which is not its name, is final`)
      for (const [index, projectId] of batch.projectIds.entries()) {
        const cid = batch.snapshotCids[index] as Cid
        const agreed = files.get(batch.batchCid)?.filter(({ request }) => request.projectId === projectId && request.snapshotCid === cid)
        const votes = new Set(agreed?.map(({ request }) => request.slotId)).size
        if (votes < minVotes || votes * 10_000 < minShareBp * slots)
          report(`${projectId} of epoch ${epochId} is final with ${votes} votes, of ${slots} slots`)
        if (plan.availability === 'required' && invented.has(cid)) report(`${cid}, which nobody has, is final`)
      }
    }
  }
}

/** Whether a reorganisation has taken away a block that a vote for the project names. */
function hasLostHeaders({ witness }: Run, planned: EpochFacts['planned'], projectId: ProjectId): boolean {
  const submissions = planned.flatMap(({ file }) => file.submissions).map(({ submission }) => submission)
  return submissions.some(({ request, header }) => request.projectId === projectId && witness.isGone(header))
}

async function firstFailure(steps: AsyncIterable<StepResult>): Promise<StepResult | undefined> {
  for await (const step of steps) if (!step.ok) return step
  return undefined
}

function checkEnds(run: Run, epochs: readonly EpochFacts[], report: Report): void {
  const { cast, unquiet, plan, projects } = run
  if (unquiet !== undefined) report(`never quiet: ${unquiet}`)
  for (const { epochId, record } of epochs) {
    if (record === undefined) {
      report(`the sequencer has no record of epoch ${epochId}`)
      continue
    }
    if (!isEpochOver(record.state) || record.reason === undefined || record.state === 'void')
      report(`epoch ${epochId} is ${record.state}, ${record.reason ?? 'without a reason'}`)
    for (const { projectId, state, reason } of record.projects)
      if (!isProjectOver(state) || reason === undefined) report(`${projectId} of epoch ${epochId} is ${state}`)
    const missing = plan.hasExpectedProjects ? projects.filter((id) => !record.projects.some(({ projectId }) => projectId === id)) : []
    if (missing.length > 0) report(`epoch ${epochId} says nothing of ${missing.join()}`)
    for (const machine of cast.snapshotters) {
      const records = openRecords(machine.disk())
      const own = records.epoch(epochId)
      if (own === undefined || own.state === 'open' || own.state === 'undone')
        report(`${machine.name} has epoch ${epochId} as ${own?.state ?? 'unknown'}`)
      if (own?.state === 'skipped' && !wasAway(run, machine.name, record.release.number))
        report(`${machine.name} skipped epoch ${epochId} and was never away`)
      if (own?.state !== 'done') continue
      for (const projectId of projects) {
        const project = records.project(epochId, projectId)
        const isEnded = project !== undefined && (project.state === 'submitted' || project.reason !== undefined)
        if (!isEnded) report(`${machine.name} has ${projectId} of epoch ${epochId} as ${project?.state ?? 'unknown'}`)
      }
    }
  }
}

/** Whether the machine was off, or the chain could not be reached, at some time from the release to the end of its window. */
function wasAway({ trace, plan }: Run, name: string, releaseBlock: number): boolean {
  const released = trace.events.findLast(
    ({ who, event, facts }) => who === 'chain' && event === 'EpochReleased' && facts['block'] === releaseBlock,
  )
  if (released === undefined) return false
  const [fromMs, toMs] = [released.atMs - STEP_SLACK_MS, released.atMs + plan.windows.snapshot * BLOCK_TIME_MS]
  const isUnreachable = trace.events.some(
    ({ who, event, atMs, facts }) =>
      who === 'fault' && event === 'anchor_unreachable' && atMs < toMs && atMs + Number(facts['forMs']) > fromMs,
  )
  let offMs: number | undefined
  for (const { who, event, atMs } of trace.events) {
    if (who !== name) continue
    if (event === 'power cut' || event === 'ended') offMs ??= atMs
    if (event !== 'started again') continue
    if (offMs !== undefined && offMs < toMs && atMs > fromMs) return true
    offMs = undefined
  }
  return isUnreachable
}

/** What the sequencer's books say of the chain is so. */
async function checkRecords(run: Run, epochs: readonly EpochFacts[], report: Report): Promise<void> {
  const { witness, plan, misnamed } = run
  const { chain } = run.world
  for (const facts of epochs) {
    const { epochId, record, planned, anchored } = facts
    if (record?.state === 'ended') {
      const lost = planned.filter(({ batchCid }) => !anchored.some((batch) => batch.batchCid === batchCid))
      const isTold =
        record.batches.filter(({ isAnchored, round }) => !isAnchored && round === undefined).length === lost.length &&
        record.reason !== 'all_batches_anchored'
      if (lost.length > 0 && !isTold)
        report(`epoch ${epochId} is ended, ${record.reason}, and ${lost.length} of its batches are not on chain`)
      if (!(await chain.isEpochEnded(epochId))) report(`epoch ${epochId} is ended, ${record.reason}, and not on chain`)
    }
    // A sequencer that has sent another name takes its own batch for lost.
    if (anchored.some(({ batchCid }) => isMisnamed({ epochId, batchCid }, misnamed))) continue
    for (const { projectId, state, reason, batchCid } of record?.projects ?? []) {
      const { status } = await statusIn(run, facts, projectId)
      // An end is an end: what was final, and was taken back for good, stays so in the books.
      const final =
        plan.anchoring === 'projects'
          ? eventName({ kind: 'SnapshotFinalized', epochId, projectId })
          : eventName({ kind: 'SnapshotBatchFinalized', epochId, batchCid: batchCid ?? '' })
      const isTakenBack = witness.wasUndone(final)
      const isLost = record?.batches.some((batch) => batch.batchCid === batchCid && !batch.isAnchored) === true
      if (isTakenBack && isLost && state === 'finalized' && status !== 'finalized') continue
      if ((state === 'finalized') !== (status === 'finalized'))
        report(`${projectId} of epoch ${epochId} is ${state}, ${reason}; on chain it is ${status}`)
    }
  }
}

/** With nothing wrong any more everything goes well: an epoch released then is final as a whole. */
function checkCalm({ calmEpochs, projects, plan }: Run, epochs: readonly EpochFacts[], report: Report): void {
  for (const [index, epochId] of calmEpochs.entries()) {
    // Reorganisations take releases back, so the epoch of the lie may come late. One that is told once is corrected.
    if (epochId === plan.lie?.epochId && (isStubborn(plan.lie) || isMisnaming(plan.lie))) continue
    const record = epochs[epochId - 1]?.record
    if (record?.reason !== 'all_batches_anchored') report(`calm epoch ${epochId} ended with ${record?.reason ?? 'nothing'}`)
    for (const projectId of projects) {
      // Who lacks the epoch before, which may have been a broken one, cannot say a mean.
      if (index === 0 && projectId.startsWith('mean')) continue
      const project = record?.projects.find((one) => one.projectId === projectId)
      if (project?.state !== 'finalized')
        report(`calm epoch ${epochId}: ${projectId} is ${project?.state ?? 'nowhere'}, ${project?.reason}`)
    }
  }
}

/** Honest snapshotters say the same, and it is what becomes final wherever more of their slots have receipts than there are others. */
async function checkHonest(run: Run, epochs: readonly EpochFacts[], report: Report): Promise<void> {
  const { cast, receipts, projects, dishonestSlots, witness } = run
  const isOwedAlike = createAgreement(run)
  for (const facts of epochs) {
    const { epochId } = facts
    for (const projectId of projects) {
      if (!isOwedAlike(epochId, projectId)) continue
      const said = cidsOf(cast.honest, { epochId, projectId })
      const [honestCid] = said
      if (new Set(said).size > 1) report(`honest snapshotters differ on ${projectId} of epoch ${epochId}`)
      if (honestCid === undefined) continue
      const supporters = new Set<SlotId>()
      for (const { receipt, submission } of receipts) {
        const { request } = submission
        if (request.epochId !== epochId || request.projectId !== projectId || request.snapshotCid !== honestCid) continue
        if (isTaken(receipt.code) && witness.block(submission.header) !== undefined) supporters.add(request.slotId)
      }
      const { status, snapshotCid } = await statusIn(run, facts, projectId)
      if (status === 'finalized' && supporters.size > dishonestSlots.size && snapshotCid !== honestCid)
        report(`${projectId} of epoch ${epochId} is final as ${snapshotCid}, against ${supporters.size} honest slots`)
    }
  }
}
