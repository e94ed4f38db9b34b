import { afterEach, describe, expect, test, vi } from 'vitest'
import type { WeftError } from '#domain/errors.ts'
import { hangs, openEndpoints, status, type WorldNode } from './endpoints.test-world.ts'
import { headerOf, hex } from './scripted.test-node.ts'

/** Several endpoints that do not see the same chain. */

afterEach(() => void vi.unstubAllGlobals())

const A = 'https://a.test'
const OTHER = ' of another fork'

/** The chain as it is seen on a fork that begins at that block. */
function forkFrom(node: WorldNode, first: number): void {
  node.scripts['eth_getBlockByNumber'] = (name: string) => {
    const number = name === 'latest' ? node.head : Number(name)
    if (number > node.head) return null
    const block = headerOf(number, number >= first ? OTHER : '')
    return number === first ? { ...block, parentHash: headerOf(number - 1).hash } : block
  }
}
const isOther = (block: unknown): boolean =>
  [98, 99, 100, 101, 102].some((number) => headerOf(number, OTHER).hash === (block as { hash: string }).hash)

function open(names: readonly string[]) {
  const world = openEndpoints({ names, suffixes: { a: ';weight=1000' } })
  const nodes = world.nodes as Readonly<Record<'a' | 'b' | 'c', WorldNode>>
  const block = (name: number | 'latest'): Promise<unknown> =>
    world.run(world.rpc.call('eth_getBlockByNumber', [typeof name === 'number' ? hex(name) : name, false]))
  const grow = (): void => {
    for (const node of Object.values(nodes)) node.head += 1
  }
  const requestsOf = (node: WorldNode): number => node.requests.length
  return { ...world, ...nodes, block, grow, requestsOf }
}

describe('G11: of two endpoints', () => {
  test('the one that is preferred goes to a fork of its own: the other is believed, it is named once, and used again when it is back', async () => {
    const { a, block, grow, told, clock, whoAnswers } = open(['a', 'b'])
    for (let time = 0; time < 3; time += 1, grow()) expect(isOther(await block('latest'))).toBe(false)
    const honest = a.scripts['eth_getBlockByNumber'] as NonNullable<(typeof a.scripts)[string]>
    forkFrom(a, 99)
    for (let time = 0; time < 5; time += 1, grow()) {
      expect(isOther(await block('latest'))).toBe(false)
      await clock.advance(1_000)
    }
    expect(await whoAnswers()).toBe('b')
    expect(told()).toEqual([`${A} other_forks`])
    a.scripts['eth_getBlockByNumber'] = honest
    await clock.advance(30_000)
    await block('latest')
    expect(await whoAnswers()).toBe('a')
  })

  test('both go to the new fork: it is the chain, and nobody is told of', async () => {
    const { a, b, block, grow, told, clock, whoAnswers } = open(['a', 'b'])
    await block('latest')
    grow()
    for (const node of [a, b]) forkFrom(node, 100)
    expect(await block('latest')).toEqual(headerOf(101, OTHER))
    await clock.advance(2_000)
    expect(await whoAnswers()).toBe('a')
    expect(told()).toEqual([])
  })

  test('one is behind with the newest block, which is another one for a moment: nobody is told of', async () => {
    const { a, b, block, grow, told, clock, whoAnswers } = open(['a', 'b'])
    await block('latest')
    forkFrom(a, 100)
    expect(await block(100)).toEqual(headerOf(100))
    forkFrom(b, 100)
    grow()
    await clock.advance(1_000)
    expect(await block('latest')).toEqual(headerOf(101, OTHER))
    await clock.advance(2_000)
    await block('latest')
    expect(await whoAnswers()).toBe('a')
    expect(told()).toEqual([])
  })

  test('each has another block where nothing was seen before: nobody is believed for twelve seconds, then who is preferred', async () => {
    const { a, block, clock } = open(['a', 'b'])
    forkFrom(a, 98)
    const reads = async () => block(99).catch((failure: WeftError) => failure.code)
    for (; clock.nowMs() < 11_000; await clock.advance(1_000)) expect(await reads()).toBe('CHAIN_ANSWER_INVALID')
    await clock.advance(3_000)
    expect(await block(99)).toEqual(headerOf(99, OTHER))
  })

  test('the other one fails for a moment: who denies what was seen is not believed', async () => {
    const { a, b, block, grow, clock } = open(['a', 'b'])
    await block('latest')
    grow()
    forkFrom(a, 99)
    b.reply = status(500)
    expect(await block('latest').catch((failure: WeftError) => failure)).toMatchObject({ kind: 'transient' })
    b.reply = () => undefined
    await clock.advance(70_000)
    expect(await block('latest')).toEqual(headerOf(b.head))
  })

  test('the other one hangs: what nothing speaks against waits a second for it', async () => {
    const { b, block, clock } = open(['a', 'b'])
    await block('latest')
    b.reply = hangs
    const beforeMs = clock.nowMs()
    expect(await block(60)).toEqual(headerOf(60))
    expect(clock.nowMs() - beforeMs).toBeLessThanOrEqual(1_000)
  })

  test('the other one is down: who answers is believed', async () => {
    const { a, b, block, grow } = open(['a', 'b'])
    await block('latest')
    grow()
    b.reply = status(500)
    forkFrom(a, 99)
    const reads = () => block('latest').catch(() => undefined)
    let found = await reads()
    for (let time = 0; time < 4 && found === undefined; time += 1) found = await reads()
    expect(found).toEqual(headerOf(101, OTHER))
  })
})

test('G11: of three endpoints two are believed, though the first was followed', async () => {
  const { b, c, block, grow } = open(['a', 'b', 'c'])
  await block('latest')
  for (const node of [b, c]) forkFrom(node, 98)
  grow()
  expect(await block('latest')).toEqual(headerOf(101))
  expect(await block(97)).toEqual(headerOf(97))
})

test('a block that builds on the one before is asked of nobody else; one by its number that does not, of each', async () => {
  const { a, b, block, grow, requestsOf } = open(['a', 'b'])
  await block('latest')
  const before = requestsOf(b)
  for (let time = 0; time < 5; time += 1) {
    grow()
    await block('latest')
    await block(a.head)
  }
  await block(a.head - 1)
  expect(requestsOf(b)).toBe(before)
  await block(60)
  expect(requestsOf(b)).toBe(before + 1)
  await block(61)
  expect(requestsOf(b)).toBe(before + 1)
})
