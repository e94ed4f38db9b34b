import { detailOf, WeftError } from '#domain/errors.ts'
import type { EpochId, Hash, ProjectId } from '#domain/ids.ts'
import { honestMajority } from '#domain/quorum.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import { createStateProver } from '#io/chain/read/state-prover.ts'
import { createRpc } from '#io/chain/rpc/rpc.ts'
import { systemClock } from '#io/clock/system.ts'
import { onDisk, replaceFile } from '#io/disk/disk.ts'
import { createGatewayReader } from '#io/ipfs/gateway-reader.ts'
import { type CheckResult, checkProof, type CheckStep, type Trust } from '#roles/consumer/proof/check.ts'
import { blockIn, type ProvenBlock } from '#roles/consumer/proof/header.ts'
import { makeProof } from '#roles/consumer/proof/make.ts'
import { PROOF_BYTES_MAX, type Proof } from '#wire/proof.ts'
import { parseJson } from '#wire/untrusted.ts'
import { aboutAll, type EndpointSaid, endpointsIn } from './agreement.ts'
import { readNamed } from './given-file.ts'
import { BLOCK_TIMEOUT_MS } from './verify.ts'

/** For everybody to read. */
const FILE_MODE = 0o644

export interface ProofRequest {
  readonly projectId: ProjectId
  readonly epochId: EpochId
  /** As the settings of a role name them. */
  readonly rpcUrl: string
  readonly gateways: readonly string[]
  readonly signal: AbortSignal
}

/** Makes a proof from real endpoints, and says on which block it rests. Throws `PROOF_IMPOSSIBLE`, and when the anchor chain cannot be read. */
export async function proveOn(
  chain: AnchorChain,
  { rpcUrl, gateways, ...point }: ProofRequest,
): Promise<{ proof: Proof; block: ProvenBlock }> {
  const states = createStateProver(createRpc({ rpcUrl, chainId: chain.chainId, pause: systemClock }))
  const ipfs = createGatewayReader({ urls: gateways, timeoutMs: BLOCK_TIMEOUT_MS })
  const proof = await makeProof(point, { chain, states, ipfs, clock: systemClock })
  return { proof, block: blockIn(proof) as ProvenBlock }
}

/** Whole or not at all. Throws as `storeFailed`. */
export const writeProof = (path: string, proof: Proof): void =>
  onDisk(path, 'writing the proof', () => replaceFile(path, `${JSON.stringify(proof)}\n`, FILE_MODE))

/** What is in the file, of which nothing is believed; `undefined` when it is not JSON. Throws `FILE_UNREADABLE`. */
export function readProof(path: string): unknown {
  return parseJson(new TextDecoder().decode(readNamed(path, PROOF_BYTES_MAX)))
}

/**
 * The hash of the block of a proof, when so many of the endpoints know it: more than half, unless `agree` says how many. Each is told of by
 * `onSaid`. Throws `ENDPOINTS_DISAGREE`.
 */
export async function agreedHash(
  block: ProvenBlock,
  { rpcUrl, agree, onSaid }: { readonly rpcUrl: string; readonly agree: number | undefined; onSaid(said: EndpointSaid): void },
): Promise<Hash> {
  const said = await Promise.all(endpointsIn(rpcUrl).map((url) => askOf(url, block)))
  for (const each of said) onSaid(each)
  const agreeing = said.filter(({ ok }) => ok).length
  const needed = agree ?? honestMajority(said.length)
  if (agreeing < needed)
    throw new WeftError('ENDPOINTS_DISAGREE', { about: aboutAll(`block ${block.number} ${block.hash}`, said), agreeing, needed })
  return block.hash
}

async function askOf(url: string, { number, hash, anchorChainId }: ProvenBlock): Promise<EndpointSaid> {
  const rpc = createRpc({ rpcUrl: url, pause: systemClock })
  const { endpoint } = rpc
  try {
    const [chainId, block] = await Promise.all([
      rpc.call('eth_chainId', []),
      rpc.call('eth_getBlockByNumber', [`0x${number.toString(16)}`, false]),
    ])
    if (Number(chainId) !== anchorChainId) return { endpoint, ok: false, detail: `is of chain ${Number(chainId)}, not ${anchorChainId}` }
    if (block === null) return { endpoint, ok: false, detail: `has no block ${number} yet` }
    const said = String((block as { readonly hash?: unknown }).hash)
      .toLowerCase()
      .slice(0, hash.length)
    return { endpoint, ok: said === hash, detail: said === hash ? `has block ${number} as well` : `says that block ${number} is ${said}` }
  } catch (failure) {
    return { endpoint, ok: false, detail: detailOf(failure) }
  }
}

export interface CheckedProof {
  readonly ok: boolean
  readonly failed?: CheckStep
  readonly steps: readonly Omit<CheckResult, 'data'>[]
  readonly data?: Uint8Array
}

/** Checks a proof, telling each step as it ends. Asks nobody. */
export async function checkOffline(proof: unknown, trust: Trust, onStep: (step: CheckResult) => void): Promise<CheckedProof> {
  const steps: Omit<CheckResult, 'data'>[] = []
  let last: CheckResult | undefined
  for await (const step of checkProof(proof, trust)) {
    last = step
    const { data: _data, ...told } = step
    steps.push(told)
    onStep(step)
  }
  const failed = last?.ok === true ? undefined : last?.step
  return { ok: last?.data !== undefined, steps, ...(failed && { failed }), ...(last?.data && { data: last.data }) }
}

export type { ProvenBlock, Trust }
export { blockIn }
