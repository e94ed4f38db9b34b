import { isWeftError, WeftError } from '#domain/errors.ts'
import type { Cid, EpochId } from '#domain/ids.ts'
import type { Ipfs, PinPlace } from '#io/ipfs/port.ts'
import { type PersistDeps, persist } from './persist.ts'

/** Copies at places beside the node: who keeps them, how many are enough. */

/** With the pauses of `persist` about a minute, beside what the attempts take: a place that restarts has missed nothing. */
const ATTEMPTS_MAX = 10
/** Attempts at a place at the same time; those that somebody waits for have as many of their own. */
const AT_ONCE_MAX = 4
/** Contents on their way to a place, most of them CIDs in memory only: four epochs of a large market. */
const UNDER_WAY_MAX = 4_096
/** Removed from a place in one go. */
const STEP_LENGTH = 64

export interface CopiesOptions {
  /** Places that must hold what `held` is asked for, the node among them. */
  readonly copiesMin: number
}

export interface CopiesDeps extends PersistDeps {
  /** Holds everything first: from it all others are fed. */
  readonly node: Ipfs
  readonly places: readonly PinPlace[]
}

/** That content is kept by enough places. */
export interface Held {
  /**
   * Resolves as soon as as many places as asked for have proved that they hold the content, which the node must have; the others go on. Throws
   * `COPIES_TOO_FEW` when that cannot come true by attempts that are under way, or the signal's reason.
   */
  held(cid: Cid, epochId: EpochId, signal: AbortSignal): Promise<void>
}

export interface Copies extends Held {
  /** The node; what is added or pinned there goes to the places too, and nobody waits for that. They let go with it. */
  readonly ipfs: Ipfs
  /** Ends all attempts; resolves when none is under way any more. */
  stop(): Promise<void>
}

export function createCopies({ copiesMin }: CopiesOptions, deps: CopiesDeps): Copies {
  const { node } = deps
  const stopping = new AbortController()
  const desks = deps.places.map((place) => createDesk(place, deps, stopping.signal))
  const others = copiesMin - 1

  function spread(cid: Cid, epochId: EpochId | undefined): void {
    for (const desk of desks) void desk.copy({ cid, epochId, isAwaited: false })
  }

  return {
    ipfs: {
      ...node,
      async add(bytes, epochId, codec) {
        const cid = await node.add(bytes, epochId, codec)
        spread(cid, epochId)
        return cid
      },
      async pin(cid, epochId) {
        await node.pin(cid, epochId)
        spread(cid, epochId)
      },
      letGo(oldest, countMax) {
        for (const desk of desks) desk.letGo(oldest)
        return node.letGo(oldest, countMax)
      },
    },
    async held(cid, epochId, signal) {
      const copying = desks.map((desk) => desk.copy({ cid, epochId, isAwaited: others > 0 }))
      const held = await enough(others, copying, signal)
      if (held < others) throw new WeftError('COPIES_TOO_FEW', { cid, held: held + 1, needed: copiesMin })
    },
    async stop() {
      stopping.abort(new WeftError('STOPPED', { what: 'pinning places' }))
      await Promise.all(desks.map((desk) => desk.idle()))
    },
  }
}

/** How many came true, as soon as it is `needed`, or can no longer become so. */
function enough(needed: number, copying: readonly Promise<boolean>[], signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    let [held, failed] = [0, 0]
    const leave = (): void => signal.removeEventListener('abort', onAbort)
    const look = (): void => {
      if (held < needed && copying.length - failed >= needed) return
      leave()
      resolve(held)
    }
    const onAbort = (): void => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) return onAbort()
    look()
    for (const each of copying) {
      void each.then((isHeld) => {
        if (isHeld) held += 1
        else failed += 1
        look()
      })
    }
  })
}

interface Wanted {
  readonly cid: Cid
  readonly epochId: EpochId | undefined
  /** Somebody waits for it: it goes first. */
  isAwaited: boolean
}

/** The work for one place. What it does or fails to do concerns no other. */
function createDesk(place: PinPlace, deps: CopiesDeps, signal: AbortSignal) {
  const underWay = new Map<string, { readonly wanted: Wanted; readonly done: Promise<boolean> }>()
  /** Of these epochs the place has it, the newest last: who asks again soon need not wait. */
  const proved = new Set<string>()
  const turns = createTurns()
  const clearing = createClearing(place, deps, signal)
  const keyOf = ({ cid, epochId }: Wanted): string => `${cid} ${epochId ?? ''}`

  async function attempt(wanted: Wanted): Promise<void> {
    const leave = await turns.take(wanted)
    try {
      signal.throwIfAborted()
      await place.pin(wanted.cid, wanted.epochId, signal)
    } catch (failure) {
      signal.throwIfAborted()
      // Of whatever kind it is for others, a full disk among them: here it may pass, and ends nothing.
      throw new WeftError('COPY_FAILED', { place: place.name, cid: wanted.cid, ...reasonOf(failure) }, failure)
    } finally {
      leave()
    }
  }

  async function copyNow(wanted: Wanted): Promise<boolean> {
    const key = keyOf(wanted)
    try {
      await persist({ doing: `copy to ${place.name}`, attempt: () => attempt(wanted), attemptsMax: ATTEMPTS_MAX, signal }, deps)
    } catch (failure) {
      if (!signal.aborted) giveUp(wanted, failure)
      return false
    } finally {
      underWay.delete(key)
    }
    // Without an epoch it is the newest that counts, and that changes.
    if (wanted.epochId !== undefined) proved.add(key)
    if (proved.size > UNDER_WAY_MAX) proved.delete(proved.values().next().value as string)
    return true
  }

  function giveUp({ cid, epochId }: Wanted, failure: unknown): void {
    const { reason, detail } = reasonOf(isWeftError(failure, 'COPY_FAILED') ? failure.cause : failure)
    deps.report('copy_given_up', { place: place.name, cid, reason, detail, ...(epochId && { epochId }) })
  }

  return {
    /** Whether the place holds it in the end. Never rejects. */
    copy(wanted: Wanted): Promise<boolean> {
      const known = underWay.get(keyOf(wanted))
      if (known !== undefined) {
        if (wanted.isAwaited) {
          known.wanted.isAwaited = true
          turns.look()
        }
        return known.done
      }
      if (proved.has(keyOf(wanted))) return Promise.resolve(true)
      if (signal.aborted) return Promise.resolve(false)
      if (underWay.size >= UNDER_WAY_MAX && !wanted.isAwaited) {
        giveUp(wanted, new WeftError('QUEUE_FULL', { queue: `copies to ${place.name}`, lengthMax: UNDER_WAY_MAX }))
        return Promise.resolve(false)
      }
      const done = copyNow(wanted)
      underWay.set(keyOf(wanted), { wanted, done })
      return done
    },
    letGo: clearing.begin,
    async idle(): Promise<void> {
      await Promise.all([clearing.idle(), ...[...underWay.values()].map(({ done }) => done)])
    },
  }
}

/** Takes what is old from a place, at its pace and in nobody's way. */
function createClearing(place: PinPlace, { report }: CopiesDeps, signal: AbortSignal) {
  let removing: Promise<void> | undefined

  async function removeOld(oldest: EpochId): Promise<void> {
    try {
      while ((await place.letGo(oldest, STEP_LENGTH, signal)) === STEP_LENGTH);
    } catch (failure) {
      if (!signal.aborted) report('copies_stay', { place: place.name, ...reasonOf(failure) })
    } finally {
      removing = undefined
    }
  }

  return {
    /** One that is under way goes on; what has become old since is left to the next. */
    begin(oldest: EpochId): void {
      if (!signal.aborted) removing ??= removeOld(oldest)
    },
    idle: async () => removing,
  }
}

function reasonOf(failure: unknown): { readonly reason: string; readonly detail: string } {
  // What is no failure of ours may have any text in it: its name must do.
  if (!isWeftError(failure)) return { reason: 'PLACE_FAILED', detail: failure instanceof Error ? failure.name : 'unknown' }
  const { detail, got, path } = failure.facts as Readonly<Record<string, unknown>>
  return { reason: failure.code, detail: String(detail ?? got ?? path ?? '') }
}

/** A few at a time, and those that somebody waits for before all others. */
function createTurns() {
  const waiting: { readonly wanted: Wanted; readonly go: () => void }[] = []
  let running = 0

  function next(): void {
    const first = Math.max(
      0,
      waiting.findIndex(({ wanted }) => wanted.isAwaited),
    )
    const turn = waiting[first]
    if (turn === undefined || running >= (turn.wanted.isAwaited ? 2 * AT_ONCE_MAX : AT_ONCE_MAX)) return
    waiting.splice(first, 1)
    running += 1
    turn.go()
  }

  return {
    /** For when somebody has begun to wait. */
    look: next,
    /** Resolves when it is its turn, with what ends it. */
    take(wanted: Wanted): Promise<() => void> {
      return new Promise((resolve) => {
        const leave = (): void => {
          running -= 1
          next()
        }
        waiting.push({ wanted, go: () => resolve(leave) })
        next()
      })
    },
  }
}
