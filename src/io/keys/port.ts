import type { Address, Cid, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import type { SignedPairs } from '#wire/signed-pairs.ts'

/** Signs for one account. The key itself never leaves the adapter, or the machine that has it. */
export interface Signer {
  readonly address: Address
  /**
   * Signs keccak256 of these bytes: signers elsewhere hash what they sign themselves. Resolves with 130 hex digits, r, s (lower half), v 27 or
   * 28, without `0x`, the form that peers send (spec/02 §1), and with nothing but a signature of `address`. Throws `SIGNER_FAILED`,
   * `SIGNER_LIED`; signing the same again is harmless.
   */
  signHashOf(bytes: Uint8Array): Promise<string>
}

/** Signs with a key that this process has. */
export interface KeySigner extends Signer {
  /** The digest itself, at once, in the same form. */
  sign(digest: Uint8Array): string
}

/** A CID that slots vote for. */
export interface VoteOfSlots {
  readonly epochId: EpochId
  readonly projectId: ProjectId
  readonly snapshotCid: Cid
  readonly slotIds: readonly SlotId[]
}

/** What a slot has signed in the place of what is to be signed. */
export interface SignedBefore {
  readonly slotId: SlotId
  readonly snapshotCid: Cid
}

/** What was signed for slots of a market on this machine, in whichever data directory. */
export interface SigningRecord {
  /**
   * Before anything is signed. Resolves when it is on disk that the slots sign this CID, with those that have signed another one, for which
   * nothing is written and nothing may be signed. Check and record are one step. Throws as `storeFailed`; what comes again after that is
   * not forgotten.
   */
  checkAndRecord(vote: VoteOfSlots): Promise<readonly SignedBefore[]>
}

/** Finds out who signed. */
export interface Recoverer {
  /** `undefined` when no public key fits. The caller has parsed the signature already; `signature` is r, s, recovery id (0 or 1), 65 bytes. */
  recover(digest: Uint8Array, signature: Uint8Array): Address | undefined
}

/** Finds out who signed, of many at once: other threads may do it. */
export interface ManyRecoverer {
  /** In the order given, each as `Recoverer.recover` tells: of a pair that was never put nobody. The bytes are not to be changed meanwhile. */
  recoverMany(signed: SignedPairs): Promise<readonly (Address | undefined)[]>
}

/** Randomness comes in through here, so that a run can be replayed. */
export interface Random {
  /** A version 4 UUID in lower case. */
  uuid(): string
  /** A number in [0, 1), for jitter. */
  fraction(): number
}
