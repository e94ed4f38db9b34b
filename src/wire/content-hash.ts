import type { Cid, ContentHash, Hash, ProjectId } from '#domain/ids.ts'
import { keccak256 } from './keccak.ts'

/** What a contract keeps of the hash: a batch of any size leaves a blob of odd length on chain, and so is told apart from older ones. */
const CONTENT_HASH_BYTES = 31
const WORD_BYTES = 32
const encoder = new TextEncoder()
const hashText = (text: string): Uint8Array => keccak256(encoder.encode(text))

/**
 * What a batch says of which projects (docs/CONTRACTS.md, "A vote is for a content"): keccak256 of each project's id and of its CID, in
 * the batch's order, hashed once more and cut to 31 bytes. The lists are of one length.
 */
export function contentHashOf(projectIds: readonly ProjectId[], snapshotCids: readonly Cid[]): ContentHash {
  const words = new Uint8Array(2 * WORD_BYTES * projectIds.length)
  for (const [index, projectId] of projectIds.entries()) {
    words.set(hashText(projectId), 2 * WORD_BYTES * index)
    words.set(hashText(snapshotCids[index] as Cid), 2 * WORD_BYTES * index + WORD_BYTES)
  }
  return `0x${keccak256(words).subarray(0, CONTENT_HASH_BYTES).toHex()}` as ContentHash
}

/** The same of a batch that is anchored by its roots alone: of the root over its projects, for a vote names the root over the CIDs anyway. */
export const contentHashOfRoots = (projectsRootHash: Hash): ContentHash =>
  projectsRootHash.slice(0, 2 + 2 * CONTENT_HASH_BYTES) as ContentHash
