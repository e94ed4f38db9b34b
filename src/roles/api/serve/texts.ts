import type { IndexReads, PointRow } from '#io/database/port.ts'

/** Snapshots that go with events: many readers want the same ones within seconds. */
export interface Texts {
  /** `undefined` where it is not to be had, or too long to be sent with an event: who wants it asks for the data point. */
  of(point: PointRow): Promise<string | undefined>
}

/** Characters; an epoch of ten blocks takes some ten thousand. */
const LENGTH_MAX = 64 * 1024
/** Remembered: 64 MiB at most. */
const TEXTS_MAX = 1_024

export function createTexts(index: Pick<IndexReads, 'points'>): Texts {
  const known = new Map<string, Promise<string | undefined>>()
  async function read({ projectId, epochId, snapshotCid }: PointRow): Promise<string | undefined> {
    const [row] = await index.points({ projectId, from: epochId, to: epochId, order: 'ascending', limit: 1, text: true })
    return row?.snapshotCid === snapshotCid && row.text !== undefined && row.text.length <= LENGTH_MAX ? row.text : undefined
  }
  return {
    of(point) {
      if (point.content !== 'here') return Promise.resolve(undefined)
      const key = point.snapshotCid
      const found = known.get(key) ?? read(point)
      known.set(key, found)
      found.catch(() => known.delete(key))
      const [oldest] = known.keys()
      if (known.size > TEXTS_MAX && oldest !== undefined) known.delete(oldest)
      return found
    },
  }
}
