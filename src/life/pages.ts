import type { Store, StoreEntry } from '#io/store/port.ts'

/** All that lies under the prefix, in the order of keys, so many at a time: a store may hold more than is good to have in memory at once. What is written meanwhile comes too, if it lies further on. */
export function* pagesOf(store: Pick<Store, 'scan'>, prefix: string, length: number): Generator<readonly StoreEntry[]> {
  let page = store.scan(prefix, { limit: length })
  while (page.length > 0) {
    yield page
    page = store.scan(prefix, { after: page.at(-1)?.key ?? prefix, limit: length })
  }
}
