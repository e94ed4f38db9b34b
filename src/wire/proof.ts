import { z } from 'zod'
import { isProjectId } from '#domain/ids.ts'
import type { Address, Cid, EpochId, ProjectId } from '#domain/ids.ts'
import { HASH_BYTES, HEIGHT } from './merkle.ts'

/**
 * A proof that stands alone, as it lies in a file (docs/PROOF.md): what a market holds for a project in an epoch, down to the hash of one block
 * of the anchor chain. Nothing in it is to be believed: `checkProof` follows it. Fields that the form does not have are refused.
 */

export const PROOF_FORMAT = 'weft-proof'
/** Another one is another form, which readers of this one refuse. */
export const PROOF_VERSION = 1

/** As large as snapshots that are read may be. */
const SNAPSHOT_BYTES_MAX = 16 * 1024 * 1024
/** A header has about 600 bytes; those of some chains carry the votes of their validators. */
const HEADER_BYTES_MAX = 16 * 1024
/** A branch has 532 bytes; no node of a trie of states has more. */
const NODE_BYTES_MAX = 1_024
/** A slot takes up to ten nodes in the largest contracts, and some twenty slots are proved. */
const NODES_MAX = 1_024
/** What EIP-170 allows the code of a contract. */
const CODE_BYTES_MAX = 24_576
const CID_LENGTH_MAX = 128
/** A file of the form cannot have more, so that a larger one is not read at all: the snapshot in base64, the nodes and the code in hex. */
export const PROOF_BYTES_MAX =
  (SNAPSHOT_BYTES_MAX / 3) * 4 + 2 * (NODES_MAX * (NODE_BYTES_MAX + 4) + CODE_BYTES_MAX + HEADER_BYTES_MAX) + 64 * 1024

const hex = (bytesMax: number) =>
  z
    .string()
    .max(2 + 2 * bytesMax)
    .regex(/^0x(?:[0-9a-f]{2})*$/, 'is not 0x and an even number of lower-case hex digits')
const address = z
  .string()
  .regex(/^0x[0-9a-f]{40}$/, 'is not 0x and 40 lower-case hex digits')
  .transform((text) => text as Address)
const cid = z
  .string()
  .min(1)
  .max(CID_LENGTH_MAX)
  .transform((text) => text as Cid)
/** The 32 neighbours of a leaf on the way up, without `0x`, as `#wire/inclusion.ts` has them. */
const siblings = z.array(z.string().regex(new RegExp(`^[0-9a-f]{${2 * HASH_BYTES}}$`), 'is not 64 lower-case hex digits')).length(HEIGHT)

export const PROOF = z.strictObject({
  format: z.literal(PROOF_FORMAT),
  version: z.literal(PROOF_VERSION),
  /** What it is about. No block hash says of which chain it is: the number is as good as the one who knows the block. */
  anchorChainId: z.int().min(1),
  protocolState: address,
  dataMarket: address,
  projectId: z
    .string()
    .refine((text): boolean => isProjectId(text), 'is no project id')
    .transform((text) => text as ProjectId),
  epochId: z
    .int()
    .min(0)
    .transform((id) => id as EpochId),
  /** The manifest that the epoch is judged by; `null` where the market has none for it. */
  manifest: z.strictObject({ cid: z.string().min(1).max(CID_LENGTH_MAX), fromEpochId: z.int().min(0) }).nullable(),
  /** The batch: its place among those of the epoch, from 1. */
  batchNumber: z.int().min(1).max(65_535),
  batchCid: cid,
  snapshotCid: cid,
  /** Place of project and CID in the batch's lists, and the way from there to its roots; that of the project where only roots are on chain. */
  index: z.int().min(0),
  cidSiblings: siblings,
  projectSiblings: siblings.nullable(),
  /** RLP of the header. */
  header: hex(HEADER_BYTES_MAX),
  /** Nodes of the tries of accounts and of storage, each once, in any order: they are found by their hashes. */
  nodes: z.array(hex(NODE_BYTES_MAX)).max(NODES_MAX),
  /** The code of the contract whose bytes are the batch's record. */
  record: hex(CODE_BYTES_MAX),
  /** Its bytes in base64. */
  snapshot: z.string().max(Math.ceil(SNAPSHOT_BYTES_MAX / 3) * 4),
})
export type Proof = z.output<typeof PROOF>
