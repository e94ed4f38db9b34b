import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What the dashboard and the alerts ask of Prometheus. */

export const opsFile = (path: string): string => join(import.meta.dirname, '../../ops', path)
const at = (path: string): string => readFileSync(opsFile(path), 'utf8')

interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly type: string; readonly targets?: readonly { readonly expr: string }[] }[]
}
/** Titles with their queries, in which stands what Grafana puts in before it asks. */
export const panels = (JSON.parse(at('grafana/weft.json')) as Dashboard).panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr }) => [title, expr.replaceAll('$__rate_interval', '5m').replaceAll('$instance', '.*')] as const),
)
/** Names with their queries: a block scalar, or what stands behind the key. */
export const alerts = [...at('prometheus/alerts.yml').matchAll(/- alert: (\w+)\n\s+expr: (?:\|\n((?:\s{10,}.*\n)+)|(.*)\n)/g)].map(
  ([, name = '', block, line]) => [name, (block ?? line ?? '').trim()] as const,
)
