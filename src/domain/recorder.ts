import { type LabelsOf, METRICS, type MetricName, type Reading } from './metrics.ts'

/** Different labels of one metric; codes come from tables, and of endpoints there are a handful. What is beyond is counted together. */
const SERIES_MAX = 500
const LABEL_LENGTH_MAX = 120
const OTHER = 'other'

/** What was counted and measured since the start. */
export interface Recorder {
  add<Name extends MetricName>(metric: Name, labels: LabelsOf<Name>, by?: number): void
  set<Name extends MetricName>(metric: Name, labels: LabelsOf<Name>, value: number): void
  read(): Reading[]
}

export function createRecorder(): Recorder {
  const metrics = new Map<MetricName, Map<string, { readonly labels: Reading['labels']; value: number }>>()

  function seriesOf(metric: MetricName, given: Reading['labels']) {
    const series = metrics.get(metric) ?? new Map()
    metrics.set(metric, series)
    const names = Object.keys(given)
    const isFull = series.size >= SERIES_MAX && !series.has(keyOf(names, given))
    const labels = Object.fromEntries(names.map((name) => [name, isFull ? OTHER : (given[name] ?? '').slice(0, LABEL_LENGTH_MAX)]))
    const key = keyOf(names, labels)
    const known = series.get(key) ?? { labels, value: 0 }
    series.set(key, known)
    return known
  }

  return {
    add(metric, labels, by = 1) {
      seriesOf(metric, labels).value += by
    },
    set(metric, labels, value) {
      seriesOf(metric, labels).value = value
    },
    read: () => [...metrics].flatMap(([metric, series]) => [...series.values()].map(({ labels, value }) => ({ metric, labels, value }))),
  }
}

const keyOf = (names: readonly string[], labels: Reading['labels']): string => JSON.stringify(names.map((name) => labels[name]))

/** Readings in the order of the table, those of one metric together. */
export function inTableOrder(readings: readonly Reading[]): readonly Reading[] {
  const byMetric = Map.groupBy(readings, ({ metric }) => metric)
  return (Object.keys(METRICS) as MetricName[]).flatMap((metric) => byMetric.get(metric) ?? [])
}
