import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type DevnetFolder, makeTemporaryFolder, sweepTemporaryFolders, takeFolder } from './folder.ts'

const before = process.env['TMPDIR']
let tmp: string
let path: string
let taken: DevnetFolder[]
beforeEach(() => {
  tmp = mkdtempSync(join(tmpdir(), 'weft-folder-'))
  process.env['TMPDIR'] = tmp
  path = join(tmp, 'data')
  taken = []
})
afterEach(async () => {
  if (before === undefined) delete process.env['TMPDIR']
  else process.env['TMPDIR'] = before
  for (const folder of taken) await folder.stop()
  rmSync(tmp, { recursive: true, force: true })
})

function take(isTemporary = false): DevnetFolder {
  const folder = takeFolder(path, { isTemporary })
  taken.push(folder)
  return folder
}
/** Every file below, with what is in it. */
function contents(): Record<string, string> {
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' }).sort()
  return Object.fromEntries(names.map((name) => [name, statSync(join(path, name)).isFile() ? readFileSync(join(path, name), 'utf8') : '']))
}
function put(name: string, text = 'of an operator'): void {
  mkdirSync(join(path, name, '..'), { recursive: true })
  writeFileSync(join(path, name), text)
}

/** As a devnet leaves it: a role at work in it, a network file, a lock that is free. */
async function leave(): Promise<void> {
  const folder = take()
  writeFileSync(join(folder.make('validator-1'), 'state.sqlite'), 'guards')
  for (const name of ['network.json', 'market.json']) writeFileSync(folder.file(name), 'of the devnet')
  await folder.stop()
}

describe('the folder of a devnet', () => {
  test('is made, and emptied of an earlier devnet', async () => {
    await leave()
    const again = take()
    expect(Object.keys(contents()).filter((name) => !name.startsWith('lock.sqlite'))).toEqual(['devnet-mark.json'])
    expect(() => again.make('validator-1')).not.toThrow()
  })

  test('may hold what a crash has left: a file that was to replace another, a folder that was not yet marked', async () => {
    await leave()
    for (const name of ['network.json.new', 'devnet-mark.json.new']) put(name)
    mkdirSync(join(path, 'sequencer'))
    expect(() => take()).not.toThrow()
  })

  test.each([
    ['the folders of an operator, whose roles have the names of ours', () => put('validator-1/state.sqlite')],
    ['the network file of an operator', () => put('network.json')],
    ['a mark that is none', () => put('devnet-mark.json', '{')],
    ['a lock that is not ours', () => put('lock.sqlite')],
  ])('is not one that holds %s: nothing is touched', (_, arrange) => {
    arrange()
    const found = contents()
    expect(() => take()).toThrow(
      expect.objectContaining({ code: 'DATA_DIR_FOREIGN', facts: { dataDir: path, found: readdirSync(path).join(', ') } }),
    )
    expect(contents()).toEqual(found)
  })

  test.each([
    ['a role that an operator has put in place of ours', 'validator-1', () => put('validator-1/state.sqlite')],
    ['a role of another devnet', 'validator-1', () => put('validator-1/devnet-mark.json', '{"id":"11111111-1111-4111-8111-111111111111"}')],
    ['a file that no devnet writes', 'notes.txt', () => put('notes.txt')],
    [
      'a folder under the name of a file of ours',
      'market.json',
      () => {
        rmSync(join(path, 'market.json'))
        put('market.json/notes.txt')
      },
    ],
    ['a file that devnets write, and this one did not', 'kept.json', () => put('kept.json')],
    ['a link to a folder elsewhere', 'sequencer', () => symlinkSync(mkdtempSync(join(tmp, 'elsewhere-')), join(path, 'sequencer'))],
  ])('that a devnet has marked is refused all the same with %s', async (_, name, arrange) => {
    await leave()
    rmSync(join(path, 'validator-1'), { recursive: true })
    arrange()
    const found = contents()
    expect(() => take()).toThrow(expect.objectContaining({ code: 'DATA_DIR_FOREIGN', facts: { dataDir: path, found: name } }))
    expect(contents()).toEqual(found)
  })

  test('is replaced whatever its files are called, also those of which a crash left no more than the name', async () => {
    const first = take()
    writeFileSync(first.file('of-another-version.json'), 'whole')
    first.file('never-written.json')
    await first.stop()
    await take().stop()
    expect(Object.keys(contents()).filter((name) => !name.startsWith('lock.sqlite'))).toEqual(['devnet-mark.json'])
    // The next one did not write it: now it is an operator's.
    put('of-another-version.json')
    expect(() => take()).toThrow(expect.objectContaining({ code: 'DATA_DIR_FOREIGN' }))
  })

  test('in which a devnet runs is left alone, and can be taken when that one has ended', async () => {
    const first = take()
    first.make('sequencer')
    const found = Object.keys(contents())
    expect(() => take()).toThrow(expect.objectContaining({ code: 'DATA_DIR_LOCKED' }))
    expect(Object.keys(contents())).toEqual(found)
    await first.stop()
    expect(() => take()).not.toThrow()
  })
})

describe('temporary folders', () => {
  test('that a killed devnet has left are removed by the next one, and never that of a live one', async () => {
    const program = `
      import { makeTemporaryFolder, takeFolder } from '#devnet/folder.ts'
      const folder = takeFolder(makeTemporaryFolder(), { isTemporary: true })
      folder.make('sequencer')
      console.log(folder.path)
      setInterval(() => folder, 1_000)`
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [left] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
    try {
      sweepTemporaryFolders()
      expect(readdirSync(left)).toContain('sequencer')
    } finally {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    expect(readdirSync(left)).toContain('sequencer')
    sweepTemporaryFolders()
    expect(readdirSync(tmp)).toEqual([])
  })

  test('that are to be kept, have no mark, or another name are nobody’s to remove', async () => {
    path = makeTemporaryFolder()
    await leave()
    mkdirSync(join(tmp, 'weft-devnet-aaaaaa', 'sequencer'), { recursive: true })
    mkdirSync(join(tmp, 'weft-devnet-of-mine'))
    writeFileSync(join(tmp, 'weft-devnet-of-mine', 'devnet-mark.json'), '{"id":"x","isTemporary":true}')
    const found = readdirSync(tmp, { recursive: true })
    sweepTemporaryFolders()
    expect(readdirSync(tmp, { recursive: true })).toEqual(found)
  })

  test('that somebody has made his own by naming them stay', async () => {
    path = makeTemporaryFolder()
    await take(true).stop()
    await take(false).stop()
    sweepTemporaryFolders()
    expect(readdirSync(path)).toContain('devnet-mark.json')
  })
})
