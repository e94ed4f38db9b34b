import { createHeap } from './heap.ts'

/**
 * Who is served next when more waits than can be served at once: start-time fair queueing. Each holder has its own line, and lines take turns in proportion
 * to what their items cost, so that a holder with many items, or dear ones, holds up nobody but itself. Holders stand in one of two lanes: `known` ones
 * go first, and of the `other` ones some go with each step all the same.
 */
export type Lane = 'known' | 'other'

/** Where an item is put. `cost` counts in units of an ordinary item, and a holder of twice the `weight` has twice as many turns. */
export interface Terms {
  readonly lane: Lane
  readonly cost: number
  readonly weight: number
}

/** How much one step takes. */
export interface Step {
  readonly lengthMax: number
  /** Cost of the `other` lane's items in it. One of them goes whatever it costs. */
  readonly otherCostMax: number
  /** Places kept for them however many of the `known` wait, fewer than `lengthMax`; those that their cost leaves stay empty. So who is new becomes known though there is more to do than can be done. */
  readonly otherLengthMin: number
  /** Items that a holder of the `known` lane has served in one turn: what came from it together is answered together, which costs a tenth of answers one by one. */
  readonly knownTurnMax: number
}

export interface FairQueue<Item> {
  /** Behind whatever waits for the same holder, which goes with it when its lane has changed. */
  push(holder: string, item: Item, terms: Terms): void
  /** What waits for the holder goes to that lane, as with its next item. */
  move(holder: string, lane: Lane): void
  /** What is to be served next, in order. Empty only when nothing waits. */
  take(step: Step): Item[]
  length(lane: Lane): number
  lengthOf(holder: string): number
  /** Holders that are remembered. */
  lineCount(): number
}

interface Line<Item> {
  lane: Lane
  readonly items: { readonly item: Item; readonly cost: number; readonly weight: number }[]
  /** In the lane's virtual time: when its first item may go. */
  start: number
  /** Which of its entries in the heap is the true one. */
  turn: number
}

interface Entry<Item> {
  readonly line: Line<Item>
  readonly start: number
  readonly turn: number
}

/** Lines that are remembered, with items or without, so that nobody is served sooner for sending one by one: far more than wait at once. */
const LINES_MAX = 50_000

export function createFairQueue<Item>(): FairQueue<Item> {
  const lines = new Map<string, Line<Item>>()
  const lanes = { known: createLane<Item>(), other: createLane<Item>() }
  let turn = 0

  function enter(line: Line<Item>): void {
    const lane = lanes[line.lane]
    turn += 1
    line.turn = turn
    line.start = Math.max(lane.now, line.start)
    lane.heap.push({ line, start: line.start, turn })
  }

  function moveTo(line: Line<Item>, lane: Lane): void {
    lanes[line.lane].length -= line.items.length
    lanes[lane].length += line.items.length
    line.lane = lane
    // The two lanes count in times of their own.
    line.start = 0
    if (line.items.length > 0) enter(line)
  }

  /** First those that owe nothing any more, which are as good as new ones. Many at once, so that it is seldom done. */
  function forgetIdle(): void {
    for (const [holder, line] of lines) if (line.items.length === 0 && line.start <= lanes[line.lane].now) lines.delete(holder)
    for (const [holder, line] of lines) {
      if (lines.size <= LINES_MAX / 2) return
      if (line.items.length === 0) lines.delete(holder)
    }
  }

  function lineOf(holder: string, lane: Lane): Line<Item> {
    const known = lines.get(holder)
    if (known !== undefined) return known
    if (lines.size >= LINES_MAX) forgetIdle()
    const line: Line<Item> = { lane, items: [], start: 0, turn: 0 }
    lines.set(holder, line)
    return line
  }

  /** The lane's next items, so many of one holder at most; its line goes to where its next turn is. Empty when nothing waits. */
  function next(name: Lane, turnMax: number): Line<Item>['items'] {
    const lane = lanes[name]
    for (let entry = lane.heap.pop(); entry !== undefined; entry = lane.heap.pop()) {
      const { line } = entry
      const turn = entry.turn === line.turn ? line.items.splice(0, turnMax) : []
      if (turn.length === 0) continue
      lane.length -= turn.length
      lane.now = line.start
      for (const { cost, weight } of turn) line.start += cost / weight
      if (line.items.length > 0) enter(line)
      return turn
    }
    return []
  }

  return {
    push(holder, item, { lane, cost, weight }) {
      const line = lineOf(holder, lane)
      if (line.lane !== lane) moveTo(line, lane)
      line.items.push({ item, cost, weight })
      lanes[lane].length += 1
      if (line.items.length === 1) enter(line)
    },
    move(holder, lane) {
      const line = lines.get(holder)
      if (line !== undefined && line.lane !== lane) moveTo(line, lane)
    },
    take({ lengthMax, otherCostMax, otherLengthMin, knownTurnMax }) {
      const taken: Item[] = []
      const knownMax = lengthMax - Math.min(otherLengthMin, lanes.other.length)
      while (taken.length < knownMax) {
        const turn = next('known', Math.min(knownTurnMax, knownMax - taken.length))
        if (turn.length === 0) break
        for (const { item } of turn) taken.push(item)
      }
      let cost = 0
      while (taken.length < lengthMax && cost < otherCostMax) {
        const [found] = next('other', 1)
        if (found === undefined) break
        cost += found.cost
        taken.push(found.item)
      }
      return taken
    },
    length: (lane) => lanes[lane].length,
    lineCount: () => lines.size,
    lengthOf: (holder) => lines.get(holder)?.items.length ?? 0,
  }
}

function createLane<Item>() {
  const heap = createHeap<Entry<Item>>((left, right) => left.start < right.start || (left.start === right.start && left.turn < right.turn))
  return { heap, length: 0, now: 0 }
}
