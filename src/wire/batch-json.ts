import type { Batch, BatchedSubmission } from '#domain/batch.ts'
import { type BlockNumber, type Cid, type EpochId, isProjectId, type ProjectId, type SlotId, safeUint } from '#domain/ids.ts'
import type { Submission } from '#domain/submission.ts'
import { isRecord, parseJson, unlessThrown } from './untrusted.ts'

/** The batch file on IPFS (spec/06 §8): written as deployed sequencers write it, read as tolerantly as their several versions need. */

/** Largest batch file that is read. Ours stop far below (a setting); 5,000 slots × 20 projects of a deployed sequencer are about 60 MB. */
export const BATCH_BYTES_MAX = 64 * 1024 * 1024
/** Longest text taken for a CID, header, address, signature or version within a batch; the longest real one is a signature of 132. */
const TEXT_LENGTH_MAX = 256

const encoder = new TextEncoder()

/** The file's bytes. The same batch always gives the same bytes, and so the same CID (G2). */
export function encodeBatch(batch: Batch): Uint8Array {
  const ids = batch.submissions.map(({ submissionId }) => goString(submissionId))
  const texts = batch.submissions.map(({ submission }) => submissionJson(submission))
  return encoder.encode(
    `{"submissionIDs":[${ids.join(',')}],"submissions":[${texts.join(',')}],"roothash":${goString(batch.submissionsRoot)}` +
      `,"pids":[${batch.projectIds.map(goString).join(',')}],"cids":[${batch.snapshotCids.map(goString).join(',')}]}`,
  )
}

/** How many bytes one submission takes in the file, near enough to cut batches by: exact for ASCII, which all of ours is. */
export function submissionBytes({ submissionId, submission }: BatchedSubmission): number {
  const json = isPlain(submission) ? PLAIN_OVERHEAD + valuesLength(submission) : submissionJson(submission).length
  return json + submissionId.length + '"",,'.length
}

/** A JSON string as Go's encoder writes it: like ours, and `<`, `>`, `&` and the two line separators escaped. */
function goString(text: string): string {
  return JSON.stringify(text).replace(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** Text in which neither encoder escapes anything. */
const PLAIN = /^[\x20\x21\x23-\x25\x27-\x3b\x3d\x3f-\x5b\x5d-\x7e]+$/

/** Whether a text is plain. Looks no second time at one that comes again and again. */
function createPlainTest(): (text: string) => boolean {
  let known: string | undefined
  return (text) => {
    if (text === known) return true
    if (!PLAIN.test(text)) return false
    known = text
    return true
  }
}
const isPlainProject = createPlainTest()
const isPlainCid = createPlainTest()
const isPlainHeader = createPlainTest()
const isPlainMarket = createPlainTest()
const isPlainVersion = createPlainTest()

/** Nearly all have every field but the last, and nothing to escape. */
function isPlain({ request, signature, header, dataMarket, nodeVersion, protocolState }: Submission): boolean {
  const isFull = request.slotId > 0 && request.deadlineBlock > 0 && request.epochId > 0 && protocolState === ''
  if (!isFull || !isPlainProject(request.projectId) || !isPlainCid(request.snapshotCid)) return false
  return PLAIN.test(signature) && isPlainHeader(header) && isPlainMarket(dataMarket) && isPlainVersion(nodeVersion)
}

function valuesLength({ request, signature, header, dataMarket, nodeVersion }: Submission): number {
  const numbers = `${request.slotId}${request.deadlineBlock}${request.epochId}`.length
  return (
    numbers +
    request.snapshotCid.length +
    request.projectId.length +
    signature.length +
    header.length +
    dataMarket.length +
    nodeVersion.length
  )
}

/** A submission as the JSON string that stands in the file. A plain one is written in one go: that takes a tenth of the time. */
function submissionJson(submission: Submission): string {
  if (!isPlain(submission)) return goString(submissionText(submission))
  const { request, signature, header, dataMarket, nodeVersion } = submission
  const { slotId, deadlineBlock, snapshotCid, epochId, projectId } = request
  return (
    `"{\\n  \\"request\\": {\\n    \\"slotId\\": \\"${slotId}\\",\\n    \\"deadline\\": \\"${deadlineBlock}\\",\\n    \\"snapshotCid\\": \\"${snapshotCid}\\",` +
    `\\n    \\"epochId\\": \\"${epochId}\\",\\n    \\"projectId\\": \\"${projectId}\\"\\n  },\\n  \\"signature\\": \\"${signature}\\",\\n  \\"header\\": \\"${header}\\",` +
    `\\n  \\"dataMarket\\": \\"${dataMarket}\\",\\n  \\"nodeVersion\\": \\"${nodeVersion}\\"\\n}"`
  )
}

/** Values of one character: what is left of its length is what every plain submission takes beside its values. */
const ONE_EACH = {
  request: { slotId: 1, deadlineBlock: 1, snapshotCid: 'c', epochId: 1, projectId: 'p' },
  signature: 's',
  header: 'h',
  dataMarket: 'm',
  nodeVersion: 'v',
  protocolState: '',
} as unknown as Submission
const PLAIN_OVERHEAD = submissionJson(ONE_EACH).length - valuesLength(ONE_EACH)

/** Multi-line protojson of a `SnapshotSubmission`: fields in order of number, uint64 as strings, defaults left out. */
function submissionText(submission: Submission): string {
  const { slotId, deadlineBlock, snapshotCid, epochId, projectId } = submission.request
  const request = fields('    ', [
    ['slotId', slotId === 0 ? '' : String(slotId)],
    ['deadline', deadlineBlock === 0 ? '' : String(deadlineBlock)],
    ['snapshotCid', snapshotCid],
    ['epochId', epochId === 0 ? '' : String(epochId)],
    ['projectId', projectId],
  ])
  const rest = fields('  ', [
    ['signature', submission.signature],
    ['header', submission.header],
    ['dataMarket', submission.dataMarket],
    ['nodeVersion', submission.nodeVersion],
    ['protocolState', submission.protocolState],
  ])
  return `{\n  "request": {\n${request}\n  },\n${rest}\n}`
}

function fields(indent: string, list: readonly (readonly [string, string])[]): string {
  return list
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${indent}"${name}": ${JSON.stringify(value)}`)
    .join(',\n')
}

/** What is wrong with a file that is not a batch. */
export type BatchDefect =
  | 'too_large'
  | 'not_json'
  | 'not_dag_cbor'
  | 'field_missing'
  | 'lengths_differ'
  | 'project_malformed'
  | 'submission_malformed'

export type ParsedBatch = { readonly ok: true; readonly batch: Batch } | { readonly ok: false; readonly defect: BatchDefect }

/** Reads both spellings of the id list, CIDs of both versions, submissions of older versions; ignores fields it does not know. */
export function parseBatch(bytes: Uint8Array): ParsedBatch {
  if (bytes.length > BATCH_BYTES_MAX) return { ok: false, defect: 'too_large' }
  const file = unlessThrown(() => JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown)
  if (!isRecord(file)) return { ok: false, defect: 'not_json' }
  const ids = textsOf(file['submissionIDs'] ?? file['submissionIds'])
  const texts = Array.isArray(file['submissions']) ? file['submissions'] : undefined
  const projectIds = textsOf(file['pids'])
  const snapshotCids = textsOf(file['cids'])
  const submissionsRoot = textOf(file['roothash'])
  if (ids === undefined || texts === undefined || projectIds === undefined || snapshotCids === undefined || submissionsRoot === undefined)
    return { ok: false, defect: 'field_missing' }
  if (ids.length !== texts.length || projectIds.length !== snapshotCids.length) return { ok: false, defect: 'lengths_differ' }
  if (!projectIds.every(isProjectId)) return { ok: false, defect: 'project_malformed' }
  const submissions: BatchedSubmission[] = []
  for (const [index, submissionId] of ids.entries()) {
    const submission = submissionOf(texts[index])
    if (submission === undefined) return { ok: false, defect: 'submission_malformed' }
    submissions.push({ submissionId, submission })
  }
  return {
    ok: true,
    batch: {
      submissions,
      submissionsRoot,
      projectIds: projectIds as readonly ProjectId[],
      snapshotCids: snapshotCids as readonly string[] as readonly Cid[],
    },
  }
}

/** Like `parseBatch` for callers who do not care what is wrong. */
export function decodeBatch(bytes: Uint8Array): Batch | undefined {
  const parsed = parseBatch(bytes)
  return parsed.ok ? parsed.batch : undefined
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value.length <= TEXT_LENGTH_MAX ? value : undefined
}

function textsOf(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) && value.every((item) => textOf(item) !== undefined && item !== '') ? value : undefined
}

/** A field that protojson left out has its default. */
const optionalText = (value: unknown): string | undefined => (value === undefined ? '' : textOf(value))
const optionalUint = (value: unknown): number | undefined => {
  if (value === undefined) return 0
  return typeof value === 'string' || typeof value === 'number' ? safeUint(value) : undefined
}

function submissionOf(text: unknown): Submission | undefined {
  const message = typeof text === 'string' ? parseJson(text) : undefined
  if (!isRecord(message) || !isRecord(message['request'])) return undefined
  const { request } = message
  const numbers = {
    slotId: optionalUint(request['slotId']),
    deadline: optionalUint(request['deadline']),
    epochId: optionalUint(request['epochId']),
  }
  const snapshotCid = textOf(request['snapshotCid'])
  const projectId = request['projectId']
  const signature = textOf(message['signature'])
  const header = optionalText(message['header'])
  const dataMarket = optionalText(message['dataMarket'])
  const nodeVersion = optionalText(message['nodeVersion'])
  const protocolState = optionalText(message['protocolState'])
  if (numbers.slotId === undefined || numbers.deadline === undefined || numbers.epochId === undefined) return undefined
  if (snapshotCid === undefined || typeof projectId !== 'string' || !isProjectId(projectId)) return undefined
  if (
    signature === undefined ||
    header === undefined ||
    dataMarket === undefined ||
    nodeVersion === undefined ||
    protocolState === undefined
  )
    return undefined
  return {
    request: {
      slotId: numbers.slotId as SlotId,
      deadlineBlock: numbers.deadline as BlockNumber,
      snapshotCid: snapshotCid as Cid,
      epochId: numbers.epochId as EpochId,
      projectId,
    },
    signature,
    header,
    dataMarket,
    nodeVersion: nodeVersion === '' ? 'v0.0.0' : nodeVersion,
    protocolState,
  }
}
