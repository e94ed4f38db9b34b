import { createHeap, type Heap } from './heap.ts'

/**
 * Who is served next when more waits than can be served at once: start-time fair queueing. Each party has its own line, and lines take turns in proportion
 * to what their items cost, so that a party with many items, or dear ones, holds up nobody but itself. Within a party its holders take turns, one item each. Parties stand in one of two lanes: `known` ones
 * go first, and of the `other` ones some go with each step all the same; of those whose failures made them slow fewer, beside the others.
 */
export type Lane = 'known' | 'other'

/** Where a holder stands. */
export interface Place {
  readonly lane: Lane
  /** Whose turn its items take: its own, or that of all who cannot be told apart from it by anything that costs them something. */
  readonly party: string
}

/** `cost` counts in units of an ordinary item, and a party whose items have twice the `weight` has twice as many turns. */
export interface Placed<Item> extends Place {
  readonly item: Item
  readonly cost: number
  readonly weight: number
}

/** How much one step takes. */
export interface Step {
  readonly lengthMax: number
  /**
   * Cost of the `other` lane's items in it. One of them goes whatever it costs. Of slow parties, whose weight is below 1, as much again, in which each costs as many times more: so little is
   * spent on them, and nobody waits behind them who is not slow.
   */
  readonly otherCostMax: number
  /** Places kept for them however many of the `known` wait, two at least and fewer than `lengthMax`; those that their cost leaves go to the known. So who is new becomes known though there is more to do than can be done. */
  readonly otherLengthMin: number
  /** Items that a holder of the `known` lane has served in one turn: what came from it together is answered together, which costs a tenth of answers one by one. */
  readonly knownTurnMax: number
}

export interface FairQueue<Item> {
  /** Behind whatever waits for the same holder, which goes with it when its place has changed. */
  push(holder: string, placed: Placed<Item>): void
  /** What waits for the holder goes to that place, as with its next item. */
  move(holder: string, place: Place): void
  /** What is to be served next, in order. Empty only when nothing waits. */
  take(step: Step): Item[]
  length(lane: Lane): number
  lengthOf(holder: string): number
  /** What waits of all holders of a party. */
  lengthOfParty(place: Place): number
  /** Holders that are remembered, or parties of a lane, whichever are more. */
  lineCount(): number
}

interface Line<Item> {
  party: Party<Item>
  readonly items: Placed<Item>[]
}

interface Party<Item> {
  readonly name: string
  readonly lane: LaneState<Item>
  /** Those with items, in the order of their turns: no more than what waits, of which a party has a share. */
  readonly lines: Line<Item>[]
  length: number
  /** Where it stands, or stood last. */
  pace: Pace<Item>
  /** In virtual time: when its first item may go. */
  start: number
  /** Which of its entries in the heap is the true one. */
  turn: number
}

interface Entry<Item> {
  readonly party: Party<Item>
  readonly start: number
  readonly turn: number
}

/** Parties of a lane that are remembered, with items or without, so that nobody is served sooner for sending one by one; holders too. Far more than wait at once. */
const LINES_MAX = 50_000

export function createFairQueue<Item>(): FairQueue<Item> {
  const lines = new Map<string, Line<Item>>()
  const lanes = { known: createLane<Item>(), other: createLane<Item>() }
  let turn = 0

  const lineCount = (): number => Math.max(lines.size, lanes.known.parties.size, lanes.other.parties.size)

  /** The party has items, and is in no heap. */
  function enter(party: Party<Item>): void {
    const { lane } = party
    const weight = party.lines[0]?.items[0]?.weight ?? 1
    const pace = lane === lanes.other && weight < 1 ? lane.slow : lane.prompt
    // They count in times of their own.
    if (party.pace !== pace) party.start = 0
    turn += 1
    party.turn = turn
    party.pace = pace
    party.start = Math.max(pace.now, party.start)
    pace.waiting += 1
    pace.heap.push({ party, start: party.start, turn })
  }

  function count(party: Party<Item>, items: number): void {
    party.length += items
    party.lane.length += items
  }

  /** The line has items and stands nowhere. */
  function join(line: Line<Item>): void {
    if (line.party.lines.push(line) === 1) enter(line.party)
  }

  function moveTo(line: Line<Item>, party: Party<Item>): void {
    const before = line.party
    line.party = party
    if (line.items.length === 0) return
    before.lines.splice(before.lines.indexOf(line), 1)
    if (before.lines.length === 0) before.pace.waiting -= 1
    count(before, -line.items.length)
    count(party, line.items.length)
    join(line)
  }

  /** An idle line is as good as none, and so is an idle party that owes nothing any more; of the others go the oldest. Many at once, so that it is seldom done. */
  function forgetIdle(): void {
    for (const [holder, line] of lines) if (line.items.length === 0) lines.delete(holder)
    for (const { parties } of [lanes.known, lanes.other]) {
      for (const [name, { length, start, pace }] of parties) if (length === 0 && start <= pace.now) parties.delete(name)
      for (const [name, party] of parties) {
        if (parties.size <= LINES_MAX / 2) break
        if (party.length === 0) parties.delete(name)
      }
    }
  }

  function partyOf({ lane: name, party }: Place): Party<Item> {
    const lane = lanes[name]
    const known = lane.parties.get(party)
    if (known !== undefined) return known
    const created: Party<Item> = { name: party, lane, lines: [], length: 0, pace: lane.prompt, start: 0, turn: 0 }
    lane.parties.set(party, created)
    return created
  }

  function lineOf(holder: string, place: Place): Line<Item> {
    const known = lines.get(holder)
    if (known?.party.name === place.party && known.party.lane === lanes[place.lane]) return known
    const party = partyOf(place)
    if (known !== undefined) {
      moveTo(known, party)
      return known
    }
    const line: Line<Item> = { party, items: [] }
    lines.set(holder, line)
    return line
  }

  /** The next party, which is in no heap then. */
  function next(pace: Pace<Item>): Party<Item> | undefined {
    for (let entry = pace.heap.pop(); entry !== undefined; entry = pace.heap.pop()) {
      const { party } = entry
      if (entry.turn !== party.turn || party.lines.length === 0) continue
      pace.now = party.start
      pace.waiting -= 1
      return party
    }
    return undefined
  }

  /** Items of the holder whose turn it is, so many at most; the party goes to where its next turn is. */
  function serve(party: Party<Item>, turnMax: number): Placed<Item>[] {
    const line = party.lines.shift() as Line<Item>
    const taken = line.items.splice(0, turnMax)
    count(party, -taken.length)
    for (const { cost, weight } of taken) party.start += cost / weight
    if (line.items.length > 0) party.lines.push(line)
    if (party.lines.length > 0) enter(party)
    return taken
  }

  function takeKnown(taken: Item[], { lengthMax, knownTurnMax }: Pick<Step, 'lengthMax' | 'knownTurnMax'>): void {
    while (taken.length < lengthMax) {
      const party = next(lanes.known.prompt)
      if (party === undefined) return
      for (const { item } of serve(party, Math.min(knownTurnMax, lengthMax - taken.length))) taken.push(item)
    }
  }

  /** One place at least is for the slow ones, and all that the others leave. */
  function takeOther(taken: Item[], { lengthMax, otherCostMax }: Pick<Step, 'lengthMax' | 'otherCostMax'>): void {
    const { prompt, slow } = lanes.other
    for (const [pace, placesMax] of [
      [prompt, lengthMax - Math.min(1, slow.waiting)],
      [slow, lengthMax],
    ] as const) {
      for (let spent = 0; taken.length < placesMax && spent < otherCostMax; ) {
        const party = next(pace)
        if (party === undefined) break
        for (const { item, cost, weight } of serve(party, 1)) {
          spent += cost / weight
          taken.push(item)
        }
      }
    }
  }

  return {
    push(holder, placed) {
      if (lineCount() >= LINES_MAX) forgetIdle()
      const line = lineOf(holder, placed)
      line.items.push(placed)
      count(line.party, 1)
      if (line.items.length === 1) join(line)
    },
    move(holder, place) {
      if (lines.has(holder)) lineOf(holder, place)
    },
    take(step) {
      const { lengthMax, otherLengthMin } = step
      const taken: Item[] = []
      takeKnown(taken, { ...step, lengthMax: lengthMax - Math.min(otherLengthMin, lanes.other.length) })
      takeOther(taken, step)
      takeKnown(taken, step)
      return taken
    },
    length: (lane) => lanes[lane].length,
    lengthOf: (holder) => lines.get(holder)?.items.length ?? 0,
    lengthOfParty: ({ lane, party }) => lanes[lane].parties.get(party)?.length ?? 0,
    lineCount,
  }
}

interface LaneState<Item> {
  readonly parties: Map<string, Party<Item>>
  readonly prompt: Pace<Item>
  /** Those of the `other` lane whose next item has a weight below 1. */
  readonly slow: Pace<Item>
  length: number
}

interface Pace<Item> {
  readonly heap: Heap<Entry<Item>>
  /** Parties with items. */
  waiting: number
  now: number
}

function createLane<Item>(): LaneState<Item> {
  return { parties: new Map(), prompt: createPace(), slow: createPace(), length: 0 }
}

function createPace<Item>(): Pace<Item> {
  const heap = createHeap<Entry<Item>>((left, right) => left.start < right.start || (left.start === right.start && left.turn < right.turn))
  return { heap, waiting: 0, now: 0 }
}
