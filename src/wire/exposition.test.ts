import { expect, test } from 'vitest'
import { reading } from '#domain/metrics.ts'
import { expositionOf } from './exposition.ts'

test('the text format: help and kind once per metric, labels in quotes, text of others escaped', () => {
  const text = expositionOf([
    reading('weft_unready', 1, { reason: 'a "quoted\\ one"\nand a line' }),
    reading('weft_ready', 0, {}),
    reading('weft_unready', 1, { reason: 'starting' }),
    reading('process_cpu_seconds_total', 0.125, {}),
  ])
  // As `promtool check metrics` takes it.
  expect(text.replace(/^(# HELP \w+) .*$/gm, '$1 …')).toBe(`# HELP weft_ready …
# TYPE weft_ready gauge
weft_ready 0
# HELP weft_unready …
# TYPE weft_unready gauge
weft_unready{reason="a \\"quoted\\\\ one\\"\\nand a line"} 1
weft_unready{reason="starting"} 1
# HELP process_cpu_seconds_total …
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 0.125
`)
})
