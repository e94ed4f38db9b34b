import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
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

/** What a tool of another says, on machines that have it; `undefined` elsewhere. */
function told(tool: string, ...args: readonly string[]): { readonly isWell: boolean; readonly words: string } | undefined {
  const { error, status, stdout, stderr } = spawnSync(tool, args, { encoding: 'utf8' })
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return undefined
  return { isWell: status === 0, words: `${stdout}${stderr}` }
}

test('promtool, where there is one, takes the alerts and the configuration', async (context) => {
  const folder = opsFile('prometheus')
  const said = [
    told('promtool', 'check', 'rules', join(folder, 'alerts.yml')),
    told('promtool', 'check', 'config', join(folder, 'prometheus.yml')),
  ]
  if (said.includes(undefined)) return void (await context.annotate('There is no `promtool` on this machine.'))
  for (const words of said) expect(words).toEqual({ isWell: true, words: expect.stringContaining('SUCCESS') })
})

test('systemd-analyze, where there is one, takes the unit, and would say what is wrong with it', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-unit-'))
  // What it starts must be there: this checkout in the place of the one of the unit.
  const unit = at('weft-node.service').replaceAll('/opt/weft', opsFile('..'))
  const verified = (name: string, text: string) => {
    writeFileSync(join(folder, name), text)
    return told('systemd-analyze', 'verify', join(folder, name))
  }
  try {
    const said = verified('weft-node.service', unit)
    if (said === undefined) return void (await context.annotate('There is no `systemd-analyze` on this machine.'))
    expect(said).toEqual({ isWell: true, words: '' })
    expect(verified('weft-other.service', unit.replace('RestartSec=', 'RestartSecs='))?.words).toContain("Unknown key 'RestartSecs'")
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('compose and hadolint, where they are, take the file of the container and that of its image', async (context) => {
  const compose =
    told('docker', 'compose', 'version')?.isWell === true
      ? told('docker', 'compose', '-f', opsFile('compose.yaml'), 'config', '-q')
      : undefined
  const image = told('hadolint', opsFile('Dockerfile'))
  if (compose === undefined) await context.annotate('There is no `docker compose` on this machine.')
  if (image === undefined) await context.annotate('There is no `hadolint` on this machine.')
  for (const said of [compose, image]) expect(said ?? { isWell: true }).toMatchObject({ isWell: true })
})
