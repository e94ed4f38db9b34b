import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import type { EpochId } from '#domain/ids.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { openBlocks } from '#io/ipfs/blocks.ts'
import { openKept } from '#io/ipfs/kept.ts'
import { importContent } from '#io/ipfs/unixfs.ts'
import { createSeededRandom } from '#io/keys/random.ts'
import { openSqliteStore } from '#io/store/sqlite.ts'
import { restoredUpTo } from '#life/restored.ts'
import { type Backup, backup, restore } from './backup.ts'
import { roleStores } from './role-stores.test-world.ts'
import { storageOf } from './storage.ts'

const roles = roleStores()
const at = (...path: string[]): string => join(roles.folder(), ...path)
const dataDir = () => at('data')
const value = new Uint8Array([1])

function put(path: string, text: string): void {
  mkdirSync(dirname(at(path)), { recursive: true })
  writeFileSync(at(path), text)
}

/** A validator and a collector at work, with all that lies in their folders. */
async function atWork() {
  const validator = roles.storeOf('data/validator')
  const blocks = openBlocks(at('data/validator/ipfs/blocks'), { kept: openKept(validator) })
  await importContent(new Uint8Array(100), (block, bytes) => blocks.write(block, bytes, 1 as EpochId))
  const collector = roles.storeOf('data/collector')
  await validator.commit([{ key: 'home/role', value: new TextEncoder().encode('validator') }])
  await collector.commit([{ key: 'home/role', value: new TextEncoder().encode('collector') }])
  const kept = ['peer-seed', 'ipfs/peer-key', 'manifests/b.json', 'manifests-since.json', 'of-a-later-version']
  const left = [
    'run.json',
    'endpoints.json',
    'log.jsonl',
    'log.old.jsonl',
    'index.sqlite',
    'index.sqlite-wal',
    'peer-seed.new',
    'ipfs/blocks/aa/.b.tmp',
  ]
  for (const name of [...kept, ...left]) put(`data/validator/${name}`, name)
  return { validator, collector, kept }
}

const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .filter((name) => !name.startsWith('ipfs/blocks/'))
    .sort()

async function upTo(home: string, epochId: number): Promise<number | undefined> {
  const store = openSqliteStore({ path: join(home, 'state.sqlite') })
  const chain = {
    currentEpoch: async () => ({ epochId: epochId as EpochId, begin: 1, end: 2 }) as never,
    release: async () => ({ number: 1 }) as never,
  }
  const deps = { store, chain, clock: createVirtualClock(), random: createSeededRandom(1), report: () => undefined }
  const life = { signal: new AbortController().signal, spawn: async () => undefined }
  return restoredUpTo(deps, life).finally(() => store.close())
}

test('what roles at work must keep is copied, and comes back as it was', async () => {
  const { validator, kept } = await atWork()
  await validator.commit([{ key: 'guard/1', value }])
  const made = await backup(at('backup'), { dataDir: dataDir(), blocks: true })
  await validator.commit([{ key: 'guard/2', value }])
  expect(made.parts.map(({ name, role, blocks }) => [name, role, blocks.count])).toEqual([
    ['collector', 'collector', 0],
    ['validator', 'validator', 1],
  ])
  await restore(at('backup'), { dataDir: at('restored') })
  expect(filesIn(at('restored/validator'))).toEqual([...kept, 'state.sqlite'].sort())
  for (const name of kept) expect(readFileSync(at('restored/validator', name), 'utf8')).toBe(name)
  const store = openSqliteStore({ path: at('restored/validator/state.sqlite') })
  expect([store.get('guard/1'), store.get('guard/2')]).toEqual([value, undefined])
  await store.close()
  const [folder = ''] = readdirSync(at('restored/validator/ipfs/blocks'))
  expect(readdirSync(at('restored/validator/ipfs/blocks', folder))).toHaveLength(1)
  expect(readdirSync(roles.folder()).sort()).toEqual(['backup', 'data', 'restored'])
})

test('one role alone, without its blocks', async () => {
  await atWork()
  const made = await backup(at('backup'), { dataDir: at('data/validator'), blocks: false })
  expect(made.parts).toMatchObject([{ name: '', role: 'validator', blocks: { count: 0 } }])
  await restore(at('backup'), { dataDir: at('restored') })
  expect(existsSync(at('restored/state.sqlite'))).toBe(true)
  expect(existsSync(at('restored/ipfs/blocks'))).toBe(false)
})

test('whoever starts on it knows that it is a copy, also where it was copied by hand; whoever goes on with the original does not', async () => {
  const { validator } = await atWork()
  await backup(at('backup'), { dataDir: dataDir(), blocks: true })
  await restore(at('backup'), { dataDir: at('restored') })
  cpSync(at('backup'), at('by-hand'), { recursive: true })
  await validator.close()
  expect(await upTo(at('restored/validator'), 7)).toBe(7)
  expect(await upTo(at('restored/validator'), 9)).toBe(7)
  expect(await upTo(at('by-hand/validator'), 8)).toBe(8)
  expect(await upTo(at('data/validator'), 8)).toBeUndefined()
})

test('G1: of a store that somebody writes to without pause it has every commit that was durable before, each whole', async () => {
  const path = at('data/state.sqlite')
  const script = join(import.meta.dirname, '../io/store/sqlite.test-child.ts')
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  const durable: string[] = []
  const lines = createInterface({ input: child.stdout })
  let awaited = 500
  let reached = Promise.withResolvers<void>()
  lines.on('line', (key) => {
    if (durable.push(key) === awaited) reached.resolve()
  })
  try {
    for (let round = 1; round <= 3; round += 1) {
      await reached.promise
      const before = durable.slice()
      await backup(at(`backup-${round}`), { dataDir: dataDir(), blocks: true })
      const copy = openSqliteStore({ path: at(`backup-${round}/state.sqlite`) })
      const keys = new Set(copy.scan('').map(({ key }) => key))
      await copy.close()
      expect(before.filter((key) => !keys.has(key))).toEqual([])
      const isCommit = (key: string): boolean => /^\d\/\d+$/.test(key)
      expect([...keys].filter((key) => isCommit(key) && !keys.has(`${key}/twin`))).toEqual([])
      reached = Promise.withResolvers()
      awaited = durable.length + 500
    }
  } finally {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
})

describe('refused, with nothing made or changed:', () => {
  async function made(): Promise<void> {
    await atWork()
    await backup(at('backup'), { dataDir: dataDir(), blocks: true })
  }
  const contents = () => JSON.parse(readFileSync(at('backup/backup.json'), 'utf8')) as Backup
  const restoring = () => restore(at('backup'), { dataDir: at('restored') })

  test('a backup over something, within what it is of, or of nothing', async () => {
    await made()
    const again = (to: string, of = dataDir()) => backup(to, { dataDir: of, blocks: true })
    await expect(again(at('backup'))).rejects.toMatchObject({ code: 'FOLDER_NOT_EMPTY' })
    await expect(again(at('data/backup'))).rejects.toMatchObject({ code: 'SETTINGS_INVALID' })
    await expect(again(at('of-nothing'), at('nothing'))).rejects.toMatchObject({ code: 'DATA_DIR_EMPTY' })
    expect(readdirSync(roles.folder()).sort()).toEqual(['backup', 'data'])
  })

  test('a data directory that somebody uses, or that holds anything', async () => {
    await made()
    await expect(restore(at('backup'), { dataDir: dataDir() })).rejects.toMatchObject({ code: 'DATA_DIR_LOCKED' })
    put('notes/mine', 'text')
    await expect(restore(at('backup'), { dataDir: at('notes') })).rejects.toMatchObject({ code: 'FOLDER_NOT_EMPTY' })
    expect(readFileSync(at('notes/mine'), 'utf8')).toBe('text')
  })

  test('a mistake that would change a backup: it is as good after it', async () => {
    await made()
    await backup(at('other'), { dataDir: dataDir(), blocks: false })
    const before = filesIn(at('backup'))
    for (const to of ['backup', 'backup/inside'])
      await expect(restore(at('backup'), { dataDir: at(to) })).rejects.toMatchObject({ code: 'SETTINGS_INVALID' })
    await expect(restore(at('other'), { dataDir: at('backup') })).rejects.toMatchObject({ code: 'FOLDER_NOT_EMPTY' })
    await expect(storageOf(at('backup'))).rejects.toMatchObject({ code: 'SETTINGS_INVALID' })
    await expect(storageOf(at('backup/collector'))).rejects.toMatchObject({ code: 'SETTINGS_INVALID' })
    expect(filesIn(at('backup'))).toEqual(before)
    await restoring()
    // What comes of it is a data directory as any other.
    expect((await storageOf(at('restored'))).map(({ role }) => role)).toEqual(['collector', 'validator'])
  })

  test.each<[string, () => void, string]>([
    ['one that is not whole', () => rmSync(at('backup/backup.json')), 'there is no backup.json in it'],
    ['a file that was changed', () => put('backup/validator/peer-seed', 'other'), 'it was changed'],
    ['a store that was changed', () => put('backup/collector/state.sqlite', ''), 'it was changed'],
    ['a file that is gone', () => rmSync(at('backup/validator/peer-seed')), 'it is not there'],
    ['blocks that are gone', () => rmSync(at('backup/validator/ipfs/blocks'), { recursive: true }), 'it has 0 of 1 blocks'],
    ['what is no JSON', () => put('backup/backup.json', '{"version":'), 'JSON'],
    ['a later form', () => put('backup/backup.json', JSON.stringify({ ...contents(), version: 2 })), 'version'],
    [
      'a part without its store',
      () => put('backup/backup.json', JSON.stringify(contents()).replace('state.sqlite', 'other')),
      'has no store',
    ],
    [
      'a part elsewhere',
      () => put('backup/backup.json', JSON.stringify(contents()).replace('"validator"', '".."')),
      "'..' leads out of it",
    ],
    [
      'a file elsewhere',
      () => put('backup/backup.json', JSON.stringify(contents()).replace('"peer-seed"', '"a/../../../b"')),
      "'a/../../../b' leads out of it",
    ],
  ])('%s', async (_, change, detail) => {
    await made()
    change()
    await expect(restoring()).rejects.toMatchObject({ code: 'BACKUP_INVALID', facts: { detail: expect.stringContaining(detail) } })
    expect(readdirSync(roles.folder()).sort()).toEqual(['backup', 'data'])
  })

  test('a store of a newer Weft', async () => {
    const { validator } = await atWork()
    await validator.close()
    const database = new DatabaseSync(at('data/validator/state.sqlite'))
    database.exec('PRAGMA user_version = 99')
    database.close()
    await expect(backup(at('backup'), { dataDir: dataDir(), blocks: true })).rejects.toMatchObject({ code: 'STORE_NEWER' })
    expect(readdirSync(roles.folder())).toEqual(['data'])
  })

  test('the backup of a newer Weft', async () => {
    await made()
    const path = 'backup/validator/state.sqlite'
    const { validator = '' } = Object.fromEntries(contents().parts.map(({ name, files }) => [name, files['state.sqlite']]))
    const database = new DatabaseSync(at(path))
    database.exec('PRAGMA user_version = 99')
    database.close()
    const hash = createHash('sha256')
      .update(readFileSync(at(path)))
      .digest('hex')
    put('backup/backup.json', JSON.stringify(contents()).replace(validator, hash))
    await expect(restoring()).rejects.toMatchObject({ code: 'STORE_NEWER' })
    expect(readdirSync(roles.folder()).sort()).toEqual(['backup', 'data'])
  })
})
