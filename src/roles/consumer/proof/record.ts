import type { Hash } from '#domain/ids.ts'
import { wordOf } from './state.ts'

/** The bytes that a market keeps of a batch as the code of a contract (contracts/src/market/MarketBatches.sol, Blob.sol). */

const STOP = 0x00
const CID_OFFSET = 32
const HEAD_LENGTH = 64
const WORD_BYTES = 32
/** A project: kind of its CID and its own number in 4 bytes, then the word of the CID. */
const ENTRY_LENGTH = 36
const KIND_SHIFT = 29

export interface BatchBytes {
  /** The sequencer's root over the CIDs. */
  readonly rootHash: Hash
  /** Of the batch's CID, as `packCid` has it. */
  readonly cidWord: string
  /** Of a batch that is anchored by its roots. */
  readonly projectsRootHash: Hash
  /** At a place in its list; `undefined` behind the last. */
  entry(position: number): { readonly projectIndex: number; readonly cidKind: number; readonly cidWord: string } | undefined
}

/** `undefined` of code that is no such record. */
export function batchBytes(code: Uint8Array): BatchBytes | undefined {
  const bytes = code.subarray(1)
  if (code[0] !== STOP || bytes.length < HEAD_LENGTH + WORD_BYTES) return undefined
  const word = (offset: number): string => bytes.subarray(offset, offset + WORD_BYTES).toHex()
  // What follows the last project, the hash of the content, is shorter than one.
  const list = bytes.subarray(HEAD_LENGTH)
  const count = Math.floor(list.length / ENTRY_LENGTH)
  return {
    rootHash: `0x${word(0)}` as Hash,
    cidWord: word(CID_OFFSET),
    projectsRootHash: `0x${word(HEAD_LENGTH)}` as Hash,
    entry(position) {
      if (position >= count) return undefined
      const at = list.subarray(position * ENTRY_LENGTH, (position + 1) * ENTRY_LENGTH)
      const head = Number(wordOf(at.subarray(0, ENTRY_LENGTH - WORD_BYTES)))
      return {
        cidKind: head >>> KIND_SHIFT,
        projectIndex: head & ((1 << KIND_SHIFT) - 1),
        cidWord: at.subarray(ENTRY_LENGTH - WORD_BYTES).toHex(),
      }
    },
  }
}
