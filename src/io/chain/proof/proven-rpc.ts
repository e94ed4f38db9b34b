import type { OnEndpointTrouble, OnEndpointUse } from '#io/chain/rpc/health.ts'
import type { Pace } from '#io/chain/rpc/pace.ts'
import { createHeadWatch, type HeadWatch } from '#io/chain/rpc/head-watch.ts'
import { createRpc, type Rpc } from '#io/chain/rpc/rpc.ts'
import { createProofs, type ProofOptions, type Proofs } from './proofs.ts'

export interface ProvenRpcOptions {
  readonly rpcUrl: string
  readonly chainId: number
  readonly clock: Pace
  readonly onEndpointTrouble?: OnEndpointTrouble | undefined
  readonly onEndpointUse?: OnEndpointUse | undefined
  /** Without it endpoints are believed. */
  readonly proofs?: ProofOptions | undefined
}

/** The endpoints of a chain, what holds their answers against headers and receipts, and who asks for the newest block. */
export interface ProvenRpc {
  readonly rpc: Rpc
  readonly proofs: Proofs | undefined
  readonly heads: HeadWatch
}

export function openProvenRpc({ clock: pause, proofs: options, ...asked }: ProvenRpcOptions): ProvenRpc {
  const proofs = options && createProofs(options)
  const rpc = createRpc({ ...asked, pause, judge: proofs?.judge })
  return { rpc, proofs, heads: createHeadWatch(rpc, pause) }
}
