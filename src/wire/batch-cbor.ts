import { decode, encode } from '@ipld/dag-cbor'
import { BATCH_PROJECTS_MAX, type Batch, type BatchedSubmission, runsOf } from '#domain/batch.ts'
import { type BlockNumber, type Cid, type EpochId, isProjectId, type ProjectId, type SlotId } from '#domain/ids.ts'
import { type BatchDefect, isSameAround, type ParsedBatch } from './batch-json.ts'
import { cidBytes, cidOfBytes } from './cid.ts'
import { atOnce, type InTurns } from './in-turns.ts'
import { isRecord, unlessThrown } from './untrusted.ts'

/**
 * The compact batch file (docs/MARKET.md, "Compact batches"): one dag-cbor block with what the JSON form says, and the same roots. What many
 * submissions share stands in it once, ids, CIDs, hashes and signatures as bytes. A text that has no such bytes stands there as text.
 */

/** Larger blocks are not written: `ipfs block put` refuses them, and some peers do. A batch that would be larger takes the JSON form. */
export const COMPACT_BYTES_WRITTEN_MAX = 1024 * 1024
/** Larger blocks are not read: Bitswap carries none. */
const COMPACT_BYTES_MAX = 2 * 1024 * 1024
/** Its signature alone: a file that has more submissions than those it has room for is made to cost whoever reads it. */
const SUBMISSION_BYTES_MIN = 65
/** Longest text taken; the same as in the JSON form. */
const TEXT_LENGTH_MAX = 256

const encoder = new TextEncoder()

type Packed = Uint8Array | string

/** A text that has `width` bytes, and back. */
interface Form {
  readonly width: number
  /** Whether the text looks like it, whatever its digits are. */
  isShaped(text: string): boolean
  /** What should be hex digits of such texts, one behind the other. */
  digits(texts: string): string
  text(digits: string): string
}

const uuid: Form = {
  width: 16,
  isShaped: (text) => text.length === 36 && text[8] === '-' && text[13] === '-' && text[18] === '-' && text[23] === '-',
  digits: (texts) => texts.replaceAll('-', ''),
  text: (hex) => `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`,
}
const signature: Form = { width: 65, isShaped: (text) => text.length === 130, digits: (texts) => texts, text: (hex) => hex }
const prefixed = (width: number): Form => ({
  width,
  isShaped: (text) => text.length === 2 + 2 * width && text.startsWith('0x'),
  digits: (text) => text.slice(2),
  text: (hex) => `0x${hex}`,
})
const hash = prefixed(32)
const address = prefixed(20)

/** The characters of a text of ASCII two by two, as they lie in memory. What room is left is zero, and no other text gives pairs of digits alone. */
function pairsOf(text: string): Uint16Array {
  const pairs = new Uint16Array(Math.ceil(text.length / 2))
  encoder.encodeInto(text, new Uint8Array(pairs.buffer))
  return pairs
}

/** The byte that a pair of hex digits stands for. What is no pair, or has a capital, stands for more than a byte. */
const NO_BYTE = 0x100
const BYTES = hexPairs()
function hexPairs(): Uint16Array {
  const bytes = new Uint16Array(0x10000).fill(NO_BYTE)
  for (let byte = 0; byte < 0x100; byte += 1) bytes[pairsOf(Uint8Array.of(byte).toHex())[0] as number] = byte
  return bytes
}

/** `undefined` unless they come back as they were: capitals do not. The engine's own takes three times as long, and lets capitals pass. */
function bytesOf(digits: string): Uint8Array | undefined {
  const pairs = pairsOf(digits)
  const bytes = new Uint8Array(pairs.length)
  let all = 0
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = BYTES[pairs[index] as number] as number
    all |= byte
    bytes[index] = byte
  }
  return all < NO_BYTE ? bytes : undefined
}

function pack(text: string, form: Form): Packed {
  const bytes = form.isShaped(text) ? bytesOf(form.digits(text)) : undefined
  return bytes?.length === form.width ? bytes : text
}

/** One byte string where each text has bytes; else each by itself. */
function packAll(texts: readonly string[], form: Form): Uint8Array | readonly Packed[] {
  const bytes = texts.every(form.isShaped) ? bytesOf(form.digits(texts.join(''))) : undefined
  return bytes?.length === form.width * texts.length ? bytes : texts.map((text) => pack(text, form))
}

/** One number where all are equal. A loop: `every` calls a function for each, and was seen to take 40 ms of an epoch where the engine did not compile it. */
function packUints(numbers: readonly number[]): number | readonly number[] {
  for (const number of numbers) if (number !== numbers[0]) return numbers
  return numbers[0] as number
}

/** Numbers things in the order of their first use. Most come many times in a row. */
interface Table<Item> {
  readonly rules: { isSame(left: Item, right: Item): boolean; key(item: Item): string; pack(item: Item): unknown }
  readonly places: Map<string, number>
  readonly packed: unknown[]
  last?: Item
  lastPlace: number
}

const createTable = <Item>(rules: Table<Item>['rules']): Table<Item> => ({ rules, places: new Map(), packed: [], lastPlace: 0 })

function placeIn<Item>(table: Table<Item>, item: Item): number {
  if (table.last !== undefined && table.rules.isSame(table.last, item)) return table.lastPlace
  const key = table.rules.key(item)
  const place = table.places.get(key) ?? table.packed.push(table.rules.pack(item)) - 1
  table.places.set(key, place)
  table.last = item
  table.lastPlace = place
  return place
}

/** What surrounds a vote; many share it. */
type Around = BatchedSubmission['submission']

/** No two surroundings give one key: of the texts only the last has no length before it. */
function aroundKey({ request, header, dataMarket, nodeVersion, protocolState }: Around): string {
  const lengths = `${header.length} ${dataMarket.length} ${nodeVersion.length}`
  return `${request.deadlineBlock} ${request.epochId} ${lengths} ${header}${dataMarket}${nodeVersion}${protocolState}`
}

function packAround({ request, header, dataMarket, nodeVersion, protocolState }: Around): readonly unknown[] {
  const texts = [pack(header, hash), pack(dataMarket, address), nodeVersion, pack(protocolState, address)]
  return [request.deadlineBlock, request.epochId, ...texts]
}

// What is called for each submission is made once, here: made for each batch it would be compiled again and again.
const CIDS: Table<string>['rules'] = { isSame: (left, right) => left === right, key: (cid) => cid, pack: (cid) => cidBytes(cid) ?? cid }
const AROUNDS: Table<Around>['rules'] = { isSame: isSameAround, key: aroundKey, pack: packAround }
const idOf = ({ submissionId }: BatchedSubmission): string => submissionId
const signatureOf = ({ submission }: BatchedSubmission): string => submission.signature
const slotOf = ({ submission }: BatchedSubmission): number => submission.request.slotId

/** Submissions read, or written, in one go: about 10 µs each. */
const SUBMISSIONS_PER_TURN = 1_000

/** The block's bytes. The same batch always gives the same bytes, and so the same CID (G2). */
export const encodeCompactBatch = (batch: Batch): Uint8Array => atOnce(writeCompactBatch(batch))

function* writeCompactBatch(batch: Batch): InTurns<Uint8Array> {
  const cids = createTable(CIDS)
  const around = createTable(AROUNDS)
  const projects = batch.projectIds.map((id, index) => [id, placeIn(cids, batch.snapshotCids[index] as Cid)])
  const placeOf = new Map(batch.projectIds.map((id, index) => [id, index]))
  const runs: unknown[] = []
  let inTurn = 0
  for (const run of runsOf(batch.submissions)) {
    inTurn += run.length
    if (inTurn > SUBMISSIONS_PER_TURN) yield
    const { projectId } = (run[0] as BatchedSubmission).submission.request
    const ids = packAll(run.map(idOf), uuid)
    const signatures = packAll(run.map(signatureOf), signature)
    // One project may have all of them.
    if (inTurn > SUBMISSIONS_PER_TURN) yield
    const slots = packUints(run.map(slotOf))
    const voted: number[] = []
    for (const { submission } of run) voted.push(placeIn(cids, submission.request.snapshotCid))
    if (inTurn > SUBMISSIONS_PER_TURN) yield
    const arounds: number[] = []
    for (const { submission } of run) arounds.push(placeIn(around, submission))
    runs.push([placeOf.get(projectId) ?? projectId, ids, signatures, slots, packUints(voted), packUints(arounds)])
    if (inTurn > SUBMISSIONS_PER_TURN) inTurn = 0
  }
  yield
  return encode({ root: pack(batch.submissionsRoot, hash), cids: cids.packed, projects, around: around.packed, runs })
}

/** What an array's or a text's head, a number, and an index take at most. */
const HEAD_BYTES = 3
const UINT_BYTES = 9

/**
 * At most how many bytes a project's submissions take in the file, for cutting batches. All of them are counted as text; what they share is
 * counted once for the project at least, though several projects share it too.
 */
export function compactBytes(submissions: readonly BatchedSubmission[]): number {
  const shared = new Map<string, Around>()
  let bytes = 8 * UINT_BYTES + 4 * (submissions[0]?.submission.request.projectId.length ?? 0)
  let snapshotCid: string | undefined
  for (const { submissionId, submission } of submissions) {
    bytes += 3 * UINT_BYTES + textBytes(submissionId) + textBytes(submission.signature)
    if (snapshotCid !== submission.request.snapshotCid) bytes += textBytes(submission.request.snapshotCid)
    snapshotCid = submission.request.snapshotCid
    const known = shared.get(submission.header)
    if (known !== undefined && isSameAround(known, submission)) continue
    shared.set(submission.header, submission)
    bytes += HEAD_BYTES + 2 * UINT_BYTES + textBytes(submission.header) + textBytes(submission.nodeVersion)
    bytes += textBytes(submission.dataMarket) + textBytes(submission.protocolState)
  }
  return bytes
}

/** Of UTF-8 a code unit takes three at most, and nearly all take one. */
const textBytes = (text: string): number => HEAD_BYTES + (PRINTABLE.test(text) ? text.length : 3 * text.length)
const PRINTABLE = /^[ -~]*$/

/** As `readCompactBatch`, in one go. */
export const parseCompactBatch = (bytes: Uint8Array, bytesMax?: number): ParsedBatch => atOnce(readCompactBatch(bytes, bytesMax))

/** Reads what `encodeCompactBatch` writes, and no other bytes: of one content there is one file. */
export function* readCompactBatch(bytes: Uint8Array, bytesMax = COMPACT_BYTES_MAX): InTurns<ParsedBatch> {
  if (bytes.length > bytesMax) return { ok: false, defect: 'too_large' }
  // Strict: shortest forms only, no indefinite lengths, no bytes behind the end. Nesting without end throws as well.
  const file = unlessThrown(() => decode<unknown>(bytes))
  if (!isRecord(file)) return { ok: false, defect: 'not_dag_cbor' }
  // What is larger is our own, from the disk.
  yield
  const read = yield* readFile(file, Math.floor(Math.max(bytes.length, COMPACT_BYTES_MAX) / SUBMISSION_BYTES_MIN))
  if (typeof read === 'string') return { ok: false, defect: read }
  const writing = writeCompactBatch(read)
  for (;;) {
    const step = unlessThrown(() => writing.next())
    if (step?.done === false) yield
    else return isSame(step?.value, bytes) ? { ok: true, batch: read } : { ok: false, defect: 'not_dag_cbor' }
  }
}

/** A loop: `every` calls a function for each byte of a file. */
function isSame(one: Uint8Array | undefined, other: Uint8Array): boolean {
  if (one?.length !== other.length) return false
  for (let at = 0; at < other.length; at += 1) if (one[at] !== other[at]) return false
  return true
}

function* readFile(file: { readonly [key: string]: unknown }, submissionsMax: number): InTurns<Batch | BatchDefect> {
  // Before anything is made of them. What nobody uses is in no table.
  if (lengthOf(file['projects']) > BATCH_PROJECTS_MAX || lengthOf(file['runs']) > submissionsMax) return 'too_many'
  if (lengthOf(file['cids']) > submissionsMax + BATCH_PROJECTS_MAX || lengthOf(file['around']) > submissionsMax) return 'too_many'
  const submissionsRoot = unpack(file['root'], hash)
  const cids = listOf(file['cids'], readCid)
  const around = listOf(file['around'], readAround)
  if (submissionsRoot === undefined || cids === undefined || around === undefined) return 'field_missing'
  const projects = listOf(file['projects'], (item) => readProject(item, cids))
  if (projects === undefined || !Array.isArray(file['runs'])) return 'field_missing'
  if (!projects.every(({ id }) => isProjectId(id))) return 'project_malformed'
  const projectIds = projects.map(({ id }) => id as ProjectId)
  const submissions: BatchedSubmission[] = []
  for (const run of file['runs'] as readonly unknown[]) {
    if (submissions.length + idCount(run) > submissionsMax) return 'too_many'
    const defect = yield* readRun(run, { projectIds, cids, around }, submissions)
    if (defect !== undefined) return defect
  }
  return { submissions, submissionsRoot, projectIds, snapshotCids: projects.map(({ cid }) => cid) }
}

const lengthOf = (value: unknown): number => (Array.isArray(value) ? value.length : 0)

/** How many submissions a run says that it has. */
function idCount(run: unknown): number {
  const ids: unknown = Array.isArray(run) ? run[1] : undefined
  return ids instanceof Uint8Array ? ids.length / uuid.width : lengthOf(ids)
}

function* readRun(
  run: unknown,
  tables: { readonly projectIds: readonly ProjectId[]; readonly cids: readonly Cid[]; readonly around: readonly Shared[] },
  into: BatchedSubmission[],
): InTurns<BatchDefect | undefined> {
  if (!Array.isArray(run) || run.length !== 6) return 'submission_malformed'
  const [project, packedIds, packedSignatures, packedSlots, packedCids, packedAround] = run as readonly unknown[]
  const projectId = typeof project === 'string' ? project : tables.projectIds[uintIn(project) ?? -1]
  const ids = unpackAll(packedIds, uuid)
  const signatures = unpackAll(packedSignatures, signature)
  if (projectId === undefined || !isProjectId(projectId) || ids === undefined || signatures === undefined) return 'submission_malformed'
  const slots = uintsIn(packedSlots, ids.length)
  const cids = uintsIn(packedCids, ids.length)
  const arounds = uintsIn(packedAround, ids.length)
  if (slots === undefined || cids === undefined || arounds === undefined) return 'submission_malformed'
  if (ids.length === 0 || [signatures, slots, cids, arounds].some(({ length }) => length !== ids.length)) return 'lengths_differ'
  for (const [index, submissionId] of ids.entries()) {
    const snapshotCid = tables.cids[cids[index] as number]
    const shared = tables.around[arounds[index] as number]
    if (snapshotCid === undefined || shared === undefined || submissionId === '') return 'submission_malformed'
    const { deadlineBlock, epochId, ...rest } = shared
    const request = { slotId: slots[index] as SlotId, deadlineBlock, snapshotCid, epochId, projectId }
    if (into.length % SUBMISSIONS_PER_TURN === SUBMISSIONS_PER_TURN - 1) yield
    into.push({ submissionId, submission: { request, signature: signatures[index] as string, ...rest } })
  }
  return undefined
}

interface Shared {
  readonly deadlineBlock: BlockNumber
  readonly epochId: EpochId
  readonly header: string
  readonly dataMarket: string
  readonly nodeVersion: string
  readonly protocolState: string
}

function readAround(item: unknown): Shared | undefined {
  if (!Array.isArray(item) || item.length !== 6) return undefined
  const [deadlineBlock, epochId] = [uintIn(item[0]), uintIn(item[1])]
  const [header, dataMarket, protocolState] = [unpack(item[2], hash), unpack(item[3], address), unpack(item[5], address)]
  const nodeVersion = textIn(item[4])
  if (deadlineBlock === undefined || epochId === undefined || nodeVersion === undefined) return undefined
  if (header === undefined || dataMarket === undefined || protocolState === undefined) return undefined
  return { deadlineBlock: deadlineBlock as BlockNumber, epochId: epochId as EpochId, header, dataMarket, nodeVersion, protocolState }
}

function readProject(item: unknown, cids: readonly Cid[]): { readonly id: string; readonly cid: Cid } | undefined {
  if (!Array.isArray(item) || item.length !== 2) return undefined
  const id = textIn(item[0])
  const cid = cids[uintIn(item[1]) ?? -1]
  return id === undefined || cid === undefined ? undefined : { id, cid }
}

const readCid = (item: unknown): Cid | undefined => (item instanceof Uint8Array ? cidOfBytes(item) : (textIn(item) as Cid | undefined))

/** `undefined` unless it is a list of what `read` takes. */
function listOf<Item>(value: unknown, read: (item: unknown) => Item | undefined): Item[] | undefined {
  if (!Array.isArray(value)) return undefined
  const items: Item[] = []
  for (const each of value as readonly unknown[]) {
    const item = read(each)
    if (item === undefined) return undefined
    items.push(item)
  }
  return items
}

const textIn = (value: unknown): string | undefined => (typeof value === 'string' && value.length <= TEXT_LENGTH_MAX ? value : undefined)
const uintIn = (value: unknown): number | undefined =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined

/** `count` numbers from one that stands for all, or as many as there are. */
function uintsIn(value: unknown, count: number): readonly number[] | undefined {
  const one = uintIn(value)
  return one === undefined ? listOf(value, uintIn) : Array.from({ length: count }, () => one)
}

function unpack(value: unknown, form: Form): string | undefined {
  if (!(value instanceof Uint8Array)) return textIn(value)
  return value.length === form.width ? form.text(value.toHex()) : undefined
}

function unpackAll(value: unknown, form: Form): readonly string[] | undefined {
  if (!(value instanceof Uint8Array)) return listOf(value, (item) => unpack(item, form))
  if (value.length % form.width !== 0) return undefined
  const digits = value.toHex()
  const width = 2 * form.width
  return Array.from({ length: value.length / form.width }, (_, index) => form.text(digits.slice(index * width, (index + 1) * width)))
}
