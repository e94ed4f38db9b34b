import { expect, test } from 'vitest'
import { atMost } from './limit.ts'

test('a limit lets as many work at once as it says, in order, also after failures', async () => {
  const limit = atMost(2)
  const order: number[] = []
  let atOnce = 0
  let most = 0
  const work = (index: number) =>
    limit(async () => {
      atOnce += 1
      most = Math.max(most, atOnce)
      order.push(index)
      await Promise.resolve()
      atOnce -= 1
      if (index === 1) throw new Error('one fails')
    })
  const outcomes = await Promise.allSettled(Array.from({ length: 6 }, (_, index) => work(index)))
  expect([most, order, outcomes.filter(({ status }) => status === 'rejected').length]).toEqual([2, [0, 1, 2, 3, 4, 5], 1])
})

test('a limit gives a free place to the longest waiting, and to nobody who comes in between', async () => {
  const limit = atMost(1)
  const order: string[] = []
  const doors: (() => void)[] = []
  const work = (name: string) =>
    limit(async () => {
      order.push(name)
      await new Promise<void>((resolve) => doors.push(resolve))
    })
  const works = [work('first'), work('second')]
  await Promise.resolve()
  expect(order).toEqual(['first'])
  doors.shift()?.()
  works.push(work('third'))
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
  works.push(work('fourth'))
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
  expect(order).toEqual(['first', 'second'])
  doors.shift()?.()
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
  expect(order).toEqual(['first', 'second', 'third'])
  doors.shift()?.()
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
  doors.shift()?.()
  await Promise.all(works)
})

test('a limit with nobody at work has all its places again', async () => {
  const limit = atMost(2)
  await Promise.all([limit(async () => undefined), limit(async () => undefined)])
  const doors: (() => void)[] = []
  const works = [1, 2, 3].map(() => limit(() => new Promise<void>((resolve) => doors.push(resolve))))
  expect(doors).toHaveLength(2)
  for (let turn = 0; turn < 3; turn += 1) {
    doors.shift()?.()
    for (let pause = 0; pause < 20; pause += 1) await Promise.resolve()
  }
  await Promise.all(works)
})
