import type { Sender } from '#domain/standing.ts'
import type { Inbound } from '#io/intake/port.ts'
import type { Inbox } from './inbox.ts'

/** Hands the deliveries of one stream to the inbox in their order, as fast as it takes them. */
export interface Pace {
  give(inbound: Inbound): void
  /** Whether some of them wait for the inbox. */
  isHolding(): boolean
  /** Those that wait are not wanted any more. */
  drop(): void
}

/** What is to be stopped meanwhile, so that little waits here: the reading of whatever they come from. */
export interface Source {
  stop(): void
  goOn(): void
}

export function createPace(inbox: Inbox, sender: Sender, source: Source): Pace {
  let held: Inbound[] = []

  function drain(): void {
    while (held[0] !== undefined) {
      if (!inbox.isOpenTo(sender, held[0].payload.length, drain)) return
      const inbound = held.shift()
      if (inbound !== undefined) inbox.offer(inbound, sender.address)
    }
    source.goOn()
  }

  return {
    give(inbound) {
      if (held.length === 0 && inbox.isOpenTo(sender, inbound.payload.length, drain)) return inbox.offer(inbound, sender.address)
      held.push(inbound)
      if (held.length === 1) source.stop()
    },
    isHolding: () => held.length > 0,
    drop() {
      if (held.length === 0) return
      held = []
      source.goOn()
    },
  }
}

interface Pausable {
  pause(): void
  resume(): void
}

/**
 * Reading of a connection, which each of its streams may stop: it is not read while one of them wants it stopped. A stream by itself would still be sent
 * its window, and a peer may have hundreds; of a connection nothing is taken from the socket, and TCP tells the sender.
 */
export function createReading(connection: Pausable): () => Source {
  const stoppers = new Set<Source>()
  return () => {
    const source: Source = {
      stop() {
        if (stoppers.size === 0) unlessClosed(() => connection.pause())
        stoppers.add(source)
      },
      goOn() {
        if (stoppers.delete(source) && stoppers.size === 0) unlessClosed(() => connection.resume())
      },
    }
    return source
  }
}

/** libp2p throws over a connection that has ended, of which there is nothing to read in any case. */
function unlessClosed(change: () => void): void {
  try {
    change()
  } catch (cause) {
    if ((cause as Error).name !== 'StreamStateError') throw cause
  }
}
