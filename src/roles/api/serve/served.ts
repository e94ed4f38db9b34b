import type { ComputeSet } from '#domain/compute.ts'
import type { EpochId, ProjectId } from '#domain/ids.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import type { Clock } from '#io/clock/port.ts'
import type { IndexReads } from '#io/database/port.ts'
import type { Asking } from '#io/http/port.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import type { ApiInput, ApiRoute } from '#wire/api.ts'

/** What a sequencer says of the submissions for an epoch. */
export interface Intake {
  readonly accepted: number
  /** By code. */
  readonly refused: Readonly<Record<string, number>>
  /** Its window is over: nothing of this changes any more. */
  readonly isClosed: boolean
}

/** One sequencer, asked of an epoch; `undefined` where it knows nothing of it. Throws `LINK_FAILED`. */
export type AskIntake = (epochId: EpochId) => Promise<Intake | undefined>

/** What answers are made from: the index, and of the chain and IPFS what the index does not keep. */
export interface ServeDeps {
  readonly index: IndexReads
  readonly chain: Pick<
    AnchorChain,
    | 'chainId'
    | 'protocolState'
    | 'dataMarket'
    | 'head'
    | 'market'
    | 'manifests'
    | 'slots'
    | 'slotDay'
    | 'rewardRules'
    | 'currentEpoch'
    | 'epochInfo'
  >
  readonly ipfs: Pick<Ipfs, 'get'>
  readonly clock: Clock
  /** The sequencers that this api was told of. */
  readonly sequencers: readonly AskIntake[]
  /** Of this program. */
  readonly version: string
  /** The computes of the market now; `undefined` where they are not known. */
  readonly computes: () => Promise<ComputeSet | undefined>
  /** A proof that stands alone. Throws `PROOF_…`, `CHAIN_…`. */
  readonly proofOf: (point: { readonly projectId: ProjectId; readonly epochId: EpochId }) => Promise<unknown>
}

/** One per route. What it returns is written as JSON, unless it is an `Answer`. */
export type Answers = { readonly [Name in ApiRoute]: (input: ApiInput<Name>, asking: Asking) => unknown }
