import { parseAddress, type EpochId, type ProjectId } from '#domain/ids.ts'
import { connectAnchorChain } from '#io/chain/read/anchor.ts'
import { systemClock } from '#io/clock/system.ts'
import { createGatewayReader } from '#io/ipfs/gateway-reader.ts'
import { type ProofStep, type StepResult, verify } from '#roles/consumer/verify.ts'

/** Where to look. Only the anchor chain is trusted; gateways may serve what they like. */
export interface VerifyPlaces {
  readonly anchorRpcUrl: string
  readonly anchorChainId: number
  readonly protocolState: string
  readonly dataMarket: string
  readonly gateways: Readonly<Record<string, string>>
}

export interface Proof {
  readonly ok: boolean
  /** The step that failed. */
  readonly failed?: ProofStep
  readonly steps: readonly StepResult[]
}

/** How long one gateway may take for one block. */
const BLOCK_TIMEOUT_MS = 5_000

/** Proves one data point against real endpoints, telling each step as it ends. Throws when the anchor chain cannot be read. */
export async function verifyAt(
  places: VerifyPlaces,
  point: { readonly projectId: ProjectId; readonly epochId: EpochId },
  signal: AbortSignal,
  onStep: (step: StepResult) => void,
): Promise<Proof> {
  const chain = await connectAnchorChain({
    rpcUrl: places.anchorRpcUrl,
    chainId: places.anchorChainId,
    protocolState: parseAddress(places.protocolState),
    dataMarket: parseAddress(places.dataMarket),
    // Nothing is followed here, only read.
    pollMs: 1_000,
    reorgDepthMax: 1,
    clock: systemClock,
  })
  const ipfs = createGatewayReader({ urls: Object.values(places.gateways), timeoutMs: BLOCK_TIMEOUT_MS })
  const steps: StepResult[] = []
  for await (const step of verify({ ...point, signal }, { chain, ipfs })) {
    steps.push(step)
    onStep(step)
  }
  const failed = steps.find(({ ok }) => !ok)?.step
  return failed === undefined ? { ok: true, steps } : { ok: false, failed, steps }
}
