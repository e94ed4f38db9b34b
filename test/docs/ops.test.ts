import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { SETTINGS } from '#node/settings/settings.ts'

const root = join(import.meta.dirname, '../..')
const text = (name: string): string => readFileSync(join(root, 'ops', name), 'utf8')

test.each(['weft-node.service', 'compose.yaml'])('ops/%s sets variables that Weft knows', (name) => {
  const known = new Set<string>(Object.values(SETTINGS).map(({ env }) => env))
  const named = text(name).match(/\bWEFT_\w+/g) ?? []
  expect(named.length).toBeGreaterThan(0)
  expect(named.filter((variable) => !known.has(variable))).toEqual([])
})

test('the unit and the image run files that are there, and nothing stops short of an orderly stop', () => {
  const run = [...text('weft-node.service').matchAll(/\/opt\/weft\/(src|docs)(\/\S+)/g)].map(([, folder, path]) => `${folder}${path}`)
  expect(run).toEqual(['docs/OPERATING.md', 'src/cli/main.ts'])
  for (const path of [...run, 'weft', 'package-lock.json', '.npmrc']) expect([path, existsSync(join(root, path))]).toEqual([path, true])
  const [, seconds] = /^TimeoutStopSec=(\d+)$/m.exec(text('weft-node.service')) ?? []
  const [, grace] = /stop_grace_period: (\d+)s/.exec(text('compose.yaml')) ?? []
  expect([Number(seconds), Number(grace)]).toEqual([30, 30])
})

test('the unit starts a node with the flags and the variables of the launcher', () => {
  const [launcher, unit] = [readFileSync(join(root, 'weft'), 'utf8'), text('weft-node.service')]
  const [, flags = ''] = /^exec "\$node" (.*) "\$main"/m.exec(launcher) ?? []
  const [, heap = ''] = /^ +heap='(.*)'$/m.exec(launcher) ?? []
  expect(unit).toContain(`/.bin/node ${flags.replace('$heap', heap)} /opt/weft/src`)
  const exported = (of: string, place: RegExp) =>
    [...of.matchAll(place)].flatMap(([line]) => line.match(/\b(?!WEFT_)[A-Z_]+(?==)/g) ?? []).sort()
  expect(exported(unit, /^Environment=.*$/gm)).toEqual(exported(launcher, /export \w+=/g))
})
