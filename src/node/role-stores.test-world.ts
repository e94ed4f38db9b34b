import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'
import type { Store } from '#io/store/port.ts'
import { openSqliteStore } from '#io/store/sqlite.ts'

/** A data directory of each test, with the stores of roles in it, open as those of roles at work are. */
export function roleStores(): { readonly folder: () => string; readonly storeOf: (role: string) => Store } {
  let folder = ''
  const opened: Store[] = []
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'weft-roles-'))
  })
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close()
    rmSync(folder, { recursive: true, force: true })
  })
  return {
    folder: () => folder,
    storeOf(role) {
      const store = openSqliteStore({ path: join(folder, role, 'state.sqlite') })
      opened.push(store)
      return store
    },
  }
}
