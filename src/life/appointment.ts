import type { Address } from '#domain/ids.ts'
import { type PersistDeps, persist } from './persist.ts'

/** Who may call what in a data market. */
export interface Appointments {
  readonly epochManager: Address
  readonly sequencers: readonly Address[]
  readonly validators: readonly Address[]
}

interface Office {
  readonly name: string
  readonly holders: (market: Appointments) => readonly Address[]
  /** Of `./weft market set`, with the account behind it. */
  readonly flag: string
}

const OFFICES = {
  epochManager: { name: 'epoch manager', holders: ({ epochManager }) => [epochManager], flag: '--epoch-manager' },
  sequencer: { name: 'sequencer', holders: ({ sequencers }) => sequencers, flag: '--add-sequencer' },
  validator: { name: 'validator', holders: ({ validators }) => validators, flag: '--add-validator' },
} as const satisfies Record<string, Office>

export interface AppointmentDeps extends PersistDeps {
  readonly chain: { readonly protocolState: Address; readonly dataMarket: Address; market(): Promise<Appointments> }
  readonly sender: { readonly address: Address }
}

/** Whether the account holds the office in the market, and the command that gives it the office. The endpoint is for the person to fill in: a URL of one may hold a key, and logs are shown around. */
export function appointing(
  office: keyof typeof OFFICES,
  {
    market,
    account,
    chain,
  }: {
    readonly market: Appointments
    readonly account: Address
    readonly chain: Pick<AppointmentDeps['chain'], 'protocolState' | 'dataMarket'>
  },
): { readonly isHeld: boolean; readonly name: string; readonly command: string } {
  const { name, holders, flag } = OFFICES[office]
  const command = `./weft market set --rpc URL --protocol-state ${chain.protocolState} --data-market ${chain.dataMarket} ${flag} ${account}`
  return { isHeld: holders(market).includes(account), name, command }
}

/** Soon enough for the person who has just appointed the account, and nothing beside what a role asks of its endpoint anyway. */
const CHECK_EVERY_MS = 15_000

/**
 * Tells when the account of a role is not appointed by its market, at start or later, and when it is again: until then the contracts
 * refuse all it sends. Nothing stops for it, the market may appoint it at any time. Rejects with the signal's reason when it aborts.
 */
export async function watchAppointment(office: keyof typeof OFFICES, deps: AppointmentDeps, signal: AbortSignal): Promise<never> {
  const { chain, sender, clock, report } = deps
  const account = sender.address
  const market = chain.dataMarket
  // What is as it should be at start is not worth a line.
  let isAppointed = true
  for (;;) {
    const now = await persist({ doing: 'read_appointment', attempt: () => chain.market(), signal }, deps)
    const { isHeld: isNow, name, command } = appointing(office, { market: now, account, chain })
    if (isNow && !isAppointed) report('appointed', { account, market, as: name })
    if (!isNow && isAppointed) {
      report('not_appointed', { account, market, missing: name, command })
    }
    isAppointed = isNow
    await clock.sleep(CHECK_EVERY_MS, signal)
  }
}
