import { statSync } from 'node:fs'
import type { AnchorChain, ProtocolSender } from '#io/chain/port.ts'
import type { ProvenRpc } from '#io/chain/proof/proven-rpc.ts'
import { senderOfTransaction } from '#io/chain/send/transaction.ts'
import { systemClock } from '#io/clock/system.ts'
import { onDisk } from '#io/disk/disk.ts'
import { systemRandom } from '#io/keys/random.ts'
import { type TwinWatch, watchTwins } from '#life/twins.ts'
import { type RoleHome, stateFile } from './home.ts'
import type { Vitals } from './role.ts'
import type { Settings } from './settings/settings.ts'

/** Looks out for another process with the account of a role. */
export function twinsOf(
  { listenEpochs }: Pick<Settings, 'listenEpochs'>,
  { report, store, directory }: Pick<RoleHome, 'report' | 'store' | 'directory'>,
  { rpc: { rpc }, chain, sender }: { readonly rpc: ProvenRpc; readonly chain: AnchorChain; readonly sender: ProtocolSender },
): TwinWatch {
  const deps = { clock: systemClock, random: systemRandom, report }
  const place = placeOf(stateFile(directory))
  return watchTwins({ listenEpochs, place }, { ...deps, store, chain, sender, senderOf: (hash) => senderOfTransaction(rpc, hash) })
}

/** Which file it is: a copy has another number, or was born at another time. */
export function placeOf(path: string): string {
  const { ino, birthtimeNs } = onDisk(path, 'looking at it', () => statSync(path, { bigint: true }))
  return `${ino} ${birthtimeNs}`
}

/** Who signs nothing is not ready. */
export const withTwins = (vitals: Vitals, twins: TwinWatch | undefined): Vitals => ({
  ...vitals,
  unready() {
    const why = twins?.unready()
    return why === undefined ? vitals.unready() : [...vitals.unready(), why]
  },
})
