import type { AnchorChain, ProtocolSender } from '#io/chain/port.ts'
import type { ProvenRpc } from '#io/chain/proof/proven-rpc.ts'
import { senderOfTransaction } from '#io/chain/send/transaction.ts'
import { systemClock } from '#io/clock/system.ts'
import { systemRandom } from '#io/keys/random.ts'
import { type TwinWatch, watchTwins } from '#life/twins.ts'
import type { RoleHome } from './home.ts'
import type { Vitals } from './role.ts'
import type { Settings } from './settings/settings.ts'

/** Looks out for another process with the account of a role. */
export function twinsOf(
  { listenEpochs }: Pick<Settings, 'listenEpochs'>,
  { report }: Pick<RoleHome, 'report'>,
  { rpc: { rpc }, chain, sender }: { readonly rpc: ProvenRpc; readonly chain: AnchorChain; readonly sender: ProtocolSender },
): TwinWatch {
  const deps = { clock: systemClock, random: systemRandom, report }
  return watchTwins({ listenEpochs }, { ...deps, chain, sender, senderOf: (hash) => senderOfTransaction(rpc, hash) })
}

/** Who signs nothing is not ready. */
export const withTwins = (vitals: Vitals, twins: TwinWatch | undefined): Vitals => ({
  ...vitals,
  unready() {
    const why = twins?.unready()
    return why === undefined ? vitals.unready() : [...vitals.unready(), why]
  },
})
