import type { Sender } from '#domain/standing.ts'
import type { Inbound } from '#io/intake/port.ts'
import { type Inbox, onTimer, STALL_MS_MAX } from './inbox.ts'
import type { Later } from './waiting-room.ts'

/** Hands the deliveries of one stream to the inbox in their order, as fast as it takes them. */
export interface Pace {
  give(inbound: Inbound): void
  /** Whether what they come from is stopped. */
  isHolding(): boolean
  /** What waits here, in bytes. */
  heldBytes(): number
  /** Those that wait are not wanted any more: how many that were. One that was told to slow down rests all the same. */
  drop(): number
}

/** What is to be stopped meanwhile, so that little waits here: the reading of whatever they come from. */
export interface Source {
  stop(): void
  goOn(): void
  /** Whether it is, by whomever. */
  isStopped(): boolean
}

/** What one that waits takes beside its payload: itself, its id, its place. */
const WAITING_BYTES = 512

const weightOf = ({ payload }: Inbound): number => WAITING_BYTES + payload.length

export function createPace(inbox: Inbox, sender: Sender, source: Pick<Source, 'stop' | 'goOn'>, later: Later = onTimer): Pace {
  let held: Inbound[] = []
  let heldBytes = 0
  let isResting = false

  function goOn(): void {
    if (held.length === 0 && !isResting) source.goOn()
  }

  /** One that was told to slow down has nothing taken for so long: it is not read, for reading what is refused costs nearly as much as what is taken. */
  function rest(): void {
    if (isResting) return
    isResting = true
    source.stop()
    later(STALL_MS_MAX, () => {
      isResting = false
      goOn()
    })
  }

  function offer(inbound: Inbound): void {
    if (inbox.offer(inbound, sender.address) === 'rate_limited') rest()
  }

  function drain(): void {
    while (held[0] !== undefined) {
      if (!inbox.isOpenTo(sender, held[0].payload.length, drain)) return
      const inbound = held.shift()
      if (inbound === undefined) return
      heldBytes -= weightOf(inbound)
      offer(inbound)
    }
    goOn()
  }

  return {
    give(inbound) {
      if (held.length === 0 && inbox.isOpenTo(sender, inbound.payload.length, drain)) return offer(inbound)
      held.push(inbound)
      heldBytes += weightOf(inbound)
      if (held.length === 1) source.stop()
    },
    isHolding: () => held.length > 0 || isResting,
    heldBytes: () => heldBytes,
    drop() {
      const count = held.length
      held = []
      heldBytes = 0
      goOn()
      return count
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
      isStopped: () => stoppers.size > 0,
    }
    return source
  }
}

const readings = new WeakMap<Pausable, () => Source>()

/** One more who may stop the reading of the connection. */
export function sourceOf(connection: Pausable): Source {
  const known = readings.get(connection) ?? createReading(connection)
  readings.set(connection, known)
  return known()
}

/** libp2p throws over a connection that has ended, of which there is nothing to read in any case. */
function unlessClosed(change: () => void): void {
  try {
    change()
  } catch (cause) {
    if ((cause as Error).name !== 'StreamStateError') throw cause
  }
}
