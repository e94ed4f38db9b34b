import type { Batch, BatchedSubmission } from '#domain/batch.ts'
import { type BlockNumber, type Cid, type EpochId, isProjectId, type ProjectId, type SlotId, safeUint } from '#domain/ids.ts'
import type { Submission } from '#domain/submission.ts'
import { atOnce, type InTurns } from './in-turns.ts'
import { readJsonObject } from './json-in-turns.ts'
import { isRecord, parseJson, unlessThrown } from './untrusted.ts'

/** The batch file on IPFS (spec/06 §8): written as deployed sequencers write it, read as tolerantly as their several versions need. */

/** Largest batch file that is read. Ours stop far below (a setting); 5,000 slots × 20 projects of a deployed sequencer are about 60 MB. */
export const BATCH_BYTES_MAX = 64 * 1024 * 1024
/** What the signature, the CID and the names of the fields take of a submission, at least: more submissions than that are made to cost whoever reads them. */
const SUBMISSION_BYTES_MIN = 256
const SUBMISSIONS_MAX = BATCH_BYTES_MAX / SUBMISSION_BYTES_MIN
/** Deployed contracts store each: far more than the gas of a block pays for. */
const PROJECTS_MAX = 10_000
/** Longest text taken for a CID, header, address, signature or version within a batch; the longest real one is a signature of 132. */
const TEXT_LENGTH_MAX = 256

const encoder = new TextEncoder()

/** The file's bytes. The same batch always gives the same bytes, and so the same CID (G2). */
export function encodeBatch({ submissions, submissionsRoot, projectIds, snapshotCids }: Batch): Uint8Array {
  const file = createText(submissionsJsonBytes(submissions.slice(0, 1)) * submissions.length)
  file.write(`{"submissionIDs":[${listOf(submissions.map(({ submissionId }) => submissionId))}],"submissions":[`)
  const before: Before = {}
  let parts: string[] = []
  for (const [index, { submission }] of submissions.entries()) {
    if (index > 0) parts.push(',')
    const around = aroundOf(submission, before)
    const { request, signature } = submission
    if (around === undefined || !PLAIN.test(signature)) parts.push(goString(submissionText(submission)))
    else parts.push(around[0], String(request.slotId), around[1], signature, around[2])
    if (parts.length < PARTS_PER_PIECE) continue
    file.write(parts.join(''))
    parts = []
  }
  file.write(parts.join(''))
  file.write(`],"roothash":${goString(submissionsRoot)},"pids":[${listOf(projectIds)}],"cids":[${listOf(snapshotCids)}]}`)
  return file.bytes()
}

/** Of 32 submissions, which become bytes together. A text of megabytes would take as long again to be made, and to be let go of. */
const PARTS_PER_PIECE = 192
/** What room is made for beside what is asked for: lists of projects and CIDs, and numbers that grow. */
const SPARE = { share: 1.05, bytes: 65_536 }
/** Of one code unit in UTF-8. */
const UNIT_BYTES_MAX = 3

/** A text that becomes bytes piece by piece. */
function createText(bytesUsual: number) {
  let room = new Uint8Array(SPARE.share * bytesUsual + SPARE.bytes)
  let length = 0
  return {
    write(piece: string): void {
      const needed = length + UNIT_BYTES_MAX * piece.length
      if (needed > room.length) {
        const larger = new Uint8Array(SPARE.share * needed + SPARE.bytes)
        larger.set(room.subarray(0, length))
        room = larger
      }
      length += encoder.encodeInto(piece, room.subarray(length)).written
    },
    bytes: () => room.subarray(0, length),
  }
}

/** How many bytes the submissions take in the file, near enough to cut batches by: exact for ASCII and signatures in hex, which all of ours are. */
export function submissionsJsonBytes(submissions: readonly BatchedSubmission[]): number {
  const before: Before = {}
  let bytes = 0
  for (const { submissionId, submission } of submissions) {
    const around = aroundOf(submission, before)
    bytes += submissionId.length + '"",,'.length
    if (around === undefined) bytes += goString(submissionText(submission)).length
    else
      bytes +=
        around[0].length + String(submission.request.slotId).length + around[1].length + submission.signature.length + around[2].length
  }
  return bytes
}

/** A JSON string as Go's encoder writes it: like ours, and `<`, `>`, `&` and the two line separators escaped. */
function goString(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`
  return JSON.stringify(text).replace(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** Text in which neither encoder escapes anything. */
const PLAIN = /^[\x20\x21\x23-\x25\x27-\x3b\x3d\x3f-\x5b\x5d-\x7e]+$/

/** Looked at together, for there are thousands. */
const listOf = (texts: readonly string[]): string => (PLAIN.test(texts.join('')) ? `"${texts.join('","')}"` : texts.map(goString).join(','))

/** What stands before the slot, between slot and signature, and after the signature of a submission. */
type Around = readonly [string, string, string]

/** The submission before, and what is around its slot and signature. */
interface Before {
  last?: Submission
  around?: Around | undefined
}

/**
 * What stands around slot and signature of a submission, in the JSON string that it is in the file; `undefined` where it is to be written as a whole.
 * Those in a row differ in slot and signature alone, as a rule: what surrounds these is looked at, and made, once, which takes a tenth of the time.
 */
function aroundOf(submission: Submission, before: Before): Around | undefined {
  if (before.last === undefined || !differInSlotAlone(before.last, submission)) before.around = plainAround(submission)
  before.last = submission
  return submission.request.slotId === 0 ? undefined : before.around
}

/** Whether all is equal that votes on several projects, of several slots, can have in common. */
export function isSameAround(left: Submission, right: Submission): boolean {
  return (
    left.request.deadlineBlock === right.request.deadlineBlock &&
    left.request.epochId === right.request.epochId &&
    left.header === right.header &&
    left.dataMarket === right.dataMarket &&
    left.nodeVersion === right.nodeVersion &&
    left.protocolState === right.protocolState
  )
}

function differInSlotAlone(left: Submission, right: Submission): boolean {
  const isSameVote = left.request.projectId === right.request.projectId && left.request.snapshotCid === right.request.snapshotCid
  return isSameVote && isSameAround(left, right)
}

/** `undefined` where it has something to escape, or a field that is left out or written for once: nearly all have every field but the last. */
function plainAround({ request, header, dataMarket, nodeVersion, protocolState }: Submission): Around | undefined {
  const { deadlineBlock, snapshotCid, epochId, projectId } = request
  const isFull = deadlineBlock > 0 && epochId > 0 && protocolState === ''
  if (!isFull || ![projectId, snapshotCid, header, dataMarket, nodeVersion].every((text) => PLAIN.test(text))) return undefined
  return [
    `"{\\n  \\"request\\": {\\n    \\"slotId\\": \\"`,
    `\\",\\n    \\"deadline\\": \\"${deadlineBlock}\\",\\n    \\"snapshotCid\\": \\"${snapshotCid}\\",` +
      `\\n    \\"epochId\\": \\"${epochId}\\",\\n    \\"projectId\\": \\"${projectId}\\"\\n  },\\n  \\"signature\\": \\"`,
    `\\",\\n  \\"header\\": \\"${header}\\",\\n  \\"dataMarket\\": \\"${dataMarket}\\",\\n  \\"nodeVersion\\": \\"${nodeVersion}\\"\\n}"`,
  ]
}

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
  | 'too_many'
  | 'not_json'
  | 'not_dag_cbor'
  | 'field_missing'
  | 'lengths_differ'
  | 'project_malformed'
  | 'submission_malformed'

export type ParsedBatch = { readonly ok: true; readonly batch: Batch } | { readonly ok: false; readonly defect: BatchDefect }

/** Characters of submissions that are read in one go: in some milliseconds. */
const TURN_LENGTH = 1024 * 1024

/** Reads both spellings of the id list, CIDs of both versions, submissions of older versions; ignores fields it does not know. Takes turns. */
export function* readBatch(bytes: Uint8Array): InTurns<ParsedBatch> {
  if (bytes.length > BATCH_BYTES_MAX) return { ok: false, defect: 'too_large' }
  const plain = bytes.length <= TURN_LENGTH ? plainBatch(bytes) : undefined
  if (plain !== undefined) return { ok: true, batch: plain }
  const file = yield* readJsonObject(bytes)
  if (file === undefined) return { ok: false, defect: 'not_json' }
  const ids = textsOf(file['submissionIDs'] ?? file['submissionIds'])
  const texts = Array.isArray(file['submissions']) ? file['submissions'] : undefined
  const projectIds = textsOf(file['pids'])
  const snapshotCids = textsOf(file['cids'])
  const submissionsRoot = textOf(file['roothash'])
  if (ids === undefined || texts === undefined || projectIds === undefined || snapshotCids === undefined || submissionsRoot === undefined)
    return { ok: false, defect: 'field_missing' }
  if (ids.length !== texts.length || projectIds.length !== snapshotCids.length) return { ok: false, defect: 'lengths_differ' }
  if (ids.length > SUBMISSIONS_MAX || projectIds.length > PROJECTS_MAX) return { ok: false, defect: 'too_many' }
  if (!projectIds.every(isProjectId)) return { ok: false, defect: 'project_malformed' }
  const submissions: BatchedSubmission[] = []
  const readOne = createSubmissionReader()
  let turnLength = 0
  for (const [index, submissionId] of ids.entries()) {
    const text: unknown = texts[index]
    turnLength += typeof text === 'string' ? text.length : 0
    if (turnLength > TURN_LENGTH) {
      turnLength = 0
      yield
    }
    const submission = readOne(text)
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

/** The same at once, for whoever keeps nobody waiting. */
export const parseBatch = (bytes: Uint8Array): ParsedBatch => atOnce(readBatch(bytes))

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

/** Reads submissions; of those in a row that a writer of ours has made of votes which differ in slot and signature alone, the first is parsed. */
function createSubmissionReader(): (text: unknown) => Submission | undefined {
  let last: Submission | undefined
  let around: Around | undefined
  return (text) => {
    if (typeof text !== 'string') return undefined
    const alike = last && around && alikeAt(text, 0, last, around)
    if (alike?.end === text.length) return alike.submission
    last = submissionOf(text)
    const escaped = last && plainAround(last)
    around = escaped && (JSON.parse(`[${escaped.join('","')}]`) as unknown as Around)
    return last
  }
}

interface Found {
  readonly submission: Submission
  /** Behind its last character. */
  readonly end: number
}

/**
 * The submission that stands here when it has what is `around` the slot and the signature of another one; what it shares with that it has from there. The
 * same for the text of one as for the JSON string that it is in a file: what follows slot and signature begins with a character that these have not.
 */
function alikeAt(text: string, at: number, other: Submission, [before, between, after]: Around): Found | undefined {
  const slotAt = at + before.length
  // Compared as pieces: the engine's `startsWith` looks at one character after the other.
  if (text.slice(at, slotAt) !== before) return undefined
  const slotEnd = text.indexOf(between.charAt(0), slotAt)
  const signatureAt = slotEnd + between.length
  if (text.slice(slotEnd, signatureAt) !== between) return undefined
  const signatureEnd = text.indexOf(after.charAt(0), signatureAt)
  const end = signatureEnd + after.length
  if (text.slice(signatureEnd, end) !== after) return undefined
  const slotId = safeUint(text.slice(slotAt, slotEnd))
  const signature = text.slice(signatureAt, signatureEnd)
  if (slotId === undefined || signature.length > TEXT_LENGTH_MAX || !PLAIN.test(signature)) return undefined
  return { submission: { ...other, request: { ...other.request, slotId: slotId as SlotId }, signature }, end }
}

const PLAIN_START = '{"submissionIDs":['
const PLAIN_BETWEEN = '],"submissions":['
/** In a file as we write it, behind the submissions. */
const PLAIN_REST = ['roothash', 'pids', 'cids'].join()
const decoder = new TextDecoder('utf-8', { fatal: true })

/**
 * The batch of a file that has its members in the order in which they are written, and nothing else; of any other `undefined`, which is read the long
 * way, and found to be sound or not. Its submissions are read where they stand: made texts of their own first they would be most of what a
 * validator has the engine move about while it waits for their signers.
 */
function plainBatch(bytes: Uint8Array): Batch | undefined {
  const text = unlessThrown(() => decoder.decode(bytes))
  const idsEnd = text?.startsWith(PLAIN_START) === true ? text.indexOf(PLAIN_BETWEEN) : -1
  if (text === undefined || idsEnd < 0) return undefined
  // No text holds what ends the list: its quote would be escaped.
  const ids = textsOf(parseJson(text.slice(PLAIN_START.length - 1, idsEnd + 1)))
  if (ids === undefined) return undefined
  const submissions: BatchedSubmission[] = []
  const readOne = createPlainReader(text)
  let at = idsEnd + PLAIN_BETWEEN.length
  for (const submissionId of ids) {
    const found = readOne(at)
    if (found === undefined) return undefined
    at = found.end + 1
    submissions.push({ submissionId, submission: found.submission })
    if (text[found.end] !== (submissions.length < ids.length ? ',' : ']')) return undefined
  }
  const rest = parseJson(`{${text.slice(at + 1)}`)
  if (text[at] !== ',' || !isRecord(rest) || Object.keys(rest).join() !== PLAIN_REST) return undefined
  const [projectIds, snapshotCids, submissionsRoot] = [textsOf(rest['pids']), textsOf(rest['cids']), textOf(rest['roothash'])]
  if (projectIds === undefined || snapshotCids?.length !== projectIds.length || submissionsRoot === undefined) return undefined
  if (projectIds.length > PROJECTS_MAX || !projectIds.every(isProjectId)) return undefined
  return { submissions, submissionsRoot, projectIds, snapshotCids: snapshotCids as readonly string[] as readonly Cid[] }
}

/** Reads the submission that stands at a place of a file. */
function createPlainReader(text: string): (at: number) => Found | undefined {
  let last: Submission | undefined
  let around: Around | undefined
  return (at) => {
    const alike = last && around && alikeAt(text, at, last, around)
    if (alike !== undefined) return alike
    const end = text[at] === '"' ? textEnd(text, at) : 0
    const one = parseJson(text.slice(at, end))
    last = typeof one === 'string' ? submissionOf(one) : undefined
    around = last && plainAround(last)
    return last && { submission: last, end }
  }
}

/** Behind the quote that closes the text which one opens here; 0 when none does. */
function textEnd(text: string, from: number): number {
  for (let at = text.indexOf('"', from + 1); at > 0; at = text.indexOf('"', at + 1)) {
    let start = at
    while (text[start - 1] === '\\') start -= 1
    if ((at - start) % 2 === 0) return at + 1
  }
  return 0
}

function submissionOf(text: string): Submission | undefined {
  const message = parseJson(text)
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
