import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { EpochId } from '#domain/ids.ts'
import { openKept } from '#io/ipfs/kept.ts'
import { openSqliteStore } from '#io/store/sqlite.ts'
import { weft } from './cli.test-world.ts'
import { answerTo } from './help.ts'
import { sizeInWords } from './storage.ts'

let folder: string
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weft-storage-'))
  mkdirSync(join(folder, 'ipfs'))
  const store = openSqliteStore({ path: join(folder, 'state.sqlite') })
  for (const epoch of [1, 2, 500])
    await openKept(store).note(`bafkreicecnx2gvntm6fbcrvnc336qze6st5u7qq7457igegamd3bzkx7r${'aei'[epoch % 5]}`, epoch as EpochId)
  await store.commit([{ key: 'retention/over', value: new TextEncoder().encode('400') }])
  await store.close()
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('storage', () => {
  test('is what `storage show` says, in words and in JSON', async () => {
    const asked = await weft({}, 'storage', '--data-dir', folder)
    expect(asked.out).toMatch(/\n {2}ipfs-at +3 .+, from epoch 1\n/)
    expect(await weft({ WEFT_DATA_DIR: folder }, 'storage', 'show')).toEqual(asked)
    const { held } = JSON.parse((await weft({}, 'storage', '--json', '--data-dir', folder)).out)
    expect(held).toContainEqual({ kind: 'ipfs-at', count: 3, bytes: expect.any(Number), oldestEpoch: 1 })
  })

  test('alone is to be run, and is explained all the same', () => {
    expect(answerTo(['storage'], () => '1')).toBeUndefined()
    expect(answerTo(['storage', '--help'], () => '1')?.text).toContain('prune')
  })

  test('a folder that is no role is told so', async () => {
    const { err, exitCode } = await weft({}, 'storage', '--data-dir', join(folder, 'nowhere'))
    expect([exitCode === 0, err]).toEqual([false, expect.stringContaining('DATA_DIR_EMPTY')])
  })
})

describe('storage prune', () => {
  test('says what would go, then lets it go, by the numbers that a role would read', async () => {
    const env = { WEFT_DATA_DIR: folder, WEFT_IPFS_EPOCHS_KEPT: '499' }
    expect((await weft(env, 'storage', 'prune', '--dry-run')).out).toContain(
      ': 1 blocks of 0 B, 0 guards, 0 records and 0 unfinished files would go\n',
    )
    expect((await weft(env, 'storage', 'prune', '--ipfs-epochs-kept', '100')).out).toContain(
      ': 2 blocks of 0 B, 0 guards, 0 records and 0 unfinished files went\n',
    )
    expect(JSON.parse((await weft(env, 'storage', 'prune', '--json')).out)).toMatchObject({ blocks: 0, over: 400 })
  })

  test.each([
    ['a flag', {}, ['--ipfs-epochs-kept', '1']],
    ['a variable', { WEFT_IPFS_EPOCHS_KEPT: 'many' }, []],
  ])('%s that is no such number is refused', async (_, env, flags) => {
    const { err, exitCode } = await weft({ ...env, WEFT_DATA_DIR: folder }, 'storage', 'prune', ...flags)
    expect([exitCode === 0, err]).toEqual([false, expect.stringContaining('is not an integer from 100 to')])
  })
})

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_000, '1.0 kB'],
  [98_300, '98.3 kB'],
  [8_400_000_000, '8.4 GB'],
  [2e15, '2000.0 TB'],
])('%i bytes are %s', (bytes, text) => {
  expect(sizeInWords(bytes)).toBe(text)
})
