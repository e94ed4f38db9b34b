import { createHeap, type Heap } from './heap.ts'
import { append, type Linked, type List, remove } from './list.ts'

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
export interface Placed extends Place {
  readonly cost: number
  readonly weight: number
  /** Its size, which is counted with what waits. */
  readonly bytes: number
}

/** What waits. */
export interface Load {
  readonly length: number
  readonly bytes: number
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
  /**
   * Items that a holder of the `known` lane has served in one turn: what came from it together is answered together, which costs a tenth of answers one by one. Who had less lately goes before
   * those who had that: one that sends now and then does not wait until very many have had a turn of many.
   */
  readonly knownTurnMax: number
}

export interface FairQueue<Item extends Placed> {
  /** Behind whatever waits for the same holder, which goes with it when its place has changed. */
  push(holder: string, item: Item): void
  /** What waits for the holder goes to that place, as with its next item. */
  move(holder: string, place: Place): void
  /** What is to be served next, in order. Empty only when nothing waits. */
  take(step: Step): Item[]
  load(lane: Lane): Load
  loadOf(holder: string): Load
  /** Of all holders of a party. */
  loadOfParty(place: Place): Load
  /** Holders that are remembered, or parties of a lane, whichever are more. */
  lineCount(): number
}

interface Waiting<Item> extends Linked<Waiting<Item>> {
  readonly item: Item
}

interface Loaded {
  length: number
  bytes: number
}

/** Of a holder: its items. */
interface Line<Item> extends List<Waiting<Item>>, Linked<Line<Item>>, Loaded {
  party: Party<Item>
}

/** The lines of its holders that have items, in the order of their turns. */
interface Party<Item> extends List<Line<Item>>, Loaded {
  readonly name: string
  readonly lane: LaneState<Item>
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

const OWES_NOTHING = Number.NEGATIVE_INFINITY

const NOTHING: Load = { length: 0, bytes: 0 }

export function createFairQueue<Item extends Placed>(): FairQueue<Item> {
  const lines = new Map<string, Line<Item>>()
  const lanes = { known: createLane<Item>(), other: createLane<Item>() }
  let turn = 0
  /** By how much the time at which a party of the known may go lies before that of the one whose turn it is: the rest of a turn, as of the last step. */
  let ahead = 0

  const lineCount = (): number => Math.max(lines.size, lanes.known.parties.size, lanes.other.parties.size)

  /** Who owes nothing may go then. */
  const earliest = (pace: Pace<Item>): number => (pace === lanes.known.prompt ? pace.now - ahead : pace.now)

  /** The party has items, and is in no heap. */
  function enter(party: Party<Item>): void {
    const { lane } = party
    const weight = party.first?.first?.item.weight ?? 1
    const pace = lane === lanes.other && weight < 1 ? lane.slow : lane.prompt
    // They count in times of their own.
    if (party.pace !== pace) party.start = OWES_NOTHING
    turn += 1
    party.turn = turn
    party.pace = pace
    party.start = Math.max(earliest(pace), party.start)
    pace.waiting += 1
    pace.heap.push({ party, start: party.start, turn })
  }

  /** So many items of a line more, or fewer. */
  function count({ party }: Line<Item>, length: number, bytes: number): void {
    party.length += length
    party.bytes += bytes
    party.lane.length += length
    party.lane.bytes += bytes
  }

  /** The line has items and stands nowhere. */
  function join(line: Line<Item>): void {
    const { party } = line
    append(party, line)
    if (party.first === line) enter(party)
  }

  function moveTo(line: Line<Item>, party: Party<Item>): void {
    const before = line.party
    if (line.length > 0) {
      remove(before, line)
      if (before.first === undefined) before.pace.waiting -= 1
      count(line, -line.length, -line.bytes)
    }
    line.party = party
    if (line.length > 0) {
      count(line, line.length, line.bytes)
      join(line)
    }
  }

  /** An idle line is as good as none, and so is an idle party that owes nothing any more; of the others go the oldest. Many at once, so that it is seldom done. */
  function forgetIdle(): void {
    for (const [holder, { length }] of lines) if (length === 0) lines.delete(holder)
    for (const { parties } of [lanes.known, lanes.other]) {
      for (const [name, { length, start, pace }] of parties) if (length === 0 && start <= earliest(pace)) parties.delete(name)
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
    const created: Party<Item> = {
      ...NOTHING,
      name: party,
      lane,
      first: undefined,
      last: undefined,
      pace: lane.prompt,
      start: OWES_NOTHING,
      turn: 0,
    }
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
    const line: Line<Item> = { ...NOTHING, party, first: undefined, last: undefined, before: undefined, after: undefined }
    lines.set(holder, line)
    return line
  }

  /** The next party, which is in no heap then. */
  function next(pace: Pace<Item>): Party<Item> | undefined {
    for (let entry = pace.heap.pop(); entry !== undefined; entry = pace.heap.pop()) {
      const { party } = entry
      if (entry.turn !== party.turn || party.first === undefined) continue
      pace.now = Math.max(pace.now, party.start)
      pace.waiting -= 1
      return party
    }
    return undefined
  }

  /** Takes items of the holder whose turn it is until so many are taken; the party goes to where its next turn is. Returns what they cost. */
  function serve(party: Party<Item>, taken: Item[], lengthMax: number): number {
    const line = party.first as Line<Item>
    remove(party, line)
    let spent = 0
    while (line.first !== undefined && taken.length < lengthMax) {
      const { item } = line.first
      remove(line, line.first)
      line.length -= 1
      line.bytes -= item.bytes
      count(line, -1, -item.bytes)
      spent += item.cost / item.weight
      taken.push(item)
    }
    party.start += spent
    if (line.first !== undefined) append(party, line)
    if (party.first !== undefined) enter(party)
    return spent
  }

  function takeKnown(taken: Item[], lengthMax: number, turnMax: number): void {
    while (taken.length < lengthMax) {
      const party = next(lanes.known.prompt)
      if (party === undefined) return
      serve(party, taken, Math.min(lengthMax, taken.length + turnMax))
    }
  }

  /** One place at least is for the slow ones, and all that the others leave. */
  function takeOther(taken: Item[], lengthMax: number, costMax: number): void {
    const { prompt, slow } = lanes.other
    for (const [pace, placesMax] of [
      [prompt, lengthMax - Math.min(1, slow.waiting)],
      [slow, lengthMax],
    ] as const) {
      for (let spent = 0; taken.length < placesMax && spent < costMax; ) {
        const party = next(pace)
        if (party === undefined) break
        spent += serve(party, taken, taken.length + 1)
      }
    }
  }

  return {
    push(holder, item) {
      if (lineCount() >= LINES_MAX) forgetIdle()
      const line = lineOf(holder, item)
      append<Waiting<Item>>(line, { item, before: undefined, after: undefined })
      line.length += 1
      line.bytes += item.bytes
      count(line, 1, item.bytes)
      if (line.length === 1) join(line)
    },
    move(holder, place) {
      if (lines.has(holder)) lineOf(holder, place)
    },
    take({ lengthMax, otherCostMax, otherLengthMin, knownTurnMax }) {
      const taken: Item[] = []
      ahead = knownTurnMax - 1
      takeKnown(taken, lengthMax - Math.min(otherLengthMin, lanes.other.length), knownTurnMax)
      takeOther(taken, lengthMax, otherCostMax)
      takeKnown(taken, lengthMax, knownTurnMax)
      return taken
    },
    load: (lane) => lanes[lane],
    loadOf: (holder) => lines.get(holder) ?? NOTHING,
    loadOfParty: ({ lane, party }) => lanes[lane].parties.get(party) ?? NOTHING,
    lineCount,
  }
}

interface LaneState<Item> extends Loaded {
  readonly parties: Map<string, Party<Item>>
  readonly prompt: Pace<Item>
  /** Those of the `other` lane whose next item has a weight below 1. */
  readonly slow: Pace<Item>
}

interface Pace<Item> {
  readonly heap: Heap<Entry<Item>>
  /** Parties with items. */
  waiting: number
  now: number
}

function createLane<Item>(): LaneState<Item> {
  return { ...NOTHING, parties: new Map(), prompt: createPace(), slow: createPace() }
}

function createPace<Item>(): Pace<Item> {
  const heap = createHeap<Entry<Item>>((left, right) => left.start < right.start || (left.start === right.start && left.turn < right.turn))
  return { heap, waiting: 0, now: 0 }
}
