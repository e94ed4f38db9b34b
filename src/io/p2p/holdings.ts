/**
 * What peers make this process hold: streams, frames that are not whole, deliveries that the inbox does not take yet, answers that nobody reads. Each stream and each connection
 * is bounded by itself, and of both anybody may have many; here all of them together are, in bytes. Those from whom a vote was accepted, which costs a slot, have room of their
 * own. Where there is none left, the addresses that hold the most give back what is above the others: of each the largest first, and of those of one size the newest.
 */
export interface HoldingLimits {
  /** Held for those who have shown nothing yet. */
  readonly strangerBytesMax: number
  /** Held for the known. */
  readonly knownBytesMax: number
}

export const HOLDING_LIMITS: HoldingLimits = {
  // Five thousand collectors, who all are strangers after a restart, with a stream each and what they send first.
  strangerBytesMax: 128 * 1024 * 1024,
  // As many with a few streams each, and the receipts of the ten seconds for which a line of theirs is lost.
  knownBytesMax: 256 * 1024 * 1024,
}

export interface Holdings {
  /**
   * `owner`: the part of a network address that somebody has to own. `giveUp` is called when its bytes are wanted back: it holds nothing any more then, whatever it says,
   * and should see to that.
   */
  open(owner: string, giveUp: () => void): Holding
}

/** What one stream or connection makes us hold; nothing at first. */
export interface Holding {
  /** It is so many bytes from now on. May call the `giveUp` of any, its own too. */
  set(bytes: number): void
  /** Its owner is known from now on. */
  know(): void
  /** It is gone: it holds nothing any more, whatever it says. */
  end(): void
}

/** What is freed when there is no room, of all there is: enough that whoever fills it again has sent more than it costs to find the greediest. */
const FREED_SHARE = 1 / 32

export function createHoldings(limits: HoldingLimits = HOLDING_LIMITS): Holdings {
  const strangers = createStore(limits.strangerBytesMax)
  const known = createStore(limits.knownBytesMax)
  return {
    open(owner, giveUp) {
      let store = strangers
      let isOver = false
      function end(): void {
        isOver = true
        if (held.bytes > 0) store.set(held, 0)
      }
      const held: Held = {
        owner,
        bytes: 0,
        giveUp() {
          // It may have gone with another one that gave up at the same time.
          if (isOver) return
          end()
          giveUp()
        },
      }
      return {
        end,
        set(bytes) {
          if (bytes !== held.bytes && !isOver) store.set(held, bytes)
        },
        know() {
          if (store === known || isOver) return
          const { bytes } = held
          if (bytes > 0) store.set(held, 0)
          store = known
          if (bytes > 0) store.set(held, bytes)
        },
      }
    },
  }
}

interface Held {
  readonly owner: string
  bytes: number
  giveUp(): void
}

function createStore(bytesMax: number) {
  let totalBytes = 0
  const owners = new Map<string, { bytes: number; readonly held: Set<Held> }>()

  function change(held: Held, bytes: number): void {
    const owner = owners.get(held.owner) ?? { bytes: 0, held: new Set() }
    owners.set(held.owner, owner)
    totalBytes += bytes - held.bytes
    owner.bytes += bytes - held.bytes
    held.bytes = bytes
    if (bytes > 0) owner.held.add(held)
    else owner.held.delete(held)
    if (owner.held.size === 0) owners.delete(held.owner)
  }

  /** Addresses with more than this have to give back what is above it, so that all together hold no more than `leftBytes`. */
  function levelFor(leftBytes: number): number {
    let left = leftBytes
    let count = owners.size
    for (const { bytes } of [...owners.values()].sort((one, other) => one.bytes - other.bytes)) {
      if (bytes > left / count) break
      left -= bytes
      count -= 1
    }
    return left / count
  }

  function free(leftBytes: number): readonly Held[] {
    const levelBytes = levelFor(leftBytes)
    const freed: Held[] = []
    for (const owner of owners.values().filter(({ bytes }) => bytes > levelBytes)) {
      for (const held of [...owner.held].reverse().sort((one, other) => other.bytes - one.bytes)) {
        if (owner.bytes <= levelBytes || totalBytes <= leftBytes) break
        change(held, 0)
        freed.push(held)
      }
    }
    return freed
  }

  return {
    set(held: Held, bytes: number): void {
      change(held, bytes)
      if (totalBytes <= bytesMax) return
      // After all are counted as gone: what one lets go of may be read into by another at once.
      for (const one of free(bytesMax * (1 - FREED_SHARE))) one.giveUp()
    },
  }
}
