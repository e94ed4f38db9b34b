import { expect, test } from 'vitest'
import { configOf } from './config-form.ts'
import { either, float, int, list, map, nullable, object, text } from './snapshot-schema.ts'

const form = configOf(object({ tokens: list(text()), blocks: int(), share: nullable(float()), limits: map(int()) }))
const checked = (value: unknown) => form['~standard'].validate(value)

test('a number is of the kind that is declared, whether the configuration was written by people or as canonical JSON', () => {
  const meant = { value: { tokens: ['a'], blocks: 5n, share: 2, limits: { a: 1n } } }
  expect(checked({ tokens: ['a'], blocks: 5, share: 2, limits: { a: 1 } })).toEqual(meant)
  expect(checked({ tokens: ['a'], blocks: 5n, share: 2n, limits: { a: 1n } })).toEqual(meant)
})

test('of several forms it is the first that fits', () => {
  const several = configOf(list(either([object({ a: int() }), object({ b: float() })])))
  expect(several['~standard'].validate([{ b: 2 }, { a: 2 }])).toEqual({ value: [{ b: 2 }, { a: 2n }] })
})

test('all that is wrong is told by where it is', () => {
  expect(checked({ tokens: ['a', 1], blocks: 0.5, share: null, more: 1 })).toEqual({
    issues: [
      { message: 'tokens[1] is an integer, a text is declared' },
      { message: 'blocks is a float, an integer is declared' },
      { message: 'limits is missing' },
      { message: 'more is not declared' },
    ],
  })
  expect(checked(undefined)).toEqual({ issues: [{ message: 'the configuration is null, an object is declared' }] })
})
