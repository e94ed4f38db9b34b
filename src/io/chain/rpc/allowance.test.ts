import { describe, expect, test } from 'vitest'
import { createAllowance } from './allowance.ts'

describe('an allowance', () => {
  const serve = (allowance: ReturnType<typeof createAllowance>, times: number, size = allowance.now()) => {
    for (let time = 0; time < times; time += 1) allowance.served(size)
    return allowance.now()
  }

  test('is halved by a refusal, or what the endpoint says it takes', () => {
    const allowance = createAllowance(1_000)
    allowance.refused(1_000)
    expect(allowance.now()).toBe(500)
    allowance.refused(500, 20)
    expect(allowance.now()).toBe(20)
    allowance.refused(20, 9_999)
    expect(allowance.now()).toBe(10)
    for (let time = 0; time < 9; time += 1) allowance.refused(allowance.now())
    expect(allowance.now()).toBe(1)
  })

  test('does not grow by one success, nor by many small ones: a quarter after 64 in full, then half as often', () => {
    const allowance = createAllowance(1_000)
    allowance.refused(200)
    expect(serve(allowance, 1)).toBe(100)
    expect(serve(allowance, 1_000, 99)).toBe(100)
    expect(serve(allowance, 62)).toBe(100)
    expect(serve(allowance, 1)).toBe(125)
    allowance.refused(125, 100)
    expect([serve(allowance, 127), serve(allowance, 1)]).toEqual([100, 125])
  })

  test('never grows above the most', () => {
    const allowance = createAllowance(110)
    allowance.refused(200)
    expect([serve(allowance, 64), serve(allowance, 1_000)]).toEqual([110, 110])
  })
})
