import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { EpochId, SlotId } from '#domain/ids.ts'
import { createFakeSigningRecord } from './fake.ts'
import { createSigned } from './signed.ts'
import { openSignedFile, type SignedFile } from './signed-file.ts'
import { testSigningRecord, voteOf } from './suite-signed.ts'

const SLOTS = [1, 2, 3] as SlotId[]
const OTHER = voteOf({ snapshotCid: 'other' as never })

testSigningRecord('fake', async () => {
  const disk = createSigned()
  return { open: async () => createFakeSigningRecord(disk), stop: async () => undefined }
})
testSigningRecord('file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-signed-'))
  const open: SignedFile[] = []
  return {
    async open(dataDir, slotIds) {
      const file = openSignedFile({ folder, place: 'a market', dataDir, slotIds, nowMs: Date.now() })
      open.push(file)
      return file
    },
    async stop() {
      for (const file of open) await file.stop()
      rmSync(folder, { recursive: true })
    },
  }
})

let folder: string
const opened: SignedFile[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-signed-'))
})
afterEach(async () => {
  for (const file of opened.splice(0)) await file.stop().catch(() => undefined)
  rmSync(folder, { recursive: true })
})
function open(change: Partial<Parameters<typeof openSignedFile>[0]> = {}): SignedFile {
  const file = openSignedFile({ folder, place: 'a market', dataDir: '/one', slotIds: SLOTS, nowMs: Date.now(), ...change })
  opened.push(file)
  return file
}
const files = () =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.signed'))
    .map((name) => join(folder, name))

test('N24: it is on disk before it may be signed, for its owner alone to read, and names data directory and market', async () => {
  await open().checkAndRecord(voteOf())
  const [path = ''] = files()
  expect(readFileSync(path, 'utf8')).toContain('[7,"pairs:0xab:NS","cid","1-3"]')
  expect(readFileSync(path, 'utf8')).toContain('{"dataDir":"/one","place":"a market"}')
  expect(statSync(path).mode & 0o777).toBe(0o600)
})

test('N24: what power has cut short is no vote, and spoils none that comes after it', async () => {
  await open().checkAndRecord(voteOf())
  appendFileSync(files()[0] ?? '', '[8,"pairs:0xab:N')
  const again = open()
  await again.checkAndRecord(voteOf({ epochId: 9 as EpochId }))
  expect(await open({ dataDir: '/two' }).checkAndRecord({ ...OTHER, epochId: 9 as EpochId })).toHaveLength(3)
  expect(await open({ dataDir: '/two' }).checkAndRecord({ ...OTHER, epochId: 8 as EpochId })).toEqual([])
})

test('N24: a disk that refuses is told as that, and what it refused is written when it is asked again', async () => {
  const file = open()
  const [market = ''] = readdirSync(folder)
  rmSync(join(folder, market), { recursive: true })
  writeFileSync(join(folder, market), '')
  await expect(file.checkAndRecord(voteOf())).rejects.toMatchObject({ code: 'STORE_PLACE_WRONG' })
  rmSync(join(folder, market))
  expect(await file.checkAndRecord(voteOf())).toEqual([])
  expect(await open({ dataDir: '/two' }).checkAndRecord(OTHER)).toHaveLength(3)
})

test('N24: a data directory that signs for fewer slots than before forgets nothing of the others', async () => {
  const all = open()
  await all.checkAndRecord(voteOf())
  await all.stop()
  const fewer = open({ slotIds: [1] as SlotId[] })
  await fewer.checkAndRecord(voteOf({ epochId: 8 as EpochId, slotIds: [1] as SlotId[] }))
  expect(
    await open({ dataDir: '/two', slotIds: [2, 3] as SlotId[] }).checkAndRecord({ ...OTHER, slotIds: [2, 3] as SlotId[] }),
  ).toHaveLength(2)
})

test('another market, on whichever chain, is another record', async () => {
  await open().checkAndRecord(voteOf())
  expect(await open({ place: 'another' }).checkAndRecord(OTHER)).toEqual([])
})

test('a file that nobody has written to for a month goes, and the folder of its market with it', async () => {
  await open().checkAndRecord(voteOf())
  const [path = ''] = files()
  open({ place: 'another' })
  expect(existsSync(path)).toBe(true)
  const monthAgo = Date.now() / 1_000 - 31 * 24 * 3_600
  utimesSync(path, monthAgo, monthAgo)
  open({ place: 'another' })
  expect([existsSync(path), existsSync(join(path, '..'))]).toEqual([false, false])
})

test('it stays small however long it is written to', async () => {
  const file = open()
  const sizes: number[] = []
  for (let epoch = 1; epoch <= 60; epoch += 1) {
    const votes = Array.from({ length: 200 }, (_, index) => voteOf({ epochId: epoch as EpochId, projectId: `pairs:${index}:NS` as never }))
    await Promise.all(votes.map(file.checkAndRecord))
    sizes.push(readFileSync(files()[0] ?? '', 'utf8').split('\n').length)
  }
  expect(Math.max(...sizes)).toBeLessThan(2 * 32 * 200 + 4_096 + 400)
  expect(Math.min(...sizes.slice(-20))).toBeGreaterThan(32 * 200)
  expect(
    await open({ dataDir: '/two' }).checkAndRecord({ ...OTHER, epochId: 60 as EpochId, projectId: 'pairs:7:NS' as never }),
  ).toHaveLength(3)
})
