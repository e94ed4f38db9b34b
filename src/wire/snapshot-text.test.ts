import { expect, test } from 'vitest'
import { JSON_DEPTH_MAX } from './canonical-json.ts'
import { isSnapshotText } from './snapshot-text.ts'

const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels)

test.each([
  ['an object', '{"a":[1,2.5]}'],
  ['what Python writes and JSON does not have', '{"a":NaN,"b":-Infinity}'],
  ['as deep as any may nest', nested(JSON_DEPTH_MAX)],
  ['brackets in a text', JSON.stringify(`\\"${'['.repeat(1_000)}`)],
  ['many that are no deeper than one', `[${'[],{},'.repeat(1_000)}1]`],
])('a snapshot is %s', (_, text) => expect(isSnapshotText(text)).toBe(true))

test.each([
  ['what breaks off', '{"a":'],
  ['deeper than any may nest', nested(JSON_DEPTH_MAX + 1)],
  ['deeper, behind a text', `{"a\\"":${nested(JSON_DEPTH_MAX)}}`],
  ['nothing', ''],
])('a snapshot is not %s', (_, text) => expect(isSnapshotText(text)).toBe(false))

test('G11: one without a bottom is no work', () => {
  const text = nested(4_000_000)
  const beganMs = performance.now()
  expect(isSnapshotText(text)).toBe(false)
  expect(performance.now() - beganMs).toBeLessThan(500)
})
