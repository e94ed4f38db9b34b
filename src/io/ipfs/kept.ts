import type { EpochId } from '#domain/ids.ts'
import type { Store, StoreEntry } from '#io/store/port.ts'

/** For which epoch each stored block is needed, in the store of the role: how an IPFS node knows what it may let go. */

const AT_PREFIX = 'ipfs-at/'
const NEWEST_KEY = 'ipfs-newest'
const atPrefix = (epochId: EpochId): string => `${AT_PREFIX}${String(epochId).padStart(16, '0')} `
const atKey = (epochId: EpochId, cid: string): string => `${atPrefix(epochId)}${cid}`
const ofKey = (cid: string): string => `ipfs-of/${cid}`

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
  /** The newest epoch named; 0 before the first. */
  newest(): EpochId
}

export function openKept(store: Store): Kept {
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
    async letGo(oldest, countMax, remove) {
      const gone = before(oldest, countMax)
      const cids = gone.map(({ key }) => key.slice(key.indexOf(' ') + 1))
      for (const cid of cids) remove(cid)
      // A commit of nothing waits for the disk all the same.
      if (gone.length > 0) await store.commit([...gone.map(({ key }) => ({ key })), ...cids.map((cid) => ({ key: ofKey(cid) }))])
      return gone.length
    },
  }
}
