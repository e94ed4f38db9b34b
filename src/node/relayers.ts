import { isWeftError } from '#domain/errors.ts'
import { isRecord } from '#wire/untrusted.ts'
import { finalPeerIn, isPeerAddress } from './peer-address.ts'
import { publishedList, type PublishedDeps } from './published-list.ts'
import type { Settings } from './settings/settings.ts'

/** Relays of a network, and the name under which its sequencers are found there. */
export interface Relayers {
  /** `undefined` where neither settings nor list name one. */
  readonly point: string | undefined
  /** Multiaddrs, in the order of the list. */
  readonly addresses: readonly string[]
}

/**
 * What `--relayers` lists for the rendezvous point of the settings, or else for that of the first entry (spec/02 §5). Relays see no more than
 * ciphertext, so the list needs no pin; and the direct way needs no relay, so a list that cannot be had stops nothing.
 */
export async function relayersOf(
  { relayers: place, rendezvousPoint }: Pick<Settings, 'relayers' | 'rendezvousPoint'>,
  deps: PublishedDeps,
): Promise<Relayers> {
  const entries = place === '' ? [] : await entriesAt(place, deps)
  const point = rendezvousPoint === '' ? entries[0]?.rendezvousPoint : rendezvousPoint
  const addresses = entries.filter((entry) => entry.rendezvousPoint === point).map(({ maddr }) => maddr)
  return { point, addresses: [...new Set(addresses)] }
}

interface Relayer {
  readonly rendezvousPoint: string
  readonly maddr: string
}

/** Those that can be dialed, and whose id is that of their address. */
async function entriesAt(place: string, deps: PublishedDeps): Promise<readonly Relayer[]> {
  try {
    const entries = await publishedList({ place, pin: '', copyName: 'relayers.json' }, deps)
    return entries.flatMap((entry) => {
      if (!isRecord(entry)) return []
      const { id, rendezvousPoint, maddr } = entry
      if (typeof rendezvousPoint !== 'string' || typeof maddr !== 'string') return []
      return isPeerAddress(maddr) && finalPeerIn(maddr) === id ? [{ rendezvousPoint, maddr }] : []
    })
  } catch (failure) {
    if (!isWeftError(failure, 'SEQUENCERS_UNKNOWN')) throw failure
    deps.home.report('rendezvous_failed', { place, detail: String(failure.facts.detail) })
    return []
  }
}
