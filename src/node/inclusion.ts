import { WeftError } from '#domain/errors.ts'
import { type EpochId, parseEpochId, type SubmissionId } from '#domain/ids.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import { systemClock } from '#io/clock/system.ts'
import { getJson } from '#io/http/client.ts'
import { createGatewayReader } from '#io/ipfs/gateway-reader.ts'
import { type IncludedSubmission, proveInclusion, type Voter } from '#roles/consumer/inclusion.ts'
import { BLOCK_TIMEOUT_MS } from './verify.ts'

export type { Voter }

/** How long the sequencer may look for an id. */
const ASK_TIMEOUT_MS = 30_000
/** A vote takes a kilobyte. */
const ANSWER_BYTES_MAX = 64 * 1024

/** Proves a submission against real endpoints; text that says why it cannot be proved. Throws when the anchor chain cannot be read. */
export function proveInclusionOn(
  chain: AnchorChain,
  {
    gateways,
    ...about
  }: { submissionId: SubmissionId; epochId: EpochId; voter: Voter | undefined; gateways: readonly string[]; signal: AbortSignal },
): Promise<IncludedSubmission | string> {
  const ipfs = createGatewayReader({ urls: gateways, timeoutMs: BLOCK_TIMEOUT_MS })
  return proveInclusion(about, { chain, ipfs, clock: systemClock })
}

/** The epoch that a submission is of, as its sequencer says: the proof does not rest on it. Throws `LINK_FAILED`. */
export async function epochOf(
  { submissionId, voter }: { readonly submissionId: SubmissionId; readonly voter: Voter | undefined },
  sequencerUrl: string,
  signal: AbortSignal,
): Promise<EpochId> {
  const whose = voter === undefined ? '' : `?${new URLSearchParams({ slot: String(voter.slotId), project: voter.projectId })}`
  const address = new URL(`/v1/submissions/${submissionId}${whose}`, sequencerUrl).href
  const { epochId, message } = await getJson(address, { timeoutMs: ASK_TIMEOUT_MS, bytesMax: ANSWER_BYTES_MAX, signal })
  if (typeof epochId === 'number') return parseEpochId(epochId)
  throw new WeftError('LINK_FAILED', { address, detail: typeof message === 'string' ? message.slice(0, 500) : 'no epoch' })
}
