import { expect, test } from 'vitest'
import { PLAIN, paintFor } from './paint.ts'

test.each([
  [true, {}, true],
  [true, { NO_COLOR: '' }, true],
  [true, { NO_COLOR: '1' }, false],
  [true, { TERM: 'dumb' }, false],
  [false, {}, false],
  [undefined, {}, false],
])('a terminal: %s, with %j: coloured %s', (isTTY, env, isColoured) => {
  const paint = paintFor({ stdout: { ...(isTTY !== undefined && { isTTY }) }, env })
  expect(paint !== PLAIN).toBe(isColoured)
  expect([paint.bad('x'), paint.quiet('x')]).toEqual(isColoured ? ['\u001b[31mx\u001b[39m', '\u001b[2mx\u001b[22m'] : ['x', 'x'])
})
