import type { Address } from '#domain/ids.ts'
import type { MarketSettings } from '#io/chain/read/market.ts'
import type { DeployConfig } from './config.ts'
import type { ManifestWish, MarketForm, MarketWish } from './market-plan.ts'

/** A configuration, and the manifest that was completed for it. */
export interface WantedNetwork extends DeployConfig {
  readonly manifest?: ManifestWish | undefined
}

/** What a network without a configuration gets. */

/** The published market: ten blocks of Ethereum mainnet. */
const FORM: MarketForm = { epochSize: 10, sourceChainId: 1, sourceBlockTimeSeconds: 12, usesBlockNumbersAsEpochIds: false }
/** In anchor blocks; at two seconds each, an epoch of two minutes has 40 s for submissions, then 80 s for batches, then two minutes for votes. */
const WINDOWS = { snapshotBlocks: 20, batchBlocks: 60, attestationBlocks: 120 }
export const NODES_NAME = 'Weft nodes'
/** The least that the contract takes. Minting is closed unless the configuration opens it. */
export const NODE_PRICE_WEI = 1n
const NOBODY = `0x${'0'.repeat(40)}`

/** What a new market is made of. */
export function wantedForm({ market }: DeployConfig): MarketForm {
  return {
    epochSize: market?.epochSize ?? (market?.blockNumbersAsEpochIds ? 1 : FORM.epochSize),
    sourceChainId: market?.sourceChainId ?? FORM.sourceChainId,
    sourceBlockTimeSeconds: market?.sourceBlockTimeSeconds ?? FORM.sourceBlockTimeSeconds,
    usesBlockNumbersAsEpochIds: market?.blockNumbersAsEpochIds ?? FORM.usesBlockNumbersAsEpochIds,
  }
}

/** What the configuration says about an existing market's form that is not so. */
export function formDifferences({ market }: DeployConfig, now: MarketSettings): string[] {
  const asked: readonly [string, unknown, unknown][] = [
    ['epochSize', market?.epochSize, now.epochSize],
    ['sourceChainId', market?.sourceChainId, now.sourceChainId],
    ['sourceBlockTimeSeconds', market?.sourceBlockTimeSeconds, now.sourceBlockTimeSeconds],
    ['blockNumbersAsEpochIds', market?.blockNumbersAsEpochIds, now.usesBlockNumbersAsEpochIds],
  ]
  return asked
    .filter(([, wanted, is]) => wanted !== undefined && wanted !== is)
    .map(
      ([name, wanted, is]) =>
        `market.${name}: is ${is} for ever in ${now.address}, not ${wanted}; \`./weft market create\` makes another market`,
    )
}

/**
 * The settings to reach: what the configuration says, else what the market has, else, where it has nothing, a default: windows as above,
 * the deployer in every role. So a second run without a configuration takes back nothing that was changed since.
 */
export function wantedSettings({ market, manifest }: WantedNetwork, now: MarketSettings, deployer: Address): MarketWish {
  const windows = market?.windows
  const validators = market?.validators ?? (now.validators.length === 0 ? [deployer] : now.validators)
  return {
    snapshotWindowBlocks: windows?.snapshotBlocks ?? (now.snapshotWindowBlocks || WINDOWS.snapshotBlocks),
    batchWindowBlocks: windows?.batchBlocks ?? (now.batchWindowBlocks || WINDOWS.batchBlocks),
    attestationWindowBlocks: windows?.attestationBlocks ?? (now.attestationWindowBlocks || WINDOWS.attestationBlocks),
    // With more attestations than validators nothing would ever be final.
    attestationsMin: market?.minAttestations ?? Math.max(1, Math.min(now.attestationsMin, validators.length)),
    epochManager: market?.epochManager ?? (now.epochManager === NOBODY ? deployer : now.epochManager),
    sequencers: market?.sequencers ?? (now.sequencers.length === 0 ? [deployer] : now.sequencers),
    validators,
    admins: market?.admins,
    sequencerId: market?.sequencerId,
    rootOnlyBatchesAllowed: market?.rootOnlyBatches,
    dailySnapshotQuota: market?.dailySnapshotQuota,
    rewardPoolWei: market?.rewardPoolWei,
    rewardsEnabled: market?.rewards,
    manifest,
  }
}
