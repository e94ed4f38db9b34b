import { isWeftError } from '#domain/errors.ts'
import type { Report } from '#domain/events.ts'
import type { Clock } from '#io/clock/port.ts'
import type { FoundPeer, Rendezvous } from '#io/p2p/port.ts'
import { pause } from './bell.ts'

/** Where sequencers of a market say how they are reached. */
export interface Meeting {
  readonly rendezvous: Rendezvous
  /** Multiaddrs of rendezvous servers. */
  readonly places: readonly string[]
  /** The name under which they register. */
  readonly point: string
  /** Peer ids of sequencers of the market, from where they can be trusted: whoever likes may register, under any name. */
  readonly peers: readonly string[]
}

/** How often it is asked once something was found, and until then: a sequencer may have begun a moment later. */
const ASK_INTERVAL_MS = 60_000
const ASK_AGAIN_MS = 2_000
/** Addresses of all sequencers together that are tried. */
const FOUND_MAX = 64

export interface Finding {
  /** Those that were given, in their order, then what was found. */
  addresses(): readonly string[]
  /** Looks again and again until the signal aborts. */
  run(signal: AbortSignal): Promise<void>
}

/** Beside stage 3: finds further addresses of the market's sequencers (C15). What was found once is kept until the same peer says otherwise. */
export function createFinding(
  given: readonly string[],
  meeting: Meeting | undefined,
  { clock, report }: { readonly clock: Clock; readonly report: Report },
): Finding {
  const found = new Map<string, FoundPeer>()
  let addresses = given

  async function ask(place: string, { rendezvous, point, peers }: Meeting, signal: AbortSignal): Promise<void> {
    try {
      for (const peer of await rendezvous.discover(place, point, signal)) {
        const isNewer = peer.number > (found.get(peer.peerId)?.number ?? -1n)
        if (peers.includes(peer.peerId) && isNewer) found.set(peer.peerId, peer)
      }
    } catch (failure) {
      if (!isWeftError(failure, 'LINK_FAILED')) throw failure
      if (!signal.aborted) report('rendezvous_failed', { place, detail: String(failure.facts.detail) })
    }
  }

  return {
    addresses: () => addresses,
    async run(signal) {
      if (meeting === undefined) return
      while (!signal.aborted) {
        await Promise.all(meeting.places.map((place) => ask(place, meeting, signal)))
        const more = [...found.values()].flatMap((peer) => peer.addresses).slice(0, FOUND_MAX)
        const next = [...new Set([...given, ...more])]
        if (next.length > addresses.length) report('sequencers_found', { point: meeting.point, addresses: next.length - given.length })
        addresses = next
        await pause(clock, found.size > 0 ? ASK_INTERVAL_MS : ASK_AGAIN_MS, signal)
      }
    },
  }
}
