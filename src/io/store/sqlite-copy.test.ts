import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openSqliteStore } from './sqlite.ts'
import { openSqliteCopy } from './sqlite-copy.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-copied-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const put = (key: string) => [{ key, value: new Uint8Array(2_000).fill(7) }]

test('has every commit of a store that somebody has open and goes on writing to, and changes nothing there', async () => {
  const path = join(folder, 'state.sqlite')
  const store = openSqliteStore({ path })
  // More than the log takes before its pages are moved to the file.
  for (let commit = 0; commit < 60; commit += 1)
    await store.commit(Array.from({ length: 50 }, (_, index) => put(`a/${String(commit * 50 + index).padStart(4, '0')}`)).flat())
  const copy = openSqliteCopy({ path })
  await store.commit(put('b'))
  expect(copy.scan('a/')).toHaveLength(3_000)
  expect(copy.get('b')).toBeUndefined()
  await copy.commit(put('c'))
  expect(store.get('c')).toBeUndefined()
  await copy.close()
  await store.commit(put('d'))
  await store.close()
  const again = openSqliteCopy({ path })
  expect(
    again
      .scan('')
      .map(({ key }) => key)
      .slice(-2),
  ).toEqual(['b', 'd'])
  await again.close()
  expect(
    readdirSync(tmpdir()).filter((name) => name.startsWith('weft-store-') && existsSync(join(tmpdir(), name, 'state.sqlite'))),
  ).toEqual([])
})

test('of a file that is not there is told as the disk tells it', () => {
  expect(() => openSqliteCopy({ path: join(folder, 'nowhere') })).toThrow(expect.objectContaining({ code: 'STORE_PLACE_WRONG' }))
})
