import { describe, expect, test } from 'vitest'
import type { ChainEvent } from '#domain/compute.ts'
import { WeftError } from '#domain/errors.ts'
import { createFakeSourceChain } from '#io/chain/fake/source.ts'
import type { SourceChain } from '#io/chain/port.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { createSeededRandom } from '#io/keys/random.ts'
import { PATIENCE } from './patience.ts'
import { awaitSource, createSourceReader } from './source-reader.ts'

const epoch = { epochId: 1, begin: 10, end: 19 }
const ADDRESS = `0x${'aa'.repeat(20)}`
const OTHER = `0x${'bb'.repeat(20)}`
const unreachable = () => Promise.reject(new WeftError('CHAIN_UNREACHABLE', { endpoint: 'test', method: 'read' }))
const F = 'function f(uint256) view returns (uint256)'
const E = 'event E()'

/** A reader of blocks 10 to 19, and what the chain behind it was asked. */
function createScene(change: Partial<SourceChain> = {}) {
  const clock = createVirtualClock()
  const stop = new AbortController()
  const asked: string[] = []
  const fake = createFakeSourceChain({ blocks: 100, read: () => [7n] })
  const count = <Method extends 'block' | 'read' | 'events' | 'transactions'>(method: Method): SourceChain[Method] =>
    (async (argument: never) => {
      asked.push(method)
      return (change[method] ?? fake[method])(argument)
    }) as unknown as SourceChain[Method]
  const chain: SourceChain = {
    head: fake.head,
    block: count('block'),
    read: count('read'),
    events: count('events'),
    transactions: count('transactions'),
  }
  const deps = { clock, random: createSeededRandom(1), report: () => undefined }
  const make = () => createSourceReader({ epoch, chain, signal: stop.signal }, deps)
  return { clock, stop, asked, chain, fake, deps, make, source: make() }
}
const call = { address: ADDRESS, function: F, args: [1n], blockNumber: 19 }
const filter = { address: ADDRESS, events: [E], fromBlock: 10, toBlock: 19 }

describe('N3: within an epoch', () => {
  test('each question is asked once, in whatever case the address stands', async () => {
    const { source, asked } = createScene()
    for (let time = 0; time < 3; time += 1) {
      await source.read(call)
      await source.read({ ...call, address: `0x${'AA'.repeat(20)}` })
      await source.events(filter)
      await source.timestamp(12)
      await source.transactions(12)
    }
    expect(asked).toEqual(['read', 'events', 'block', 'transactions'])
  })

  test.each([
    ['address', { ...call, address: OTHER }],
    ['function', { ...call, function: 'function g(uint256) view returns (uint256)' }],
    ['arguments', { ...call, args: [2n] }],
    ['type of an argument', { ...call, args: ['1'] }],
    ['block', { ...call, blockNumber: 18 }],
  ])('another %s is another question', async (_what, other) => {
    const { source, asked } = createScene()
    await source.read(call)
    await source.read(other)
    expect(asked).toHaveLength(2)
  })

  test.each([
    ['address', { ...filter, address: OTHER }],
    ['events', { ...filter, events: ['event F()'] }],
    ['first block', { ...filter, fromBlock: 11 }],
    ['last block', { ...filter, toBlock: 18 }],
  ])('another %s is another range of events', async (_what, other) => {
    const { source, asked } = createScene()
    await source.events(filter)
    await source.events(other)
    expect(asked).toEqual(['events', 'events'])
  })

  test('an epoch does not answer for another one: what was kept goes with its reader', async () => {
    const { make, asked } = createScene()
    await make().read(call)
    await make().read(call)
    expect(asked).toHaveLength(2)
  })

  test.each<[string, (source: ReturnType<typeof createSourceReader>) => Promise<unknown>]>([
    ['a timestamp', (source) => source.timestamp(20)],
    ['a read', (source) => source.read({ ...call, blockNumber: 20 })],
    ['events up to it', (source) => source.events({ ...filter, toBlock: 20 })],
    ['events from it', (source) => source.events({ ...filter, fromBlock: 20 })],
  ])('nothing is asked about a block after the last: %s', async (_what, ask) => {
    const { source, asked } = createScene()
    await expect(ask(source)).rejects.toMatchObject({ code: 'ID_MALFORMED' })
    expect(asked).toEqual([])
  })

  test('its last block, and blocks before its first, may be asked about', async () => {
    const { source } = createScene()
    expect(await source.timestamp(19)).toBe(1_700_000_000 + 19 * 12)
    expect(await source.read({ ...call, blockNumber: 2 })).toEqual([7n])
    expect(await source.events(filter)).toEqual([])
  })

  test('an answer that failed is not kept', async () => {
    let failures = PATIENCE.attemptsMax
    const read = async () => (failures-- > 0 ? unreachable() : [7n])
    const { source, asked, clock } = createScene({ read })
    const first = source.read(call).catch((failure: unknown) => failure)
    await clock.advance(60_000)
    expect(await first).toMatchObject({ code: 'CHAIN_UNREACHABLE' })
    expect(asked).toHaveLength(PATIENCE.attemptsMax)
    expect(await source.read(call)).toEqual([7n])
  })

  test('an endpoint alone that is limited and down for twenty seconds costs no data', async () => {
    const { source, clock } = createScene({ read: () => (clock.nowMs() - startMs < 20_000 ? unreachable() : Promise.resolve([7n])) })
    const startMs = clock.nowMs()
    const answer = source.read(call)
    await clock.advance(25_000)
    expect(await answer).toEqual([7n])
  })

  test('N4: questions without an answer, more than there are places, keep no other waiting longer than their first pause', async () => {
    const { source, clock } = createScene({ read: ({ args }) => (args[0] === 1n ? Promise.resolve([7n]) : unreachable()) })
    for (let index = 2n; index < 4_200n; index += 1n) source.read({ ...call, args: [index] }).catch(() => undefined)
    const answer = source.read(call)
    expect(await clock.runUntil(answer, { limitMs: 2 * PATIENCE.backoff.firstMs })).toEqual([7n])
  })

  test('a block that is not served is asked for again, and then a failure', async () => {
    const { source, asked, clock } = createScene({ block: async () => undefined })
    const first = source.timestamp(12).catch((failure: unknown) => failure)
    await clock.advance(60_000)
    expect(await first).toMatchObject({ code: 'CHAIN_ANSWER_INVALID' })
    expect(asked).toHaveLength(PATIENCE.attemptsMax)
  })

  test('a revert is an answer and not asked again', async () => {
    const read = () => Promise.reject(new WeftError('CALL_REVERTED', { call: 'f', reason: 'no' }))
    const { source, asked } = createScene({ read })
    await expect(source.read(call)).rejects.toMatchObject({ code: 'CALL_REVERTED' })
    expect(asked).toHaveLength(1)
  })

  test('at most 4,096 reads are under way at once, and as many as that', async () => {
    const answers: (() => void)[] = []
    const events = () => new Promise<readonly ChainEvent[]>((resolve) => answers.push(() => resolve([])))
    const { source, clock } = createScene({ events })
    const all = Promise.all(Array.from({ length: 4_100 }, (_, index) => source.events({ ...filter, events: [`event E${index}()`] })))
    await clock.advance(1)
    expect(answers).toHaveLength(4_096)
    answers[0]?.()
    await clock.advance(1)
    expect(answers).toHaveLength(4_097)
    for (const answer of answers.slice(1)) answer()
    await clock.advance(1)
    for (const answer of answers.slice(4_097)) answer()
    expect(await all).toHaveLength(4_100)
  })
})

describe('N7: when the epoch is over', () => {
  test('nothing more is asked, not even what waited for its turn', async () => {
    const answers: (() => void)[] = []
    let isOver = false
    const events = () => (isOver ? Promise.resolve([]) : new Promise<readonly ChainEvent[]>((resolve) => answers.push(() => resolve([]))))
    const { source, asked, stop, clock } = createScene({ events })
    const all = Promise.allSettled(Array.from({ length: 4_104 }, (_, index) => source.events({ ...filter, events: [`event E${index}()`] })))
    await clock.advance(1)
    stop.abort(new WeftError('STOPPED', { what: 'test' }))
    isOver = true
    for (const answer of answers) answer()
    expect((await all).filter(({ status }) => status === 'rejected')).toHaveLength(8)
    await expect(source.read(call)).rejects.toMatchObject({ code: 'STOPPED' })
    expect(asked).toHaveLength(4_096)
  })

  test('a failing request is not tried again', async () => {
    const { source, asked, stop, clock } = createScene({ read: unreachable })
    const answer = source.read(call).catch((failure: unknown) => failure)
    await clock.advance(1)
    stop.abort(new WeftError('STOPPED', { what: 'test' }))
    expect(await answer).toMatchObject({ code: 'STOPPED' })
    await clock.advance(60_000)
    expect(asked).toHaveLength(1)
  })
})

describe('N3: before anything is computed', () => {
  function createWait(chain: SourceChain) {
    const clock = createVirtualClock()
    const told: unknown[] = []
    const report = (event: string, facts: unknown) => void told.push([event, facts])
    let isThere = false
    const waiting = awaitSource({ epoch, chain, signal: new AbortController().signal }, { clock, random: createSeededRandom(1), report })
    const done = waiting.then(() => {
      isThere = true
    })
    return { clock, told, done, isThere: () => isThere }
  }

  test('a block above the last of the epoch is waited for, however long', async () => {
    const chain = createFakeSourceChain({ blocks: 11 })
    const { clock, told, done, isThere } = createWait(chain)
    await clock.advance(600_000)
    // The last one is the newest: a node may answer for it with the state of the block that it is making.
    chain.mine(9)
    await clock.advance(10_000)
    expect(isThere()).toBe(false)
    chain.mine(1)
    await clock.advance(10_000)
    expect(isThere()).toBe(true)
    await done
    // A node that is behind is no trouble.
    expect(told).toEqual([])
  })

  test('G12: an endpoint that does not answer is said to, and waited for', async () => {
    const chain = createFakeSourceChain({ blocks: 100 })
    chain.setReachable(false)
    const { clock, told, done, isThere } = createWait(chain)
    await clock.advance(5_000)
    expect(told).toContainEqual(['will_try_again', expect.objectContaining({ code: 'CHAIN_UNREACHABLE', doing: 'read_source' })])
    expect(isThere()).toBe(false)
    chain.setReachable(true)
    await clock.advance(20_000)
    await done
  })
})
