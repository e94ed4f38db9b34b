import type { EpochId } from '#domain/ids.ts'
import type { Store, StoreEntry } from '#io/store/port.ts'

/**
 * For which epoch each thing is needed, in the store of the role: how an IPFS node knows which blocks it may let go, and how we know which
 * content a place may.
 */

const cidIn = (key: string): string => key.slice(key.lastIndexOf(' ') + 1)

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export interface Kept {
  /**
   * The block is needed for the epoch; for the newest that was named, when none is. One that is needed for several goes with the newest.
   * Counts at once, and is durable when it resolves: only then may the block be written, or a crash would leave one that nobody removes.
   */
  note(cid: string, epochId?: EpochId): Promise<void>
  has(cid: string): boolean
  /**
   * Takes out, oldest first and `countMax` at most, the blocks of epochs before `oldest`, and tells how many. `remove` is called for each in
   * the same turn, so that nobody notes a block while it goes; after a crash it is called again.
   */
  letGo(oldest: EpochId, countMax: number, remove: (cid: string) => void): Promise<number>
  /** What epochs before `oldest` alone need, oldest first and `limit` at most: for who takes long to remove it, and then forgets it. */
  before(oldest: EpochId, limit: number): readonly string[]
  /** Whether no epoch from `oldest` on needs it, and it is noted. */
  isBefore(cid: string, oldest: EpochId): boolean
  forget(cid: string): Promise<void>
  /** The newest epoch named; 0 before the first. */
  newest(): EpochId
}

/** `shelf` begins its keys, and has no slash: the blocks of the node, or what one place has. */
export function openKept(store: Store, shelf = 'ipfs'): Kept {
  const AT_PREFIX = `${shelf}-at/`
  const NEWEST_KEY = `${shelf}-newest`
  const atPrefix = (epochId: EpochId): string => `${AT_PREFIX}${String(epochId).padStart(16, '0')} `
  const atKey = (epochId: EpochId, cid: string): string => `${atPrefix(epochId)}${cid}`
  const ofKey = (cid: string): string => `${shelf}-of/${cid}`

  function numberAt(key: string): EpochId | undefined {
    const bytes = store.get(key)
    return bytes && (Number(decoder.decode(bytes)) as EpochId)
  }
  const newest = (): EpochId => numberAt(NEWEST_KEY) ?? (0 as EpochId)

  /** The oldest blocks before `oldest`. */
  function before(oldest: EpochId, limit: number): StoreEntry[] {
    return store.scan(AT_PREFIX, { limit }).filter(({ key }) => key < atPrefix(oldest))
  }

  async function note(cid: string, epochId = newest()): Promise<void> {
    const known = numberAt(ofKey(cid))
    // It may be on its way to the disk still.
    if (known !== undefined && known >= epochId) return store.flush()
    const epoch = encoder.encode(String(epochId))
    return store.commit([
      ...(known === undefined ? [] : [{ key: atKey(known, cid) }]),
      { key: atKey(epochId, cid), value: new Uint8Array(0) },
      { key: ofKey(cid), value: epoch },
      ...(epochId > newest() ? [{ key: NEWEST_KEY, value: epoch }] : []),
    ])
  }

  return {
    note,
    newest,
    has: (cid) => store.get(ofKey(cid)) !== undefined,
    before: (oldest, countMax) => before(oldest, countMax).map(({ key }) => cidIn(key)),
    isBefore: (cid, oldest) => (numberAt(ofKey(cid)) ?? oldest) < oldest,
    async forget(cid) {
      const known = numberAt(ofKey(cid))
      if (known !== undefined) await store.commit([{ key: atKey(known, cid) }, { key: ofKey(cid) }])
    },
    async letGo(oldest, countMax, remove) {
      const gone = before(oldest, countMax)
      const cids = gone.map(({ key }) => cidIn(key))
      for (const cid of cids) remove(cid)
      // A commit of nothing waits for the disk all the same.
      if (gone.length > 0) await store.commit([...gone.map(({ key }) => ({ key })), ...cids.map((cid) => ({ key: ofKey(cid) }))])
      return gone.length
    },
  }
}
