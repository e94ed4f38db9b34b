import { cpSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { placeOf } from './twins.ts'

const folder = mkdtempSync(join(tmpdir(), 'weft-twins-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('V21, S33: a store that is written to, or moved with its folder, is the same; a copy of it is another one', () => {
  const path = join(folder, 'state.sqlite')
  writeFileSync(path, 'a')
  const place = placeOf(path)
  writeFileSync(path, 'more')
  renameSync(path, join(folder, 'moved'))
  expect(placeOf(join(folder, 'moved'))).toBe(place)
  cpSync(join(folder, 'moved'), path)
  expect(placeOf(path)).not.toBe(place)
})
