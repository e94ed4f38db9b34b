import { isWeftError, WeftError } from '#domain/errors.ts'
import { type Cid, type EpochId, namespaceOf, parseAddress, type ProjectId } from '#domain/ids.ts'
import type { MarketRules } from '#domain/market-rules.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import { connectAnchorChain } from '#io/chain/read/anchor.ts'
import { systemClock } from '#io/clock/system.ts'
import { createGatewayReader } from '#io/ipfs/gateway-reader.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import { systemRandom } from '#io/keys/random.ts'
import { recoverer } from '#io/keys/secp256k1.ts'
import { createReadFile, type ReadFile } from '#roles/consumer/find-batch.ts'
import type { DataStatus } from '#roles/consumer/reported.ts'
import { type ProofStep, type StepResult, verify } from '#roles/consumer/verify.ts'
import { MANIFEST_BYTES_MAX, parseManifest, rulesOf } from '#wire/manifest.ts'
import { DEPLOYED_RULES } from './market.ts'

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
  /** What is said of it beside the market's manifest, or in its place. */
  readonly windowUnit: MarketRules['windowUnit'] | undefined
  /** Trustless gateways, asked in this order. */
  readonly gateways: readonly string[]
  readonly signal: AbortSignal
  onStep(step: StepResult): void
  onData(bytes: Uint8Array): void
}

export type { StepResult }

/** How long one gateway may take for one block. */
export const BLOCK_TIMEOUT_MS = 5_000
const MANIFEST_TIMEOUT_MS = 10_000

/** The anchor chain for reading, nothing is followed: what became of a batch is held against headers and receipts all the same. Throws as `connectAnchorChain`. */
export function openAnchor(places: VerifyPlaces): Promise<AnchorChain> {
  return connectAnchorChain({
    rpcUrl: places.anchorRpcUrl,
    chainId: places.anchorChainId,
    protocolState: parseAddress(places.protocolState),
    dataMarket: parseAddress(places.dataMarket),
    pollMs: 1_000,
    reorgDepthMax: 1,
    clock: systemClock,
    proofs: { receiptsShare: 1, random: systemRandom.fraction },
  })
}

/** Reads batch files from gateways, for what a chain that has no more than their roots cannot tell. */
export function readFileFrom(gateways: readonly string[], signal: AbortSignal): ReadFile {
  return createReadFile({ ipfs: createGatewayReader({ urls: gateways, timeoutMs: BLOCK_TIMEOUT_MS }), clock: systemClock }, signal)
}

/** Proves one data point against real endpoints, telling each step as it ends. Throws when the anchor chain cannot be read. */
export async function verifyOn(chain: AnchorChain, request: VerifyRequest): Promise<Proof> {
  const { projectId, epochId, signal, onData } = request
  const ipfs = createGatewayReader({ urls: request.gateways, timeoutMs: BLOCK_TIMEOUT_MS })
  const rules = () => rulesFor(request, { chain, ipfs })
  const steps: StepResult[] = []
  for await (const step of verify({ projectId, epochId, rules, signal, onData }, { chain, ipfs, recoverer, clock: systemClock })) {
    steps.push(step)
    request.onStep(step)
  }
  const status = steps[0]?.status
  const failed = steps.find(({ ok }) => !ok)?.step
  return { ok: failed === undefined, ...(status && { status }), ...(failed && { failed }), steps }
}

/** What sequencer and validators counted by in the epoch: the market's manifest, or what deployed ones follow. Throws `MANIFEST_UNAVAILABLE`, `MANIFEST_INVALID`, `MARKET_CONTRADICTED`. */
export async function rulesFor(
  { projectId, epochId, windowUnit, gateways, signal }: Pick<VerifyRequest, 'projectId' | 'epochId' | 'windowUnit' | 'gateways' | 'signal'>,
  { chain, ipfs }: { readonly chain: AnchorChain; readonly ipfs: Pick<Ipfs, 'get'> },
): Promise<MarketRules> {
  const ref = await chain.manifestAt(epochId)
  if (ref === undefined)
    return { ...DEPLOYED_RULES, namespace: namespaceOf(projectId), windowUnit: windowUnit ?? DEPLOYED_RULES.windowUnit }
  const { cid } = ref
  const bytes = await ipfs
    .get(cid as Cid, { bytesMax: MANIFEST_BYTES_MAX, timeoutMs: MANIFEST_TIMEOUT_MS, signal })
    .catch((failure: unknown) => {
      if (isWeftError(failure) && failure.code.startsWith('IPFS_'))
        throw new WeftError('MANIFEST_UNAVAILABLE', { cid, lookedIn: gateways.join(', ') }, failure)
      throw failure
    })
  const rules = rulesOf(parseManifest(bytes, cid))
  if (windowUnit !== undefined && windowUnit !== rules.windowUnit)
    throw new WeftError('MARKET_CONTRADICTED', {
      problems: [`window.unit: the manifest ${cid} says ${rules.windowUnit}, --window-unit ${windowUnit}`],
    })
  return rules
}
