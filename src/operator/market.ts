import { WeftError } from '#domain/errors.ts'
import type { Address } from '#domain/ids.ts'
import { type MarketSettings, readMarketAddresses, readMarketSettings } from '#io/chain/read/market.ts'
import type { Rpc } from '#io/chain/rpc/rpc.ts'
import { carryOut, type CarriedOut, type Conduct } from './carry-out.ts'
import { type ManifestDraft, manifestWish } from './manifest.ts'
import { createMarketStep, type ManifestWish, type MarketForm, type MarketWish, planMarket } from './market-plan.ts'
import { compact } from './plan.ts'
import type { Session } from './session.ts'

/** What to change in a market: settings as they shall be, and members to add to or take from the lists. */
export interface MarketChange extends Omit<MarketWish, 'sequencers' | 'validators' | 'admins' | 'manifest'> {
  readonly draft?: ManifestDraft | undefined
  readonly addSequencers: readonly Address[]
  readonly removeSequencers: readonly Address[]
  readonly addValidators: readonly Address[]
  readonly removeValidators: readonly Address[]
  readonly addAdmins: readonly Address[]
  readonly removeAdmins: readonly Address[]
}

export interface MarketPlace {
  readonly protocolState: Address
  readonly dataMarket: Address
}

/** Throws `CONTRACT_UNKNOWN` when ProtocolState does not know the market. */
export async function readMarket(rpc: Rpc, { protocolState, dataMarket }: MarketPlace): Promise<MarketSettings> {
  if (!(await readMarketAddresses(rpc, protocolState)).includes(dataMarket))
    throw new WeftError('CONTRACT_UNKNOWN', { what: 'data market of this ProtocolState', address: dataMarket })
  return readMarketSettings(rpc, protocolState, dataMarket)
}

/** All markets of a ProtocolState, oldest first. */
export async function readMarkets(rpc: Rpc, protocolState: Address): Promise<readonly MarketSettings[]> {
  const addresses = await readMarketAddresses(rpc, protocolState)
  return Promise.all(addresses.map((address) => readMarketSettings(rpc, protocolState, address)))
}

const changed = (now: readonly Address[], added: readonly Address[], removed: readonly Address[]): Address[] =>
  [...new Set([...now, ...added])].filter((address) => !removed.includes(address))

/** Changes what differs. Throws as `carryOut` and `readMarket`; `MANIFEST_INVALID`, `MARKET_CONTRADICTED`. */
export async function changeMarket(
  { rpc, operator }: Session,
  { place, change }: { readonly place: MarketPlace; readonly change: MarketChange },
  conduct: Conduct,
  signal: AbortSignal,
): Promise<CarriedOut & { readonly manifest: ManifestWish | undefined }> {
  let isFirst = true
  let manifest: ManifestWish | undefined
  const { draft, ...wish } = change
  const plan = async () => {
    const now = await readMarket(rpc, place)
    // The first wave carries it. Looked at again, what was credited meanwhile would be granted a second time.
    const rewardAllowanceWei = isFirst ? change.rewardAllowanceWei : undefined
    isFirst = false
    const sequencers = changed(now.sequencers, change.addSequencers, change.removeSequencers)
    const validators = changed(now.validators, change.addValidators, change.removeValidators)
    const admins = changed(now.admins, change.addAdmins, change.removeAdmins)
    manifest = draft && (await manifestWish(draft, now))
    return compact(planMarket(place.protocolState, now, { ...wish, manifest, rewardAllowanceWei, sequencers, validators, admins }))
  }
  return { ...(await carryOut(operator, plan, conduct, signal)), manifest }
}

/** Makes another market, whatever there is already. Its settings are those of a new market: no windows, no roles. Throws as `carryOut`. */
export async function createMarket(
  { rpc, operator }: Session,
  options: { readonly protocolState: Address; readonly owner?: Address | undefined; readonly form: MarketForm },
  conduct: Conduct,
  signal: AbortSignal,
): Promise<CarriedOut & { readonly dataMarket: Address | undefined }> {
  await operator.settleEarlier(signal)
  const before = (await readMarketAddresses(rpc, options.protocolState)).length
  let created: readonly Address[] = []
  const plan = async () => {
    created = (await readMarketAddresses(rpc, options.protocolState)).slice(before)
    const step = createMarketStep(options.protocolState, options.owner ?? operator.address, options.form)
    return created.length > 0 ? [] : [[step]]
  }
  const carried = await carryOut(operator, plan, conduct, signal)
  return { ...carried, dataMarket: created[0] }
}
