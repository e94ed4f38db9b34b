import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { METRICS } from '#domain/metrics.ts'
import { metricsPage } from '../../tools/docs/metrics.ts'

const home = join(import.meta.dirname, '../..')

test('docs/METRICS.md is what the table says', () => {
  expect(readFileSync(join(home, 'docs/METRICS.md'), 'utf8')).toBe(metricsPage())
})

test('each metric of the table is written somewhere', () => {
  const sources = globSync('src/{node,roles}/**/*.ts', { cwd: home }).filter((path) => !/\.test(-[a-z]+)?\.ts$/.test(path))
  const text = sources.map((path) => readFileSync(join(home, path), 'utf8')).join('\n')
  expect(Object.keys(METRICS).filter((metric) => !text.includes(`'${metric}'`))).toEqual([])
})
