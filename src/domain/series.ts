import type { JsonValue, SnapshotHistory } from './compute.ts'

/** What a member comes to, where its like of many epochs is looked at: that is remembered, not the member. Not in a set of a folder, whose functions stay with it. */
export interface Derived {
  /** Among those of all sets no other has it. */
  readonly name: string
  readonly member: string
  /** Of the member alone, so that it is the same whenever it is made. */
  of(value: JsonValue): JsonValue
}
/** The name of a member, one within others behind dots (`totalTrade`, `borrow.totalUSD`), or what is made of one. */
export type SeriesField = string | Derived

/** Fields of a project's snapshots over the epochs from `from` on, `before` not included. */
export interface SeriesRange {
  readonly projectId: string
  readonly from: number
  readonly before: number
  readonly fields: readonly SeriesField[]
}

/**
 * Values of one field, ascending by epoch, in pieces: a day can have 86,400, which are not copied into one list for each aggregate of each
 * epoch. `flat()` gives the list to whoever wants it.
 */
export type Column = readonly (readonly JsonValue[])[]

export interface Series {
  /** One for each field, in their order, of the epochs that have data. */
  readonly columns: readonly Column[]
  /** Whether every epoch of the range has data. */
  readonly isWhole: boolean
}

/** Snapshots read at a time: a day can have 86,400 epochs, each perhaps one request. */
export const READS_AT_ONCE = 32

/** The fields of one snapshot. Throws where it lacks one: other people wrote it. */
export function fieldsOf(snapshot: JsonValue, fields: readonly SeriesField[]): readonly JsonValue[] {
  return fields.map((field) => {
    const path = typeof field === 'string' ? field : field.member
    let value: JsonValue = snapshot
    for (const name of path.split('.')) {
      if (value === null || typeof value !== 'object' || Array.isArray(value) || !Object.hasOwn(value, name))
        throw new Error(`the snapshot has no ${path}`)
      value = (value as { readonly [key: string]: JsonValue })[name] as JsonValue
    }
    return typeof field === 'string' ? value : field.of(value)
  })
}

/** What a series is: each snapshot read, each field taken from it. A snapshotter remembers the fields of what is decided, and gives the same. */
export function withSeries(history: Omit<SnapshotHistory, 'series'>): SnapshotHistory {
  return {
    firstEpochId: (projectId) => history.firstEpochId(projectId),
    snapshot: (projectId, epochId) => history.snapshot(projectId, epochId),
    async series({ projectId, from, before, fields }) {
      const columns = fields.map((): [JsonValue[]] => [[]])
      let isWhole = true
      for (let start = from; start < before; start += READS_AT_ONCE) {
        const epochIds = Array.from({ length: Math.min(READS_AT_ONCE, before - start) }, (_, index) => start + index)
        for (const snapshot of await Promise.all(epochIds.map((epochId) => history.snapshot(projectId, epochId)))) {
          if (snapshot === undefined) isWhole = false
          else for (const [index, value] of fieldsOf(snapshot, fields).entries()) (columns[index] as [JsonValue[]])[0].push(value)
        }
      }
      return { columns, isWhole }
    },
  }
}

/**
 * Fields of a project over the `windowEpochs` epochs before `epochId`. `isWhole` is false, too, when the project does not reach back to the
 * window's beginning.
 */
export async function seriesInWindow(
  history: Pick<SnapshotHistory, 'firstEpochId' | 'series'>,
  of: { readonly projectId: string; readonly epochId: number; readonly windowEpochs: number; readonly fields: readonly SeriesField[] },
): Promise<Series> {
  const { projectId, epochId, windowEpochs, fields } = of
  const tail = epochId - windowEpochs
  const first = (await history.firstEpochId(projectId)) ?? epochId
  const { columns, isWhole } = await history.series({ projectId, from: Math.max(tail, first), before: epochId, fields })
  return { columns, isWhole: isWhole && first <= tail }
}

/** Added up in their order, for doubles added in another order are others. Throws where one is no float. */
export function floatSum(column: Column, name: string): number {
  let sum = 0
  for (const piece of column) {
    for (const value of piece) {
      if (typeof value !== 'number') throw new Error(`${name} is not a float`)
      sum += value
    }
  }
  return sum
}

/** As `floatSum`, of integers. */
export function integerSum(column: Column, name: string): bigint {
  let sum = 0n
  for (const piece of column) {
    for (const value of piece) {
      if (typeof value !== 'bigint') throw new Error(`${name} is not an integer`)
      // Most epochs of most projects: an addition makes a new integer.
      if (value !== 0n) sum += value
    }
  }
  return sum
}
