import { type BlockNumber, type Cid, type EpochId, PROJECT_ID_LENGTH_MAX, type ProjectId, type SlotId, safeUint } from '#domain/ids.ts'
import type { Submission } from '#domain/submission.ts'
import { SnapshotSubmissionSchema } from './gen/submission_pb.ts'
import { createMessageReader } from './message-reader.ts'
import { createMessageWriter } from './message-writer.ts'
import { isRecord, parseJson } from './untrusted.ts'
import { parseMessage } from './untrusted-message.ts'

/**
 * A submission as bytes: protobuf `SnapshotSubmission` (spec/02 §2) and the JSON that deployed collectors send (spec/02 §3).
 * Decoding checks form: integers in range, strings short and printable, the header a hash. Whether signature, CID, project and
 * market are what they should be is for `verify`, which has a code of its own for each.
 */

/** Largest encoded submission accepted anywhere; a real one takes about 400 bytes. */
export const SUBMISSION_BYTES_MAX = 64 * 1024
/** The longest CID in use has 59 characters (CIDv1, base32, sha2-256); the rest leaves room for other hashes to be refused by name. */
const CID_LENGTH_MAX = 128
/** 65 bytes in hex with `0x`. */
const SIGNATURE_LENGTH_MAX = 132
/** `0x` and 40 digits are 42. */
const ADDRESS_LENGTH_MAX = 64
/** `v2.11.0` and the like; they are kept per slot and shown to people. */
const NODE_VERSION_LENGTH_MAX = 32
/** What a sequencer records for a peer that does not name its version. */
const NODE_VERSION_UNKNOWN = 'v0.0.0'

/** `0x` and 64 digits. */
const HEADER_FORM = /^0x[0-9a-fA-F]{64}$/
const PRINTABLE = /^[\x20-\x7e]*$/

/** The fields as either encoding gives them, before their form is checked. */
interface LooseSubmission {
  readonly slotId: unknown
  readonly deadline: unknown
  readonly snapshotCid: unknown
  readonly epochId: unknown
  readonly projectId: unknown
  readonly signature: unknown
  readonly header: unknown
  readonly dataMarket: unknown
  readonly nodeVersion: unknown
  readonly protocolState: unknown
}

/** An integer, whether the encoding gives it as number, bigint or decimal text; absent means 0 in both encodings. */
function uintIn(value: unknown): number | undefined {
  if (value === undefined || value === null) return 0
  return typeof value === 'number' || typeof value === 'string' || typeof value === 'bigint' ? safeUint(value) : undefined
}

function textIn(value: unknown, lengthMax: number): string | undefined {
  if (value === undefined || value === null) return ''
  return typeof value === 'string' && value.length <= lengthMax && PRINTABLE.test(value) ? value : undefined
}

function checkForm(loose: LooseSubmission): Submission | undefined {
  const slotId = uintIn(loose.slotId)
  const deadlineBlock = uintIn(loose.deadline)
  const epochId = uintIn(loose.epochId)
  const snapshotCid = textIn(loose.snapshotCid, CID_LENGTH_MAX)
  const projectId = textIn(loose.projectId, PROJECT_ID_LENGTH_MAX)
  const signature = textIn(loose.signature, SIGNATURE_LENGTH_MAX)
  const dataMarket = textIn(loose.dataMarket, ADDRESS_LENGTH_MAX)
  const nodeVersion = textIn(loose.nodeVersion, NODE_VERSION_LENGTH_MAX)
  const protocolState = textIn(loose.protocolState, ADDRESS_LENGTH_MAX)
  if (slotId === undefined || deadlineBlock === undefined || epochId === undefined) return undefined
  if (snapshotCid === undefined || projectId === undefined || signature === undefined) return undefined
  if (typeof loose.header !== 'string' || !HEADER_FORM.test(loose.header)) return undefined
  if (dataMarket === undefined || nodeVersion === undefined || protocolState === undefined) return undefined
  return {
    request: {
      slotId: slotId as SlotId,
      deadlineBlock: deadlineBlock as BlockNumber,
      snapshotCid: snapshotCid as Cid,
      epochId: epochId as EpochId,
      projectId: projectId as ProjectId,
    },
    signature: signature.startsWith('0x') ? signature.slice(2) : signature,
    header: loose.header.toLowerCase(),
    dataMarket,
    nodeVersion: nodeVersion === '' ? NODE_VERSION_UNKNOWN : nodeVersion,
    protocolState,
  }
}

const writer = createMessageWriter()

/** The protobuf `SnapshotSubmission`. */
export function encodeSubmission({ request, signature, header, dataMarket, nodeVersion, protocolState }: Submission): Uint8Array {
  return writer.message((fields) =>
    fields
      .message(1, (of) =>
        of
          .uint(1, request.slotId)
          .uint(2, request.deadlineBlock)
          .text(3, request.snapshotCid)
          .uint(4, request.epochId)
          .text(5, request.projectId),
      )
      .text(2, signature)
      .text(3, header)
      .text(4, dataMarket)
      .givenText(5, nodeVersion)
      .text(6, protocolState),
  )
}

// Stryker disable StringLiteral: what is neither number nor text is bytes; a text that is not ASCII is refused, however it is read.
/** Of a `SnapshotSubmission`, and of the request in it. */
const fields = createMessageReader({ 1: 'bytes', 2: 'text', 3: 'text', 4: 'text', 5: 'text', 6: 'text' })
const requestFields = createMessageReader({ 1: 'uint', 2: 'uint', 3: 'text', 4: 'uint', 5: 'text' })
// Stryker restore StringLiteral

/** `undefined` when the bytes are not a submission. The signature comes without `0x`, the header in lower case. */
export function decodeSubmission(bytes: Uint8Array): Submission | undefined {
  if (bytes.length > SUBMISSION_BYTES_MAX) return undefined
  const loose = plainIn(bytes) ?? anyIn(bytes)
  return loose && checkForm(loose)
}

/** `undefined` where the generated code has to look. */
function plainIn(bytes: Uint8Array): LooseSubmission | undefined {
  if (!fields.read(bytes) || !fields.has(1) || !requestFields.read(fields.bytes(1))) return undefined
  return {
    slotId: requestFields.uint(1),
    deadline: requestFields.uint(2),
    snapshotCid: requestFields.text(3),
    epochId: requestFields.uint(4),
    projectId: requestFields.text(5),
    signature: fields.text(2),
    header: fields.text(3),
    dataMarket: fields.text(4),
    nodeVersion: fields.text(5),
    protocolState: fields.text(6),
  }
}

function anyIn(bytes: Uint8Array): LooseSubmission | undefined {
  const message = parseMessage(SnapshotSubmissionSchema, bytes)
  if (message?.request === undefined) return undefined
  const { signature, header, dataMarket, nodeVersion, protocolState } = message
  return { ...message.request, signature, header, dataMarket, nodeVersion, protocolState }
}

/**
 * The JSON of `/collect`: numbers or decimal text for integers, fields that are zero left out (epoch 0 has no `epochId`),
 * unknown fields ignored. `undefined` when it is not a submission.
 */
export function decodeCollectJson(json: string | Uint8Array): Submission | undefined {
  if (json.length > SUBMISSION_BYTES_MAX) return undefined
  const loose = parseJson(typeof json === 'string' ? json : new TextDecoder().decode(json))
  if (!isRecord(loose) || !isRecord(loose['request'])) return undefined
  const { request } = loose
  return checkForm({
    slotId: request['slotId'],
    deadline: request['deadline'],
    snapshotCid: request['snapshotCid'],
    epochId: request['epochId'],
    projectId: request['projectId'],
    signature: loose['signature'],
    header: loose['header'],
    dataMarket: loose['dataMarket'],
    nodeVersion: loose['nodeVersion'],
    protocolState: loose['protocolState'],
  })
}

/** The JSON as a deployed collector writes it: the order of the Go structs, zero values left out. */
export function encodeCollectJson(submission: Submission): string {
  const { request } = submission
  return JSON.stringify({
    request: {
      slotId: request.slotId || undefined,
      deadline: request.deadlineBlock || undefined,
      snapshotCid: request.snapshotCid || undefined,
      epochId: request.epochId || undefined,
      projectId: request.projectId || undefined,
    },
    signature: submission.signature || undefined,
    header: submission.header || undefined,
    dataMarket: submission.dataMarket || undefined,
    nodeVersion: submission.nodeVersion || undefined,
    protocolState: submission.protocolState || undefined,
  })
}
