import { expect, test } from 'vitest'
import { segmentsOf, to } from './router.ts'

test('an address says what it was made of', () => {
  const segments = ['projects', 'a/b:0xAB:weft', '12', '100%']
  expect(segmentsOf(to(...segments))).toEqual(segments)
  expect(segmentsOf('')).toEqual([])
  expect(segmentsOf('#/')).toEqual([])
})

test('what nobody wrote that way is shown as it is', () => expect(segmentsOf('#/projects/%zz')).toEqual(['projects', '%zz']))
