import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { EpochId, ProjectId } from '#domain/ids.ts'
import type { ComputeSetChoice } from '#domain/market-rules.ts'
import { systemClock } from '#io/clock/system.ts'
import { type FolderSet, openComputeFolder } from '#node/compute-folder.ts'
import { createRunWorld } from '#node/compute-run.test-world.ts'
import { createEdits, watchFolders } from './edits.ts'

let world: ReturnType<typeof createRunWorld>
let editions: FolderSet[]
let said: string[]
let published: { readonly versions: readonly string[]; readonly projects: readonly ProjectId[] }[]
let edits: ReturnType<typeof createEdits>
let newest: EpochId | undefined
beforeEach(() => {
  world = createRunWorld()
  editions = [openComputeFolder(world.folder)]
  said = []
  published = []
  newest = 3 as EpochId
  edits = createEdits({
    computes: [{ name: 'set', version: '1', config: {} }],
    editions,
    places: {},
    place: { ...world.place, newest: async () => newest },
    cache: join(world.home, 'cache'),
    signal: new AbortController().signal,
    say: (text) => void said.push(text),
    async publish(computes: readonly ComputeSetChoice[], projects) {
      published.push({ versions: computes.map(({ version }) => version), projects })
      return 4 as EpochId
    },
  })
})
afterEach(async () => {
  await Promise.all(editions.map((set) => set.stop()))
  rmSync(world.home, { recursive: true, force: true })
})

test('an edit is tried on the last epochs, shown project by project, and published as a version of its own', async () => {
  world.write('2n * (read as bigint)')
  await edits.edited(world.folder)
  expect(said.slice(0, -1).map((text) => text.replaceAll(/bafk\w+/g, 'CID').split('\n'))).toEqual([
    ['~ epoch 2, block:N: CID is CID now', '    value: 20, not 10'],
    [expect.stringMatching(/^~ epoch 2, sum:\w+:N: CID is CID now$/), '    the snapshot: 20, not 10'],
    ['~ epoch 3, block:N: CID is CID now', '    value: 30, not 15'],
    [expect.stringMatching(/^~ epoch 3, sum:/), '    the snapshot: 30, not 15'],
  ])
  expect(said.at(-1)).toBe('edited: set 1-edit.1, in every node from epoch 4 on')
  expect(published).toEqual([{ versions: ['1-edit.1'], projects: ['block:N', expect.stringMatching(/^sum:/)] }])
  expect(editions.map(({ version }) => version)).toEqual(['1', '1-edit.1'])
  said.length = 0
  world.write('3n * (read as bigint)')
  await edits.edited(world.folder)
  expect(said[0]).toContain('    value: 30, not 20')
  expect(said.at(-1)).toContain('set 1-edit.2')
})

test('what is no edit changes nothing, and one that gives the same is told as that', async () => {
  await edits.edited(world.folder)
  expect([said, published]).toEqual([[], []])
  world.write('/* the same */ read as bigint')
  await edits.edited(world.folder)
  expect(said.filter((text) => text.startsWith('= '))).toHaveLength(4)
})

test('an edit of a file in a folder of the set is one, and of what it was installed with none', async () => {
  const write = (name: string, text: string): void => {
    mkdirSync(dirname(join(world.folder, name)), { recursive: true })
    writeFileSync(join(world.folder, name), text)
  }
  write('node_modules/weft/a.ts', 'export const a = 1')
  await edits.edited(world.folder)
  expect(published).toEqual([])
  write('prices/dai.ts', 'export const dai = 1n')
  await edits.edited(world.folder)
  expect(published).toHaveLength(1)
})

test('a broken edit keeps the last good one and says so, and what mends it is taken', async () => {
  world.write('read as bigint }}')
  await edits.edited(world.folder)
  expect(said.join('\n')).toMatch(/✘ the edit of .*set is not taken, set 1 stays:\n {4}.*compute\.ts:\d+: /)
  expect([published, editions.length]).toEqual([[], 1])
  world.write('3n')
  await edits.edited(world.folder)
  expect(published).toHaveLength(1)
})

test('a folder that is gone keeps the last good one and says so', async () => {
  rmSync(world.folder, { recursive: true })
  await edits.edited(world.folder)
  expect(said.join('\n')).toMatch(/✘ the edit of .*set is not taken, set 1 stays:\n {4}.*compute\.ts: there is no such file/)
})

test('before the first epoch there is nothing to try an edit on: that is said, and it is taken as it is', async () => {
  newest = undefined
  world.write("(() => { throw new Error('no luck') })()")
  await edits.edited(world.folder)
  expect(said).toEqual([
    `the edit of ${world.folder} is not tried: there is no epoch yet to try it on`,
    'edited: set 1-edit.1, in every node from epoch 4 on',
  ])
})

test('a compute that fails is told with file and line', async () => {
  world.write("(() => { throw new Error('no luck') })()")
  await edits.edited(world.folder)
  expect(said[0]).toMatch(/^✘ epoch 2, block:N: compute_failed: .*compute\.ts:6: no luck/)
})

test.each(['config.json', 'prices/dai.ts'])('a changed %s of the folder is seen', async (name) => {
  mkdirSync(join(world.folder, 'prices'))
  const seen = Promise.withResolvers<string>()
  const watching = watchFolders([world.folder], async (folder) => seen.resolve(folder), systemClock)
  writeFileSync(join(world.folder, name), '{} ')
  expect(await seen.promise).toBe(world.folder)
  await watching.stop()
})
