import { WeftError } from '#domain/errors.ts'
import type { Rpc } from '#io/chain/rpc/rpc.ts'
import { haveCode } from '#io/chain/send/creations.ts'
import type { Account } from '#io/chain/send/account.ts'
import type { Network } from '#node/network.ts'
import { readArtifacts } from './artifacts.ts'
import { carryOut, type CarriedOut, type Conduct } from './carry-out.ts'
import type { DeployConfig } from './config.ts'
import { type NetworkPlan, planNetwork } from './network-plan.ts'
import { type ManifestDraft, manifestWish } from './manifest.ts'
import type { ManifestWish } from './market-plan.ts'
import { observe } from './observe.ts'
import { wantedForm } from './wanted.ts'

export interface DeployTarget {
  readonly rpc: Rpc
  readonly chainId: number
  readonly operator: Account
  /** What an earlier run wrote down. Without it, what the account created is found by its code. */
  readonly network: Network | undefined
}

export interface Deployed extends CarriedOut {
  /** After a dry run, or when declined, where things would be. */
  readonly network: Network
  /** What the market is to ask for, where a manifest was given. */
  readonly manifest: ManifestWish | undefined
}

/**
 * Puts the protocol, one data market and its slots on a chain, or what of it is missing or differs. Throws `CHAIN_WRONG`,
 * `SETTINGS_INVALID`, `CONTRACT_UNKNOWN`, `MANIFEST_INVALID`, `MARKET_CONTRADICTED`, and as `carryOut`.
 */
export async function deployNetwork(
  target: DeployTarget,
  config: DeployConfig & { readonly draft?: ManifestDraft | undefined },
  conduct: Conduct,
  signal: AbortSignal,
): Promise<Deployed> {
  const { rpc, chainId, operator, network } = target
  if (network !== undefined && network.chainId !== chainId)
    throw new WeftError('CHAIN_WRONG', { endpoint: rpc.endpoint, expectedChainId: network.chainId, gotChainId: chainId })
  // A file without its contracts is one of a chain that was begun anew under the same id.
  const [isThere] = network === undefined ? [false] : await haveCode(rpc, [network.protocolState])
  const place = { rpc, operator, artifacts: await readArtifacts(), network: isThere ? network : undefined }
  const { draft, ...wanted } = config
  let latest: NetworkPlan | undefined
  let manifest: ManifestWish | undefined
  const plan = async () => {
    const observed = await observe(place)
    const [named] = place.network === undefined ? [] : observed.markets
    manifest = draft && (await manifestWish(draft, named ?? wantedForm(wanted)))
    latest = planNetwork(observed, { ...wanted, manifest }, { artifacts: place.artifacts, isNamed: place.network !== undefined })
    return latest.waves
  }
  const carried = await carryOut(operator, plan, conduct, signal)
  const { contracts, deploymentBlock } = latest as unknown as NetworkPlan
  const { protocolState, dataMarket, nodes, factory } = contracts
  return { ...carried, network: { chainId, protocolState, dataMarket, nodes, factory, deploymentBlock }, manifest }
}
