import type { Address, EpochId, Hash, ProjectId } from '#domain/ids.ts'

/** What the caller knows without the proof. */
export interface Trust {
  /** Of a block of the anchor chain. All the rest is proved down to it. */
  readonly blockHash: Hash
  /** The market that is meant: anybody may deploy one of their own on the same chain, and call final there what they like. */
  readonly dataMarket: Address
  /** What was asked for: a true proof of something else is refused. What is left out may be anything, and the first step tells what it is. */
  readonly anchorChainId?: number
  readonly projectId?: ProjectId
  readonly epochId?: EpochId
}

/** The links of a proof, in order; each stands on the ones before (P1). */
export const CHECK_STEPS = [
  'form',
  'asked',
  'block',
  'contract',
  'epoch',
  'manifest',
  'batch',
  'project',
  'cids_root',
  'final',
  'attested',
  'cid',
] as const
export type CheckStep = (typeof CHECK_STEPS)[number]

export interface CheckResult {
  readonly step: CheckStep
  readonly ok: boolean
  /** What was found, or what was expected instead. Printable, whatever others wrote. */
  readonly detail: string
  /** With the last step: the data. */
  readonly data?: Uint8Array
}

/**
 * Checks a proof, step by step, and ends after the first that fails: data are proved when the last step, `cid`, holds. It asks nobody anything, and
 * never throws, whatever `proof` is: parsed JSON, of which nothing is believed.
 */
export async function* checkProof(_proof: unknown, _trust: Trust): AsyncGenerator<CheckResult, void> {
  yield { step: 'form', ok: false, detail: 'is not checked yet' }
}
