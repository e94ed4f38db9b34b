import { describe, expect, test } from 'vitest'
import { tailOf, until, within } from './within.ts'

const never = new Promise<never>(() => undefined)
const told = () => 'the log'

describe('a wait', () => {
  test('gives what was awaited, and leaves no timer behind', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const before = timers()
    expect(await within(Promise.resolve(7), { awaited: 'a number', limitMs: 60_000, told, ended: never })).toBe(7)
    await new Promise((resolve) => setImmediate(resolve))
    expect(timers()).toBeLessThanOrEqual(before)
  })

  test('ends with what was awaited and what was there', async () => {
    await expect(within(never, { awaited: 'a receipt', limitMs: 5, told })).rejects.toThrow(
      'a receipt: not within 5 ms. There was:\nthe log',
    )
    await expect(until(() => false, { awaited: 'two batches', limitMs: 5, told })).rejects.toThrow('two batches: not within 5 ms.')
  })

  test('ends at once when the process that it waits for ends', async () => {
    const wait = { awaited: 'a receipt', limitMs: 60_000, told, ended: Promise.resolve(1) }
    await expect(within(never, wait)).rejects.toThrow('a receipt: the process ended before, with 1. There was:\nthe log')
    await expect(until(() => false, wait)).rejects.toThrow('the process ended before, with 1')
  })

  test('fails as what it waits for fails', async () => {
    const wait = { awaited: 'a receipt', limitMs: 60_000, told }
    await expect(within(Promise.reject(new Error('refused')), wait)).rejects.toThrow('refused')
    await expect(until(() => Promise.reject(new Error('refused')), wait)).rejects.toThrow('refused')
  })

  test('asks until it is so', async () => {
    let asked = 0
    await until(async () => ++asked === 3, { awaited: 'the third', limitMs: 60_000, told })
    expect(asked).toBe(3)
  })

  test('tells the end of what was written', () => {
    expect(tailOf('short')).toBe('short')
    expect(tailOf(`${'x'.repeat(10_000)}end`)).toMatch(/^…x+end$/)
  })
})
