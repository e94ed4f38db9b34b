import type { CID } from 'multiformats/cid'
import { WeftError } from '#domain/errors.ts'
import type { Cid } from '#domain/ids.ts'
import { untilAborted } from '#domain/until-aborted.ts'
import type { Store } from '#io/store/port.ts'
import type { Block } from './car.ts'
import { openKept } from './kept.ts'
import type { PinPlace } from './port.ts'
import { parseCid, readContent } from './unixfs.ts'

/** Far above any batch and any snapshot. */
const CONTENT_BYTES_MAX = 64 * 1024 * 1024
/** For a copy to get there and to be read back. A service that needs longer is asked again, and goes on where it was. */
const PIN_TIMEOUT_MS = 30_000

/** Content, block by block, the root first. */
export interface Content {
  readonly root: CID
  readonly blocks: readonly Block[]
}

/** What differs between places. Each call ends soon after its signal. */
export interface PlaceAdapter {
  readonly name: string
  /** Resolves when the place says that it keeps the content. Throws `IPFS_CONTENT_WRONG` when it calls it by another CID. */
  put(content: Content, signal: AbortSignal): Promise<void>
  /** Reads the content back, over another way than `put` goes, each block hashed. */
  read(root: CID, limits: { readonly bytesMax: number; readonly signal: AbortSignal }): Promise<Uint8Array>
  /** What is not there is fine. */
  remove(root: CID, signal: AbortSignal): Promise<void>
}

export interface PlaceDeps {
  readonly store: Store
  /** Where the content comes from: the role's own node. */
  readonly blocks: { block(cid: string): Promise<Uint8Array | undefined> }
  readonly timeoutMs?: number
}

/** A place as roles know it: notes, limits of time, and the proof that it has what it says. */
export function openPlace(place: PlaceAdapter, { store, blocks, timeoutMs = PIN_TIMEOUT_MS }: PlaceDeps): PinPlace {
  const kept = openKept(store, `pin ${place.name.replaceAll('/', '|')}`)
  const inTurn = createTurns()

  /** In its time, or not at all: what the place is asked ends with the signal. */
  async function within<Value>(signal: AbortSignal, work: (until: AbortSignal) => Promise<Value>): Promise<Value> {
    const until = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
    try {
      return await untilAborted(work(until), until)
    } catch (failure) {
      signal.throwIfAborted()
      if (until.aborted) throw new WeftError('PLACE_FAILED', { place: place.name, detail: `not done in ${timeoutMs} ms` }, failure)
      throw failure
    }
  }

  async function pinNow(root: CID, signal: AbortSignal): Promise<void> {
    const { content, bytes } = await contentOf(root, blocks, signal)
    await place.put(content, signal)
    const back = await place.read(root, { bytesMax: bytes.length, signal })
    if (Buffer.compare(back, bytes) !== 0) throw new WeftError('IPFS_CONTENT_WRONG', { cid: root.toString(), got: 'other bytes' })
  }

  return {
    name: place.name,
    pin: (cid, epochId, signal) =>
      inTurn(cid, async () => {
        const root = parseCid(cid)
        await kept.note(cid, epochId)
        await within(signal, (until) => pinNow(root, until))
      }),
    async letGo(oldest, countMax, signal) {
      const gone = kept.before(oldest, countMax)
      for (const cid of gone) await inTurn(cid, () => removeOld(cid))
      return gone.length

      async function removeOld(cid: string): Promise<void> {
        // Since it was looked up a newer epoch may have come to need it.
        if (!kept.isBefore(cid, oldest)) return
        await within(signal, (until) => place.remove(parseCid(cid), until))
        await kept.forget(cid)
      }
    },
  }
}

/** Works on the same content go one after another: nothing is taken away while it is brought. */
function createTurns(): (cid: string, work: () => Promise<void>) => Promise<void> {
  const last = new Map<string, Promise<void>>()
  return (cid, work) => {
    const before = last.get(cid)
    const turn = before === undefined ? work() : before.then(work, work)
    last.set(cid, turn)
    const leave = (): void => {
      if (last.get(cid) === turn) last.delete(cid)
    }
    turn.then(leave, leave)
    return turn
  }
}

async function contentOf(
  root: CID,
  { block }: PlaceDeps['blocks'],
  signal: AbortSignal,
): Promise<{ readonly content: Content; readonly bytes: Uint8Array }> {
  const found = new Map<string, Block>()
  const bytes = await readContent(root, { bytesMax: CONTENT_BYTES_MAX, signal }, async (cid) => {
    const name = cid.toString() as Cid
    const here = await block(name)
    if (here === undefined) throw new WeftError('IPFS_NOT_FOUND', { cid: name, waitedMs: 0 })
    found.set(name, { cid, bytes: here })
    return here
  })
  return { content: { root, blocks: [...found.values()] }, bytes }
}
