import { type EpochId, parseAddress, type ProjectId } from '#domain/ids.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import { connectAnchorChain } from '#io/chain/read/anchor.ts'
import { systemClock } from '#io/clock/system.ts'
import { createGatewayReader } from '#io/ipfs/gateway-reader.ts'
import { recoverer } from '#io/keys/secp256k1.ts'
import type { CountRules } from '#roles/consumer/count.ts'
import { type DataStatus, type ProofStep, type StepResult, verify } from '#roles/consumer/verify.ts'
import { DEADLINE_BUFFER_MAX_BLOCKS, TALLY_POLICY } from './market-rules.ts'

/** Where to look. Only the anchor chain is trusted; gateways may serve what they like. */
export interface VerifyPlaces {
  readonly anchorRpcUrl: string
  readonly anchorChainId: number
  readonly protocolState: string
  readonly dataMarket: string
}

export interface Proof {
  readonly ok: boolean
  /** What the chain says of the data point. */
  readonly status?: DataStatus
  /** The step that failed. */
  readonly failed?: ProofStep
  readonly steps: readonly StepResult[]
}

export interface VerifyRequest {
  readonly projectId: ProjectId
  readonly epochId: EpochId
  readonly windowUnit: CountRules['windowUnit']
  /** Trustless gateways, asked in this order. */
  readonly gateways: readonly string[]
  readonly signal: AbortSignal
  onStep(step: StepResult): void
  onData(bytes: Uint8Array): void
}

/** How long one gateway may take for one block. */
const BLOCK_TIMEOUT_MS = 5_000

/** The anchor chain for reading, nothing is followed. Throws as `connectAnchorChain`. */
export function openAnchor(places: VerifyPlaces): Promise<AnchorChain> {
  return connectAnchorChain({
    rpcUrl: places.anchorRpcUrl,
    chainId: places.anchorChainId,
    protocolState: parseAddress(places.protocolState),
    dataMarket: parseAddress(places.dataMarket),
    pollMs: 1_000,
    reorgDepthMax: 1,
    clock: systemClock,
  })
}

/** Proves one data point against real endpoints, telling each step as it ends. Throws when the anchor chain cannot be read. */
export async function verifyOn(chain: AnchorChain, request: VerifyRequest): Promise<Proof> {
  const { projectId, epochId, signal, onData } = request
  const ipfs = createGatewayReader({ urls: request.gateways, timeoutMs: BLOCK_TIMEOUT_MS })
  const rules = { windowUnit: request.windowUnit, deadlineBufferMaxBlocks: DEADLINE_BUFFER_MAX_BLOCKS, tally: TALLY_POLICY }
  const steps: StepResult[] = []
  for await (const step of verify({ projectId, epochId, rules, signal, onData }, { chain, ipfs, recoverer, clock: systemClock })) {
    steps.push(step)
    request.onStep(step)
  }
  const status = steps[0]?.status
  const failed = steps.find(({ ok }) => !ok)?.step
  return { ok: failed === undefined, ...(status && { status }), ...(failed && { failed }), steps }
}
