import { expect, test } from 'vitest'
import { WeftError } from './errors.ts'
import { printable } from './printable.ts'

test.each([
  ['\x1b[2J\x1b[31mred\nline2', '\\u001b[2J\\u001b[31mred\\u000aline2'],
  ['a\u009b31m\u202eb\u2028c\x7f', 'a\\u009b31m\\u202eb\\u2028c\\u007f'],
  ['Grüße, 世界 — “as it is”', 'Grüße, 世界 — “as it is”'],
])('%j is shown as %s', (text, shown) => {
  expect(printable(text)).toBe(shown)
})

test('a text without end is cut', () => {
  expect(printable('x'.repeat(16_000))).toBe('x'.repeat(16_000))
  expect(printable('x'.repeat(16_001))).toBe(`${'x'.repeat(16_000)}…`)
})

test('a failure shows what others wrote in one line; its facts keep it as it is', () => {
  const failure = new WeftError('MANIFEST_INVALID', { manifest: '\x1b[2J\nred', problems: ['a\rb'] })
  expect(failure.message).toContain('(manifest: \\u001b[2J\\u000ared, problems: a\\u000db)')
  expect(failure.facts).toEqual({ manifest: '\x1b[2J\nred', problems: ['a\rb'] })
})
