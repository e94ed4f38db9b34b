import { WeftError } from '#domain/errors.ts'
import type { Address } from '#domain/ids.ts'
import { isRecord } from '#wire/untrusted.ts'
import { finalPeerIn, isPeerAddress } from './peer-address.ts'
import { PIN, publishedList, type PublishedDeps } from './published-list.ts'
import type { Settings } from './settings/settings.ts'

/** What is wrong with where the list is to come from. */
export function problemsOfTrusted({ trustedSequencers = '', trustedSequencersPin = '' }: Partial<Settings>): string[] {
  const pin = '--trusted-sequencers-pin (WEFT_TRUSTED_SEQUENCERS_PIN)'
  return [
    ...(trustedSequencersPin !== '' && !PIN.test(trustedSequencersPin) ? [`${pin}: it is sha256: or ed25519: and 64 hex digits`] : []),
    ...(trustedSequencersPin === '' && trustedSequencers.startsWith('http://')
      ? [`${pin} is needed with a list over plain http: anybody on the way could write it`]
      : []),
  ]
}

export interface Trust {
  readonly dataMarket: Address
  /** As the chain names the sequencer; empty where it does not. */
  readonly sequencerId: string
}

/**
 * Multiaddrs of the market's sequencers from the list, in its order (spec/02 §5). The list as it is now, or the copy of the last one where that
 * cannot be had; either way only if it is what the pin says. The peer id on chain beats the file. Throws `SEQUENCERS_UNKNOWN`.
 */
export async function trustedSequencers(
  settings: Pick<Settings, 'trustedSequencers' | 'trustedSequencersPin'>,
  { dataMarket, sequencerId }: Trust,
  deps: PublishedDeps,
): Promise<readonly string[]> {
  const place = settings.trustedSequencers
  const entries = await publishedList({ place, pin: settings.trustedSequencersPin, copyName: 'trusted-sequencers.json' }, deps)
  const addresses = addressesIn(entries, dataMarket)
  const named = finalPeerIn(sequencerId) ?? sequencerId
  const trusted = isPeerId(named) ? addresses.filter((address) => finalPeerIn(address) === named) : addresses
  if (trusted.length > 0) return trusted
  const detail =
    addresses.length === 0 ? `it has no entry for the data market ${dataMarket}` : `the chain names ${named}, and it has other peers`
  throw new WeftError('SEQUENCERS_UNKNOWN', { place, detail })
}

export const isPeerId = (text: string): boolean => isPeerAddress(`/ip4/127.0.0.1/tcp/1/p2p/${text}`)

/** Entries that cannot be dialed, or whose id is not that of their address, are none. The market's address may be spelled in any case. */
function addressesIn(entries: readonly unknown[], dataMarket: Address): string[] {
  return entries.flatMap((entry) => {
    if (!isRecord(entry)) return []
    const { id, maddr, dataMarketAddress } = entry
    if (typeof dataMarketAddress !== 'string' || dataMarketAddress.toLowerCase() !== dataMarket.toLowerCase()) return []
    return typeof maddr === 'string' && isPeerAddress(maddr) && finalPeerIn(maddr) === id ? [maddr] : []
  })
}
