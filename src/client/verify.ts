import { WeftError } from '#domain/errors.ts'
import type { Address, EpochId, ProjectId } from '#domain/ids.ts'
import { isRecord } from '#wire/untrusted.ts'
import type { Blocks } from './blocks.ts'
import { bodyOf } from './endpoints.ts'
import type { Http } from './http.ts'
import { addressOf, PATHS } from './paths.ts'
import { type DataPoint, expectSame, type Origin, type Told, type Verify, readValue } from './points.ts'

/** The market whose data are meant. Without it a proof proves nothing: anybody may deploy a market of their own, where final is what they like. */
export interface TrustedMarket {
  readonly dataMarket: string
  readonly anchorChainId?: number | undefined
}

/** What the client was asked to check, and by what. */
export type Verifying =
  | { readonly verify: 'none' | 'cid' }
  | { readonly verify: 'proof'; readonly market: TrustedMarket; readonly blocks: Blocks; readonly http: Http }

/** The point with its value, checked here. What checks it is loaded when it is needed. Throws `VERIFICATION_FAILED` and what asking for a proof may. */
export async function verified<Value>(told: Told, origin: Origin<Value>, verifying: Verifying): Promise<DataPoint<Value>> {
  const { text, ...rest } = told
  const level = text === undefined ? 'none' : await levelOf({ ...told, text }, origin, verifying)
  if (text === undefined || level !== verifying.verify) return { ...rest, verified: level }
  return { ...rest, text, value: readValue(told, text, origin), verified: level }
}

type WithText = Told & { readonly text: string }

async function levelOf(told: WithText, origin: Origin<unknown>, verifying: Verifying): Promise<Verify> {
  if (verifying.verify === 'none') return 'none'
  await checkCid(told, origin)
  if (verifying.verify !== 'proof' || told.status !== 'finalized') return 'cid'
  await checkProven(told, origin, verifying)
  return 'proof'
}

async function checkCid({ text, snapshotCid }: WithText, { endpoint }: Origin<unknown>): Promise<void> {
  const { snapshotCidOf } = await import('#wire/cid.ts')
  expectSame<string | undefined>('cid', snapshotCid, { got: await snapshotCidOf(new TextEncoder().encode(text)), endpoint })
}

async function checkProven(told: WithText, origin: Origin<unknown>, verifying: Extract<Verifying, { verify: 'proof' }>): Promise<void> {
  const { projectId, epochId } = told
  const { endpoint, signal } = origin
  const { blocks, http, market } = verifying
  const answer = await http.get(`${endpoint}${addressOf(PATHS.proof, { projectId, epochId })}`, signal)
  const proof = bodyOf({ ...answer, endpoint })
  const failed = (step: string, expected: string, got: string) => new WeftError('VERIFICATION_FAILED', { step, expected, got, endpoint })
  const { blockNumberOf, checkProof } = await import('./proof.ts')
  const blockNumber = blockNumberOf(proof)
  if (blockNumber === undefined) throw failed('block', 'a proof with the header of a block', 'none')
  const trust = {
    blockHash: await blocks.hashOf(blockNumber),
    dataMarket: market.dataMarket as Address,
    ...(market.anchorChainId !== undefined && { anchorChainId: market.anchorChainId }),
    projectId: projectId as ProjectId,
    epochId: epochId as EpochId,
  }
  let isProven = false
  for await (const { step, ok, detail, data } of checkProof(proof, trust)) {
    if (!ok) throw failed(step, 'a proof that holds', detail)
    isProven = data !== undefined
  }
  if (!isProven) throw failed('cid', 'a proof that ends in data', 'one that ends before')
  // It is of this market, project and epoch. That it is of what was said besides is left to see.
  const proven = isRecord(proof) ? proof : {}
  expectSame<unknown>('snapshot_cid', proven['snapshotCid'], { got: told.snapshotCid, endpoint })
  expectSame<unknown>('batch_cid', proven['batchCid'], { got: told.batchCid, endpoint })
}
