import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Address } from '#domain/ids.ts'
import { marketOf, openHome, stateFile } from '#node/home.ts'
import { openSqliteStore } from '#io/store/sqlite.ts'
import { storeOf } from './store.ts'

let dataDir: string
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'weft-doctor-store-'))
})
afterEach(() => rmSync(dataDir, { recursive: true, force: true }))

const settings = (dataMarket = '0x01') => ({
  dataDir,
  anchorChainId: 7,
  protocolState: '0xaa' as Address,
  dataMarket: dataMarket as Address,
})
const leftBy = (role: string, dataMarket?: string) =>
  openHome({ role, dataDir, market: marketOf(settings(dataMarket)), logTo: join(dataDir, 'log') }).stop()
const look = () => storeOf('validator', settings())

test('nothing is said of an empty directory, and nothing is made in it', async () => {
  expect(await look()).toEqual([])
  expect(readdirSync(dataDir)).toEqual([])
})

test('the store of an earlier life of the role is good', async () => {
  await leftBy('validator')
  expect(await look()).toMatchObject([{ check: 'store', state: 'good' }])
})

test('nothing is made or written: neither the words of an earlier life, nor a file that is no store yet, nor what a link there leads to', async () => {
  await leftBy('validator')
  const [pid, other] = [`${stateFile(dataDir)}.pid`, join(dataDir, 'other')]
  writeFileSync(other, 'precious')
  rmSync(pid)
  symlinkSync(other, pid)
  const before = readFileSync(stateFile(dataDir))
  const names = readdirSync(dataDir)
  await look()
  expect([readFileSync(other, 'utf8'), readFileSync(stateFile(dataDir)).equals(before), readdirSync(dataDir)]).toEqual([
    'precious',
    true,
    names,
  ])
  writeFileSync(stateFile(dataDir), '')
  expect([await look(), readFileSync(stateFile(dataDir)).length]).toEqual([[expect.objectContaining({ state: 'good' })], 0])
})

test.each<[string, string, string, RegExp]>([
  ['of another role', 'relay', '0x01', /DATA_DIR_OF_OTHER.*found: relay,/],
  ['of another market', 'validator', '0x02', /DATA_DIR_OF_OTHER.*found: validator of market 7\/0xaa\/0x02/],
])('a store %s is named, with what mends it', async (_what, role, dataMarket, detail) => {
  await leftBy(role, dataMarket)
  expect(await look()).toEqual([
    { check: 'store', state: 'bad', detail: expect.stringMatching(detail), mend: expect.stringContaining('another data directory') },
  ])
})

test.each<[string, () => void, RegExp, RegExp]>([
  ['of a newer Weft', newer, /STORE_NEWER/, /`\.\/weft restore BACKUP --data-dir/],
  ['of another program', foreign, /STORE_FOREIGN/, /`mv .*state\.sqlite/],
  ['that is no database', () => writeFileSync(stateFile(dataDir), 'no database at all, '.repeat(99)), /STORE_CORRUPT/, /\.damaged`/],
])('a store %s is named, with what mends it, and left as it is', async (_what, make, detail, mend) => {
  make()
  const before = readFileSync(stateFile(dataDir))
  expect(await look()).toEqual([{ check: 'store', state: 'bad', detail: expect.stringMatching(detail), mend: expect.stringMatching(mend) }])
  expect(readFileSync(stateFile(dataDir)).equals(before)).toBe(true)
})

test('a store that somebody uses without saying so is named', async () => {
  const other = openSqliteStore({ path: stateFile(dataDir) })
  try {
    expect(await look()).toMatchObject([{ state: 'bad', detail: expect.stringContaining('DATA_DIR_LOCKED') }])
  } finally {
    await other.close()
  }
})

function newer(): void {
  const database = new DatabaseSync(stateFile(dataDir))
  database.exec(`PRAGMA application_id = ${0x77656674}; PRAGMA user_version = 99; CREATE TABLE later (x INTEGER)`)
  database.close()
}

function foreign(): void {
  const database = new DatabaseSync(stateFile(dataDir))
  database.exec('CREATE TABLE bookmarks (url TEXT)')
  database.close()
}
