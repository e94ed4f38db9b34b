import { METRICS, type MetricRow, type Reading } from '#domain/metrics.ts'
import { inTableOrder } from '#domain/recorder.ts'

/** The text format of Prometheus, version 0.0.4. */
export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
const quoted = (text: string): string => `"${escaped(text).replaceAll('"', '\\"')}"`

function line({ metric, labels, value }: Reading): string {
  const pairs = Object.entries(labels).map(([name, text]) => `${name}=${quoted(text)}`)
  return `${metric}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}\n`
}

/** Every metric that has a value, with its meaning and its kind before it, in the order of the table. */
export function expositionOf(readings: readonly Reading[]): string {
  let before: string | undefined
  let text = ''
  for (const each of inTableOrder(readings)) {
    const { help, kind }: MetricRow = METRICS[each.metric]
    if (each.metric !== before) text += `# HELP ${each.metric} ${escaped(help)}\n# TYPE ${each.metric} ${kind}\n`
    before = each.metric
    text += line(each)
  }
  return text
}
