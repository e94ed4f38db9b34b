import { describe, expect, test } from 'vitest'
import { apyPercent, compounded, fromRay, RAY, rayMul } from './ray.ts'
import { vector } from './scripted.test-source.ts'

/** Tables written by Python's `decimal`. */

test('products of rays are those of Python, also where 28 digits do not hold them', () => {
  for (const [left, right, product] of vector.rayMul)
    expect(rayMul(BigInt(left), BigInt(right)), `${left} * ${right}`).toBe(BigInt(product))
  const inexact = vector.rayMul.filter(([left, right, product]) => (BigInt(left) * BigInt(right) + RAY / 2n) / RAY !== BigInt(product))
  expect(inexact.length).toBeGreaterThan(100)
})

test('compound interest is that of Python', () => {
  for (const [rate, seconds, grown] of vector.compounded)
    expect(compounded(BigInt(rate), BigInt(seconds)), `${rate} over ${seconds} s`).toBe(BigInt(grown))
})

test('rays become the floats of Python', () => {
  for (const [ray, float] of vector.fromRay) expect(fromRay(BigInt(ray)), ray).toBe(Number(float))
})

describe('what a rate earns in a year', () => {
  test('is what Python says', () => {
    for (const [rate, percent] of vector.apy) expect(apyPercent(BigInt(rate)), rate).toBe(Number(percent))
  })

  test('is refused where no double holds it', () => {
    expect(() => apyPercent(710n * RAY)).toThrow('grows beyond any number')
  })
})
