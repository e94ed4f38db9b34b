import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Address, Cid, EpochId } from '#domain/ids.ts'
import { openSqliteStore } from '#io/store/sqlite.ts'
import { importGuards } from '#roles/validator/interchange.ts'
import { publishedRoot } from '#wire/merkle.ts'
import { weft } from './cli.test-world.ts'

let folder: string
const at = (name: string) => join(folder, name)
const ME = `0x${'0a'.repeat(20)}` as Address
const guard = (text: string) => ({ epochId: 1 as EpochId, batchCid: 'bafy' as Cid, root: publishedRoot([text]) })

async function validatorIn(name: string, text: string, validator = ME): Promise<void> {
  mkdirSync(at(name))
  const store = openSqliteStore({ path: join(at(name), 'state.sqlite') })
  await importGuards({ version: 1, chainId: 1, protocolState: ME, dataMarket: ME, validator, guards: [guard(text)] }, 'here', store)
  await store.close()
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-guards-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('guards go from one data directory to another, which may be new, and what is in conflict is named', async () => {
  await validatorIn('old', 'a')
  const exported = await weft({ WEFT_DATA_DIR: at('old') }, 'guards', 'export', at('file'))
  expect([exported.exitCode, exported.out]).toEqual([0, expect.stringContaining(`what ${ME} has signed, 1 batches`)])
  expect(JSON.parse(readFileSync(at('file'), 'utf8'))).toMatchObject({ version: 1, guards: [guard('a')] })
  expect((await weft({}, 'guards', 'import', at('file'), '--data-dir', at('new'))).out).toContain(
    '1 batches added, 0 known before, 0 in conflict',
  )
  await validatorIn('other', 'b')
  expect((await weft({}, 'guards', 'import', at('file'), '--data-dir', at('other'))).out).toContain('signed otherwise here: 1 bafy.')
})

test('of a validator that runs, nothing is told and nothing is taken', async () => {
  await validatorIn('old', 'a')
  await weft({}, 'guards', 'export', at('file'), '--data-dir', at('old'))
  const store = openSqliteStore({ path: join(at('old'), 'state.sqlite') })
  for (const command of ['export', 'import']) {
    const { err, exitCode } = await weft({}, 'guards', command, at('file'), '--data-dir', at('old'))
    expect([exitCode === 0, err]).toEqual([false, expect.stringContaining('DATA_DIR_LOCKED')])
  }
  await store.close()
})

test.each([
  ['no validator has run', ['export'], 'DATA_DIR_EMPTY'],
  ['there is no file', ['import'], 'SETTINGS_INVALID'],
])('where %s that is said', async (_, command, code) => {
  const { err, exitCode } = await weft({}, 'guards', ...command, at('file'), '--data-dir', at('nowhere'))
  expect([exitCode === 0, err]).toEqual([false, expect.stringContaining(code)])
})

test('without a data directory, and for another validator, nothing is done', async () => {
  await validatorIn('old', 'a')
  await validatorIn('other', 'a', `0x${'0b'.repeat(20)}` as Address)
  expect((await weft({}, 'guards', 'export', at('file'))).err).toContain('--data-dir')
  await weft({}, 'guards', 'export', at('file'), '--data-dir', at('old'))
  expect((await weft({}, 'guards', 'import', at('file'), '--data-dir', at('other'))).err).toContain('INTERCHANGE_REFUSED')
})
