import type { Batch } from '#domain/batch.ts'
import { type Address, byCodeUnit, type ProjectId, type SlotId } from '#domain/ids.ts'
import { tally, type Vote } from '#domain/tally.ts'
import type { Recoverer } from '#io/keys/port.ts'
import { encodeCompactBatch, parseCompactBatch } from '#wire/batch-cbor.ts'
import { encodeBatch, parseBatch } from '#wire/batch-json.ts'
import { cidV0Of, dagCborCidOf, isDagCborCid, snapshotCidOf } from '#wire/cid.ts'
import { createSubmissionHasher, parseSignature } from '#wire/eip712.ts'
import { createTree, publishedRoot } from '#wire/merkle.ts'

/** A batch file looked at by itself, of whatever version of the protocol: what it says, and whether it agrees with itself. */

export type BatchCheck =
  | 'form'
  | 'cid'
  | 'structure'
  | 'order'
  | 'written_again'
  | 'submissions_root'
  | 'cids_root'
  | 'signatures'
  | 'tally'

export interface BatchFinding {
  readonly check: BatchCheck
  /** `undefined`: nothing to hold it against, or no fault; it is told all the same. */
  readonly ok: boolean | undefined
  readonly detail: string
}

export interface BatchQuestion {
  readonly bytes: Uint8Array
  /** What it was asked for by; `undefined` of a file. */
  readonly batchCid: string | undefined
  /** Of the anchor chain and its protocol state, over which submissions are signed. */
  readonly domain: { readonly chainId: number; readonly protocolState: Address } | undefined
  /** The epoch's batches before it, in order, where they are known. */
  readonly earlier: readonly Batch[]
}

/** Faults of one kind that are named. */
const NAMED_MAX = 5
/** Any rule: what is voted for most. A market may ask for more. */
const MOST_VOTES = { minVotes: 0, minShareBp: 0 }

/** All that can be said of it; where it has no form, only that. */
export async function* checkBatch(question: BatchQuestion, recoverer: Pick<Recoverer, 'recover'>): AsyncGenerator<BatchFinding, void> {
  const { bytes, batchCid = '', domain, earlier } = question
  const parsed = parsedOf(bytes, batchCid)
  if (typeof parsed === 'string') return yield { check: 'form', ok: false, detail: parsed }
  const { batch, form } = parsed
  yield { check: 'form', ok: true, detail: `${form}, ${batch.submissions.length} submissions, ${batch.projectIds.length} projects` }
  yield await cidOf(bytes, batchCid, form)
  yield structureOf(batch)
  yield orderOf(batch)
  yield writtenAgain(bytes, batch, form)
  yield submissionsRootOf(batch, earlier)
  yield { check: 'cids_root', ok: undefined, detail: `${publishedRoot(batch.snapshotCids)} is what the chain has to have of it` }
  const signers = domain && signersOf(batch, domain, recoverer)
  yield signers === undefined ? UNSIGNED : signatures(batch, signers)
  yield tallied(batch, signers)
}

const UNSIGNED: BatchFinding = {
  check: 'signatures',
  ok: undefined,
  detail: 'not looked at: over which chain id and contract they are is not said',
}
const COMPACT = 'dag-cbor'

/** Of a file nobody has said in which form it is. */
function parsedOf(bytes: Uint8Array, batchCid: string): { readonly batch: Batch; readonly form: string } | string {
  const compact = isDagCborCid(batchCid) || batchCid === '' ? parseCompactBatch(bytes) : undefined
  if (compact?.ok === true) return { batch: compact.batch, form: COMPACT }
  if (compact !== undefined && batchCid !== '') return `it is no batch: ${compact.defect}`
  const json = parseBatch(bytes)
  return json.ok ? { batch: json.batch, form: 'JSON' } : `it is no batch: ${json.defect}`
}

async function cidOf(bytes: Uint8Array, batchCid: string, form: string): Promise<BatchFinding> {
  const names = form === COMPACT ? [await dagCborCidOf(bytes)] : [await snapshotCidOf(bytes), await cidV0Of(bytes)]
  if (batchCid === '') return { check: 'cid', ok: undefined, detail: `${names.join(' or, as older peers add it, ')}` }
  const ok = names.includes(batchCid as (typeof names)[number])
  return { check: 'cid', ok, detail: ok ? batchCid : `the bytes hash to ${names.join(' or ')}, not to ${batchCid}` }
}

/** What is told of a list of faults. */
const told = (faults: readonly string[]): string =>
  faults.length > NAMED_MAX ? `${faults.slice(0, NAMED_MAX).join('; ')} and ${faults.length - NAMED_MAX} more` : faults.join('; ')

function repeated(texts: readonly string[]): string[] {
  const seen = new Set<string>()
  return [...new Set(texts.filter((text) => seen.size === seen.add(text).size))]
}

function structureOf({ submissions, projectIds }: Batch): BatchFinding {
  const requests = submissions.map(({ submission }) => submission.request)
  const [listed, voted] = [new Set(projectIds), new Set(requests.map(({ projectId }) => projectId))]
  const [epochs, markets] = [
    new Set(requests.map(({ epochId }) => epochId)),
    new Set(submissions.map(({ submission }) => submission.dataMarket)),
  ]
  const faults = [
    ...repeated(submissions.map(({ submissionId }) => submissionId)).map((id) => `submission id ${id} twice`),
    ...repeated(projectIds).map((id) => `project ${id} twice`),
    ...[...voted].filter((id) => !listed.has(id)).map((id) => `submissions for ${id}, which is not listed`),
    ...[...listed].filter((id) => !voted.has(id)).map((id) => `no submission for ${id}`),
    ...(epochs.size > 1 ? [`submissions of epochs ${[...epochs].slice(0, NAMED_MAX).join(', ')}`] : []),
  ]
  if (faults.length > 0) return { check: 'structure', ok: false, detail: told(faults) }
  const named = [...markets].map((market) => (market === '' ? 'no market named' : `market ${market}`))
  return { check: 'structure', ok: true, detail: `epoch ${[...epochs].join()}, ${told(named)}` }
}

const isSorted = (texts: readonly string[]): boolean =>
  texts.every((text, at) => at === 0 || byCodeUnit(texts[at - 1] as string, text) <= 0)

/** By which rule submissions and projects stand as they do. Each gives other roots, and verifiers take what they find. */
function orderOf({ submissions, projectIds }: Batch): BatchFinding {
  const requests = submissions.map(({ submission }) => submission.request)
  const runs = requests.map(({ projectId }) => projectId).filter((projectId, at, all) => projectId !== all[at - 1])
  const areSlots = requests.every(
    ({ projectId, slotId }, at) => projectId !== requests[at - 1]?.projectId || slotId >= (requests[at - 1]?.slotId ?? 0),
  )
  const detail =
    isSorted(runs) && isSorted(projectIds)
      ? `by project id${areSlots ? ', then slot' : ', slots as they came'}`
      : repeated(runs).length === 0
        ? 'project by project, projects in no order: as deployed finalizers write'
        : 'none'
  return { check: 'order', ok: undefined, detail }
}

/** Whether somebody who holds the content has the file; older versions wrote other fields. */
function writtenAgain(bytes: Uint8Array, batch: Batch, form: string): BatchFinding {
  const again = form === COMPACT ? encodeCompactBatch(batch) : encodeBatch(batch)
  const at = again.findIndex((byte, index) => byte !== bytes[index])
  if (at < 0 && again.length === bytes.length) return { check: 'written_again', ok: true, detail: 'byte for byte' }
  const from = at < 0 ? Math.min(again.length, bytes.length) : at
  const near = (whole: Uint8Array): string => JSON.stringify(new TextDecoder().decode(whole.subarray(Math.max(0, from - 20), from + 20)))
  return {
    check: 'written_again',
    ok: undefined,
    detail: `differs from byte ${from} on: ${near(bytes)} in the file, ${near(again)} written again`,
  }
}

function submissionsRootOf({ submissions, submissionsRoot }: Batch, earlier: readonly Batch[]): BatchFinding {
  const ids = submissions.map(({ submissionId }) => submissionId)
  const [fresh, continued] = [createTree(), createTree()]
  fresh.append(ids)
  for (const { submissions: before } of earlier) continued.append(before.map(({ submissionId }) => submissionId))
  continued.append(ids)
  const said = submissionsRoot.toLowerCase()
  const is = (words: string): BatchFinding => ({ check: 'submissions_root', ok: true, detail: `${submissionsRoot} (${words})` })
  if (said === fresh.publishedRoot()) return is('fresh tree')
  if (said === continued.publishedRoot()) return is("continues the epoch's tree")
  if (said === `0x${fresh.root().toHex()}`) return is('fresh tree, its root itself, as the oldest batchers wrote')
  const unless = earlier.length === 0 ? ', unless they continue batches that are not given' : ''
  return {
    check: 'submissions_root',
    ok: false,
    detail: `the file says ${submissionsRoot}, its submission ids give ${fresh.publishedRoot()}${unless}`,
  }
}

type Signers = readonly (Address | undefined)[]

function signersOf({ submissions }: Batch, domain: NonNullable<BatchQuestion['domain']>, recoverer: Pick<Recoverer, 'recover'>): Signers {
  const hasher = createSubmissionHasher(domain)
  return submissions.map(({ submission: { request, signature } }) => {
    const parsed = parseSignature(signature)
    return parsed && recoverer.recover(hasher.digest(request), parsed)
  })
}

/** Each is by somebody, and a slot's all by the same: who a slot's signer is, only the chain knows. */
function signatures({ submissions }: Batch, signers: Signers): BatchFinding {
  const ofSlot = new Map<SlotId, Address>()
  const faults: string[] = []
  for (const [index, { submissionId, submission }] of submissions.entries()) {
    const [signer, { slotId }] = [signers[index], submission.request]
    const before = ofSlot.get(slotId)
    if (signer === undefined) faults.push(`${submissionId} of slot ${slotId}: nobody has signed so`)
    else if (before === undefined) ofSlot.set(slotId, signer)
    else if (before !== signer) faults.push(`${submissionId} of slot ${slotId}: signed by ${signer}, others of the slot by ${before}`)
  }
  if (faults.length > 0) return { check: 'signatures', ok: false, detail: told(faults) }
  const people = new Set(ofSlot.values())
  return {
    check: 'signatures',
    ok: true,
    detail: `${submissions.length} of ${ofSlot.size} slots by ${people.size} signers: ${told([...people])}`,
  }
}

/** Most votes win, as far as this file has them: ties and minima are the market's. */
function tallied({ submissions, projectIds, snapshotCids }: Batch, signers: Signers | undefined): BatchFinding {
  const votes = new Map<ProjectId, Vote[]>(projectIds.map((projectId) => [projectId, []]))
  for (const [index, { submission }] of submissions.entries()) {
    const { slotId, snapshotCid, projectId } = submission.request
    const signer = signers === undefined ? ('' as Address) : signers[index]
    if (signer !== undefined) votes.get(projectId)?.push({ slotId, signer, snapshotCid })
  }
  const faults = projectIds.flatMap((projectId, index) => {
    const result = tally(votes.get(projectId) ?? [], MOST_VOTES, 0)
    const won = result.kind === 'finalized' ? result.snapshotCid : undefined
    if (won === snapshotCids[index]) return []
    return [`${projectId}: the file says ${snapshotCids[index]}, its votes ${won ?? 'nothing'}`]
  })
  if (faults.length > 0) return { check: 'tally', ok: false, detail: told(faults) }
  return { check: 'tally', ok: true, detail: `${projectIds.length} projects have the CID with the most votes` }
}
