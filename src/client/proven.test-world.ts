import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Point } from '#wire/api.ts'
import type { Proof } from '#wire/proof.ts'
import { apiOf, type Host, json } from './api.test-world.ts'

/** The vectors of docs/PROOF.md, as an api and RPC endpoints of their chain would serve them. */

interface Vectors {
  readonly proofs: Readonly<
    Record<
      'projects' | 'roots' | 'pending',
      { readonly trust: { readonly blockHash: string; readonly dataMarket: string }; readonly proof: Proof }
    >
  >
}
const { proofs } = JSON.parse(readFileSync(join(import.meta.dirname, '../../test/vectors/proof/proofs.json'), 'utf8')) as Vectors
export const PROVEN = proofs.projects.proof
/** Of the same project, in another epoch. */
export const OTHER = proofs.roots.proof
/** All of it is true, but that its batch is final. */
export const PENDING = proofs.pending.proof
export const { blockHash: BLOCK_HASH, dataMarket: DATA_MARKET } = proofs.projects.trust

/** What an api says of the data point that the proof is of. */
export const toldOf = ({ projectId, epochId, snapshotCid, batchCid, snapshot }: Proof, told: Partial<Point> = {}): Point => ({
  projectId,
  epochId,
  status: 'finalized',
  snapshotCid,
  batchCid,
  text: new TextDecoder().decode(Uint8Array.fromBase64(snapshot)),
  ...told,
})

/** An api that holds these points, and answers with the proof whatever a proof is asked of. */
export function provingApi(points: readonly Point[], proof: unknown): Host {
  return apiOf(points, { proof })
}

/** An RPC endpoint that says this of each block. */
export const rpcOf =
  (hash: string | null): Host =>
  () =>
    json({ jsonrpc: '2.0', id: 1, result: hash === null ? null : { hash } })
