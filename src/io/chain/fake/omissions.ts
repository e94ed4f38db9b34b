import { WeftError } from '#domain/errors.ts'

/** One of several nodes leaves logs out of its answers, all of a range or those of its second half. */
export interface FakeOmission {
  readonly isPartial: boolean
  readonly every: number
}

/** What comes of a range of blocks is held against what they say that they have, as headers say by their blooms. */
export function createOmissions() {
  let omission: FakeOmission | undefined
  let ranges = 0
  return {
    setOmission(next?: FakeOmission): void {
      omission = next
    },
    /** The same, where nothing is left out: whoever leaves logs out is found out. `logsOf` says of which block an item has logs, if any. */
    whole<Item>(range: readonly Item[], logsOf: (item: Item) => number | undefined): readonly Item[] {
      ranges += 1
      if (omission === undefined || ranges % omission.every !== 0) return range
      const from = omission.isPartial ? range.length >> 1 : 0
      const lacking = range
        .slice(from)
        .map(logsOf)
        .find((number) => number !== undefined)
      if (lacking === undefined) return range
      const detail = `logs of block ${lacking} are left out`
      throw new WeftError('CHAIN_ANSWER_INVALID', { endpoint: 'fake', method: 'eth_getLogs', detail })
    },
  }
}
