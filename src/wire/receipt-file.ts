import { z } from 'zod'
import { isProjectId, isSubmissionId } from '#domain/ids.ts'
import type { Address, BlockNumber, Cid, EpochId, ProjectId, SlotId, SubmissionId } from '#domain/ids.ts'
import type { ReceiptProof, SubmissionRequest } from '#domain/submission.ts'
import { HASH_BYTES, HEIGHT } from './merkle.ts'
import { parseJson } from './untrusted.ts'

/**
 * A signed receipt as it lies in a file (docs/RECEIPTS.md): what was submitted, what the sequencer said of it, and how that hangs on its
 * signature. Nothing in it is to be believed. Fields that the form does not have are refused.
 */

/** Far more than one takes. */
export const RECEIPT_FILE_BYTES_MAX = 16 * 1024

const FORMAT = 'weft-receipt'
const VERSION = 1
const CID_LENGTH_MAX = 128

const uint = z.int().min(0)
const hexOf = (prefix: '' | '0x', bytes: number) => z.string().regex(new RegExp(`^${prefix}[0-9a-f]{${2 * bytes}}$`))
const address = hexOf('0x', 20).transform((text) => text as Address)

const REQUEST = z
  .strictObject({
    slotId: uint,
    deadline: uint,
    snapshotCid: z.string().min(1).max(CID_LENGTH_MAX),
    epochId: uint,
    projectId: z.string().refine((text): boolean => isProjectId(text)),
  })
  .transform(
    ({ slotId, deadline, snapshotCid, epochId, projectId }): SubmissionRequest => ({
      slotId: slotId as SlotId,
      deadlineBlock: deadline as BlockNumber,
      snapshotCid: snapshotCid as Cid,
      epochId: epochId as EpochId,
      projectId: projectId as ProjectId,
    }),
  )

const RECEIPT = z
  .strictObject({
    format: z.literal(FORMAT),
    version: z.literal(VERSION),
    anchorChainId: z.int().min(1),
    protocolState: address,
    dataMarket: address,
    submissionId: z
      .string()
      .refine((text): boolean => isSubmissionId(text) && text === text.toLowerCase())
      .transform((text) => text as SubmissionId),
    request: REQUEST,
    header: hexOf('0x', HASH_BYTES),
    code: z.enum(['accepted', 'duplicate', 'simulated']),
    anchorBlock: uint,
    index: uint,
    /** From the leaf; none above those that are not empty. */
    siblings: z.array(hexOf('', HASH_BYTES)).max(HEIGHT),
    signature: hexOf('', 65),
  })
  .transform(({ anchorBlock, index, siblings, signature, format: _, version: __, ...said }) => {
    const proof: ReceiptProof = {
      anchorBlock: anchorBlock as BlockNumber,
      index,
      siblings: Uint8Array.fromHex(siblings.join('')),
      signature,
    }
    return { ...said, proof }
  })

/** What a file says. */
export type SignedReceipt = z.output<typeof RECEIPT>

export function encodeReceiptFile({
  anchorChainId,
  protocolState,
  dataMarket,
  submissionId,
  request,
  header,
  code,
  proof,
}: SignedReceipt): string {
  const { slotId, deadlineBlock: deadline, snapshotCid, epochId, projectId } = request
  const { anchorBlock, index, signature } = proof
  const siblings = proof.siblings.toHex().match(new RegExp(`.{${2 * HASH_BYTES}}`, 'g')) ?? []
  const signed = { slotId, deadline, snapshotCid, epochId, projectId }
  const about = { format: FORMAT, version: VERSION, anchorChainId, protocolState, dataMarket, submissionId, request: signed, header, code }
  return `${JSON.stringify({ ...about, anchorBlock, index, siblings, signature })}\n`
}

/** What the text says; a sentence that names what is wrong with its form. */
export function parseReceiptFile(text: string): SignedReceipt | string {
  const said = parseJson(text)
  if (said === undefined) return 'it is no signed receipt: no JSON object, or not the whole of one'
  const parsed = RECEIPT.safeParse(said)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  return `it is no signed receipt: ${[issue?.path.join('.'), issue?.message].filter(Boolean).join(': ')}`
}
