import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parser } from '@prometheus-io/lezer-promql'
import { describe, expect, test } from 'vitest'
import { EVENTS } from '#domain/events.ts'
import { METRICS, type MetricRow } from '#domain/metrics.ts'
import { ROLES, healthPortOf } from '#node/settings/roles.ts'
import { alerts, opsFile, panels } from './queries.ts'

/** What `ops/` holds, against the table of metrics: no panel and no alert of something that there is not. */

const at = (path: string): string => readFileSync(opsFile(path), 'utf8')
/** Labels that Prometheus itself puts on what it scrapes. */
const OF_PROMETHEUS = ['instance', 'job']

/** Names of metrics with the labels beside them, and whether the parser took all of it. */
function readQuery(expr: string) {
  const tree = parser.parse(expr)
  const named: { metric: string; labels: string[] }[] = []
  const grouped: string[] = []
  let isBroken = false
  tree.iterate({
    enter(node) {
      const text = () => expr.slice(node.from, node.to)
      if (node.type.isError) isBroken = true
      if (node.name === 'VectorSelector') named.push({ metric: '', labels: [] })
      const last = named.at(-1)
      if (node.name === 'Identifier' && node.node.parent?.name === 'VectorSelector' && last !== undefined) last.metric = text()
      if (node.name === 'LabelName' && node.node.parent?.name === 'UnquotedLabelMatcher') last?.labels.push(text())
      if (node.name === 'LabelName' && node.node.parent?.name === 'GroupingLabels') grouped.push(text())
    },
  })
  return { isBroken, named, grouped }
}

describe.each([
  ['panel', panels],
  ['alert', alerts],
] as const)('each %s', (_, queries) => {
  test.each(queries)('%s asks for what there is: %s', (_name, expr) => {
    const { isBroken, named, grouped } = readQuery(expr)
    expect(isBroken).toBe(false)
    expect(named.length).toBeGreaterThan(0)
    const known = named.filter(({ metric }) => metric !== 'up')
    for (const { metric, labels } of known) {
      expect(Object.keys(METRICS)).toContain(metric)
      const { labels: has = [] } = METRICS[metric as keyof typeof METRICS] as MetricRow
      expect([...has, ...OF_PROMETHEUS]).toEqual(expect.arrayContaining(labels))
    }
    const all = known.flatMap(({ metric }) => (METRICS[metric as keyof typeof METRICS] as MetricRow).labels ?? [])
    expect([...all, ...OF_PROMETHEUS]).toEqual(expect.arrayContaining(grouped))
  })
})

test('a query that is none, or asks for what there is not, would be noticed', () => {
  expect(readQuery('sum by (a (weft_ready)').isBroken).toBe(true)
  expect(readQuery('rate(weft_nothing{where="x"}[5m])')).toEqual({
    isBroken: false,
    named: [{ metric: 'weft_nothing', labels: ['where'] }],
    grouped: [],
  })
})

test('each metric has its place on the dashboard', () => {
  const shown = new Set(panels.flatMap(([, expr]) => readQuery(expr).named.map(({ metric }) => metric)))
  expect(Object.keys(METRICS).filter((metric) => !shown.has(metric))).toEqual([])
})

test('alerts name events that there are, and none of the two has a name twice', () => {
  const events = alerts.flatMap(([, expr]) => [...expr.matchAll(/event=~?"([^"]+)"/g)].flatMap(([, names = '']) => names.split('|')))
  expect(events.length).toBeGreaterThan(3)
  expect(events.filter((event) => !Object.hasOwn(EVENTS, event))).toEqual([])
  expect(alerts.length).toBe((at('prometheus/alerts.yml').match(/- alert:/g) ?? []).length)
  expect(new Set(alerts.map(([name]) => name)).size).toBe(alerts.length)
})

test('Prometheus looks for each role where it is, and the page says so', () => {
  for (const role of ROLES) {
    expect(at('prometheus/prometheus.yml')).toMatch(
      new RegExp(`"127\\.0\\.0\\.1:${healthPortOf(role)}".*\\n\\s+labels: \\{ role: ${role} \\}`),
    )
    expect(at('README.md').replaceAll('\n', ' ')).toMatch(new RegExp(`\`${role}\` (from )?${healthPortOf(role)}`))
  }
})

/** Prometheus's own tool, on machines that have it. */
function promtool(...args: readonly string[]): string | undefined {
  try {
    return execFileSync('promtool', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  } catch (failure) {
    const { code, stdout = '', stderr = '' } = failure as NodeJS.ErrnoException & { readonly stdout?: string; readonly stderr?: string }
    return code === 'ENOENT' ? undefined : `FAILED ${stdout}${stderr}`
  }
}

test('promtool, where there is one, takes the alerts and the configuration', () => {
  const folder = opsFile('prometheus')
  expect(promtool('check', 'rules', join(folder, 'alerts.yml')) ?? 'SUCCESS').toMatch(/SUCCESS/)
  expect(promtool('check', 'config', join(folder, 'prometheus.yml')) ?? 'SUCCESS').toMatch(/SUCCESS/)
})
