import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { SETTINGS } from '#node/settings/settings.ts'

/** The launcher as an installed package has it, with a Node.js that says what it was started with. */
const home = mkdtempSync(join(tmpdir(), 'weft-launcher-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))
const put = (path: string, text: string): void => {
  mkdirSync(dirname(join(home, path)), { recursive: true })
  writeFileSync(join(home, path), text, { mode: 0o755 })
}
cpSync(join(import.meta.dirname, '../../weft'), join(home, 'weft'))
put('src/cli/main.js', '')
put('node_modules/node/bin/node', '#!/bin/sh\nprintf "%s\\n" "$@"\n')

/** What Node.js gets before the program. */
function flagsOf(...args: string[]): string[] {
  const given = execFileSync(join(home, 'weft'), args, { encoding: 'utf8' }).trimEnd().split('\n')
  const main = given.indexOf(join(home, 'src/cli/main.js'))
  expect(given.slice(main + 1)).toEqual(args)
  return given.slice(0, main)
}

test('a part of a sequencer has the heap of a whole one, and no other role has', () => {
  const whole = flagsOf('sequencer')
  expect(whole).toContain('--heap-growing-percent=200')
  for (const mode of SETTINGS.mode.choices) expect(flagsOf('sequencer', '--mode', mode, '--partitions', '4')).toEqual(whole)
  expect(flagsOf('collector')).not.toContain('--heap-growing-percent=200')
})
