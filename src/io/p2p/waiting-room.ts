import type { Sender } from '#domain/standing.ts'

/**
 * Who waits outside of an inbox until it takes more. A peer waits as one, whatever streams it has, in the line of what the first of them lacks: a share or tokens of
 * its own, or of its address, or room of a lane. A line is asked from its head when there may be more of that, and no further than there is: those
 * behind cost nothing meanwhile, however many they are. Who has had its turn and lacks the same again goes to the end.
 */
export interface WaitingRoom {
  /** Whether a delivery of so many bytes lacks nothing, nor comes behind what its peer has waiting. When not, `again` is called once, when that has changed. */
  isOpenTo(sender: Sender, bytes: number, again: () => void): boolean
  /** There may be more of what this line waits for. */
  ring(line: string): void
  /** What the peer waits for may not be what it lacks any more. Where it is, it keeps its place. */
  recall(peer: string): void
  /** Whether somebody stands in the line. */
  isWaitedFor(line: string): boolean
  /** Nobody waits any more. */
  end(): void
}

/** What keeps a delivery from being taken. */
export interface Lack {
  /** The line of those who lack it. */
  readonly line: string
  /** After which there is enough of it, where nothing has to be taken for that. */
  readonly forMs?: number
}

export type Later = (durationMs: number, action: () => void) => void

export interface WaitingRoomDeps {
  /** `asked`: the line that has its turn, if any: only those who stand in none come behind all who do. */
  lackOf(sender: Sender, bytes: number, asked: string | undefined): Lack | undefined
  readonly later: Later
}

interface Ask {
  readonly sender: Sender
  readonly bytes: number
  readonly again: () => void
}

/** All of one peer. Sets keep their order, and of one that is left from its head or anywhere nothing is moved. */
interface Waiting {
  readonly peer: string
  readonly asks: Set<Ask>
  line: string
}

interface Line {
  readonly waiting: Set<Waiting>
  /** It has one timer, whoever stands in it. */
  isTimed: boolean
}

export function createWaitingRoom({ lackOf, later }: WaitingRoomDeps): WaitingRoom {
  const peers = new Map<string, Waiting>()
  const lines = new Map<string, Line>()
  /** Who is going on, and whose turn that is. */
  let asked: Waiting | undefined
  let askedBy: string | undefined
  let goneOnCount = 0

  function stand(waiting: Waiting, { line: name, forMs }: Lack): void {
    const line = lines.get(name) ?? { waiting: new Set(), isTimed: false }
    lines.set(name, line)
    line.waiting.add(waiting)
    waiting.line = name
    if (forMs === undefined || line.isTimed) return
    line.isTimed = true
    later(forMs, () => {
      line.isTimed = false
      ring(name)
    })
  }

  /** Lets the peer's streams go on until one of them lacks something; what that is. */
  function goOn(waiting: Waiting, line: string | undefined): Lack | undefined {
    asked = waiting
    askedBy = line
    let lack: Lack | undefined
    // What asks again meanwhile stands at the end, and is come to.
    for (const ask of waiting.asks) {
      lack = lackOf(ask.sender, ask.bytes, line)
      if (lack !== undefined) break
      waiting.asks.delete(ask)
      goneOnCount += 1
      ask.again()
    }
    asked = undefined
    if (lack === undefined) peers.delete(waiting.peer)
    return lack
  }

  function ring(name: string): void {
    const line = lines.get(name)
    if (line === undefined) return
    for (const waiting of line.waiting) {
      const before = goneOnCount
      const lack = goOn(waiting, name)
      const isShort = lack?.line === name
      if (!isShort || goneOnCount > before) line.waiting.delete(waiting)
      if (lack !== undefined) stand(waiting, lack)
      if (isShort) break
    }
    if (line.waiting.size === 0 && !line.isTimed) lines.delete(name)
  }

  return {
    ring,
    isWaitedFor: (line) => (lines.get(line)?.waiting.size ?? 0) > 0,
    isOpenTo(sender, bytes, again) {
      const waiting = peers.get(sender.peer)
      const isAsked = waiting !== undefined && waiting === asked
      if (waiting !== undefined && !isAsked) {
        waiting.asks.add({ sender, bytes, again })
        return false
      }
      const lack = lackOf(sender, bytes, isAsked ? askedBy : undefined)
      if (lack === undefined) return true
      const asks = waiting?.asks ?? new Set()
      asks.add({ sender, bytes, again })
      if (isAsked) return false
      const created: Waiting = { peer: sender.peer, asks, line: lack.line }
      peers.set(sender.peer, created)
      stand(created, lack)
      return false
    },
    recall(peer) {
      const waiting = peers.get(peer)
      if (waiting === undefined || waiting === asked) return
      const lack = goOn(waiting, undefined)
      if (lack?.line !== waiting.line) lines.get(waiting.line)?.waiting.delete(waiting)
      if (lack !== undefined) stand(waiting, lack)
    },
    end() {
      const all = [...peers.values()]
      peers.clear()
      lines.clear()
      for (const { asks } of all) for (const { again } of asks) again()
    },
  }
}
