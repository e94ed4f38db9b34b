import { WeftError } from '#domain/errors.ts'
import type { ApiOutput, ApiQuery, ApiRoute } from '#wire/api.ts'
import { isRecord } from '#wire/untrusted.ts'
import { bodyOf, type Endpoints } from './endpoints.ts'
import { addressOf, type Fields, PATHS } from './paths.ts'

/** Answers of any route, as the endpoint gives them: nothing of them is verified, though endpoints may be compared. */

/** What a route takes; numbers and truths need not be written as text. */
export type Query<Name extends ApiRoute> = { readonly [Key in keyof ApiQuery<Name>]: ApiQuery<Name>[Key] | number | boolean }
export interface Asking {
  readonly signal?: AbortSignal | undefined
}

export type ListRoute = { [Name in ApiRoute]: ApiOutput<Name> extends { items: unknown[] } ? Name : never }[ApiRoute]
export type ItemOf<Name extends ListRoute> = ApiOutput<Name> extends { items: (infer Item)[] } ? Item : never

/** Each endpoint speaks of itself in it, or of the sequencers that it was told of. */
const OWN: readonly ApiRoute[] = ['status', 'refusals']
/** A list that ends has no more of these in a row. */
const EMPTY_PAGES_MAX = 100

export async function answerOf<Name extends ApiRoute>(
  endpoints: Endpoints,
  name: Name,
  { fields, signal }: Asking & { readonly fields: Fields },
): Promise<ApiOutput<Name>> {
  return endpoints.ask({
    path: addressOf(PATHS[name], fields),
    read: (answer) => bodyOf(answer) as ApiOutput<Name>,
    ...(!OWN.includes(name) && { essence: (body: unknown) => body }),
    signal,
  })
}

export interface Listing<Item> extends Asking {
  readonly path: string
  readonly fields: Fields
  /** Makes of the items of a page what is given out. */
  readonly read: (items: readonly unknown[], endpoint: string) => readonly Item[] | Promise<readonly Item[]>
  readonly essence: (item: Item) => unknown
  /** How far an endpoint is that has this one. */
  readonly progress?: (item: Item) => number
}

/** Goes through the pages as its items are taken. */
export async function* itemsOf<Item>(endpoints: Endpoints, listing: Listing<Item>): AsyncGenerator<Item, void> {
  let cursor: string | undefined
  let emptyPages = 0
  do {
    const { items, nextCursor } = await pageOf(endpoints, { ...listing, fields: { ...listing.fields, cursor } })
    emptyPages = items.length === 0 ? emptyPages + 1 : 0
    yield* items
    cursor = emptyPages < EMPTY_PAGES_MAX ? nextCursor : undefined
  } while (cursor !== undefined)
}

function pageOf<Item>(endpoints: Endpoints, { path, fields, read, essence, progress, signal }: Listing<Item>) {
  return endpoints.ask({
    path: addressOf(path, fields),
    async read(answer) {
      const body = bodyOf(answer)
      const { items, nextCursor } = isRecord(body) ? body : {}
      if (!Array.isArray(items) || (nextCursor !== undefined && typeof nextCursor !== 'string'))
        throw new WeftError('API_FAILED', { endpoint: answer.endpoint, detail: 'the answer is no page of a list' })
      return { items: await read(items, answer.endpoint), nextCursor }
    },
    essence: ({ items }) => items.map(essence),
    ...(progress && { progress: ({ items }: { readonly items: readonly Item[] }) => items.reduce((sum, item) => sum + progress(item), 0) }),
    signal,
  })
}

export const listOf = <Name extends ListRoute>(endpoints: Endpoints, name: Name, asking: Asking & { readonly fields: Fields }) =>
  itemsOf<ItemOf<Name>>(endpoints, { ...asking, path: PATHS[name], read: (items) => items as ItemOf<Name>[], essence: (item) => item })
