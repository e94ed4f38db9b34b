import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import { isWeftError } from '#domain/errors.ts'
import { newMarket, TEMPLATES } from './new-market.ts'

const home = mkdtempSync(join(tmpdir(), 'weft-new-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

test.each(TEMPLATES)('a folder made of %s passes its own test, and is one that the compiler takes', async (template) => {
  const folder = newMarket(join(home, `own-${template}`), template)
  expect(readdirSync(folder).sort()).toEqual([
    '.gitignore',
    'README.md',
    'compute.test.ts',
    'compute.ts',
    'config.json',
    'node_modules',
    'package.json',
    'tsconfig.json',
  ])
  // Nothing is left of what stood for the name.
  for (const file of ['compute.ts', 'compute.test.ts', 'config.json', 'README.md', 'package.json'])
    expect(readFileSync(join(folder, file), 'utf8')).not.toContain('NAME')
  const inside = promisify(execFile)(process.execPath, ['--test'], { cwd: folder, env: { PATH: process.env['PATH'] } })
  expect((await inside).stdout).toContain('pass 1')
  const tsc = join(import.meta.dirname, '../../node_modules/.bin/tsc')
  await promisify(execFile)(tsc, ['-p', '.', '--types', ''], { cwd: folder }).catch(({ stdout }) => {
    // Node's own types are the only thing that the folder does not bring.
    expect(stdout.split('\n').filter((line: string) => /^compute\.ts/.test(line))).toEqual([])
  })
})

function problemOf(name: string): unknown {
  try {
    newMarket(join(home, name), 'empty')
  } catch (failure) {
    if (isWeftError(failure, 'SETTINGS_INVALID')) return [failure.facts.problems].flat()[0]
    throw failure
  }
  return undefined
}

test('a folder that holds something, a file, and a name that no set can have are refused, and nothing is written', () => {
  mkdirSync(join(home, 'full'))
  writeFileSync(join(home, 'full/mine'), '')
  writeFileSync(join(home, 'file'), '')
  mkdirSync(join(home, 'hollow'))
  expect(problemOf('full')).toBe(`${join(home, 'full')} is not empty`)
  expect(problemOf('file')).toBe(`${join(home, 'file')} is a file`)
  expect(problemOf('7 up')).toMatch(/'7 up' is no name for a compute set/)
  expect(readdirSync(join(home, 'full'))).toEqual(['mine'])
  expect(problemOf('hollow')).toBeUndefined()
})

test.runIf(existsSync('/proc/self'))('where no folder can be made it is told in words, at once', () => {
  expect(() => newMarket('/proc/own', 'empty')).toThrow('STORE_PLACE_WRONG')
})
