import { mayHold } from './bloom.ts'

/** What `eth_getLogs` is asked for, apart from the blocks: each place one value, one of several, or any. */
export interface LogFilter {
  readonly address?: string | readonly string[] | null
  readonly topics?: readonly (string | readonly string[] | null)[]
}

/** A log as nodes write it, as far as a receipt holds it. */
export interface LogBody {
  readonly address: string
  readonly topics: readonly string[]
  readonly data: string
}

/** For each place of a filter that names something, what is taken there; the address has no index. */
function wantedIn({
  address,
  topics = [],
}: LogFilter): readonly { readonly index: number | undefined; readonly values: readonly string[] }[] {
  return [address, ...topics].flatMap((values, place) =>
    values == null || values.length === 0 ? [] : [{ index: place === 0 ? undefined : place - 1, values: [values].flat() as string[] }],
  )
}

/** Whether a block with that bloom may hold a log that the filter takes. */
export const mayMatch = (filter: LogFilter, bloom: string): boolean =>
  wantedIn(filter).every(({ values }) => values.some((value) => mayHold(bloom, value)))

/** Whether the filter takes the log. */
export const isMatch = (filter: LogFilter, log: LogBody): boolean =>
  wantedIn(filter).every(({ index, values }) => {
    const found = index === undefined ? log.address : log.topics[index]
    return found !== undefined && values.some((value) => value.toLowerCase() === found.toLowerCase())
  })
