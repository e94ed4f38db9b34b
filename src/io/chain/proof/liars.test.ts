import { afterEach, describe, expect, test, vi } from 'vitest'
import type { BlockNumber } from '#domain/ids.ts'
import { STATE } from '#io/chain/read/scene.test-chain.ts'
import { hashOf, refuse } from '#io/chain/rpc/scripted.test-node.ts'
import { blocks, followed, HEAD, honest, LIES, type LiarNode, node, nodeOf, openLiars, RELEASED, releaseOf } from './liars.test-world.ts'
import { blockAbove } from './provable.test-chain.ts'

afterEach(() => {
  vi.unstubAllGlobals()
})

describe.each(LIES)('an endpoint that %s', (_, word, lying, receiptsShare) => {
  const open = () => openLiars({ nodes: { a: node(), b: node() }, lies: { a: lying }, proofs: { receiptsShare } })

  test('is told of once, and the follower hears what happened', async () => {
    const world = open()
    expect(await followed(world, HEAD)).toEqual(honest(HEAD))
    expect(world.told()).toEqual([`a.test ${word}`])
    expect(world.unproved).toEqual([])
  })

  test('is told of once, and the events of a source are all there, and no others', async () => {
    const world = open()
    const source = await world.source()
    world.lie()
    const filter = { address: STATE, events: [RELEASED], toBlock: 40 as BlockNumber }
    const toBlockHash = blocks[40]?.header.hash as never
    for (const fromBlock of [31, 33, 35]) {
      const events = await world.run(source.events({ ...filter, fromBlock: fromBlock as BlockNumber, toBlockHash }))
      expect(events.map(({ blockNumber, args }) => [blockNumber, args['epochId']])).toEqual(
        blocks.slice(fromBlock, 41).flatMap(({ logs }) => logs.map((log) => [Number(log.blockNumber), BigInt(log.topics[2] as string)])),
      )
    }
    expect(world.told()).toEqual([`a.test ${word}`])
  })
})

describe('an endpoint that lied', () => {
  test('is asked for nothing for a minute, also while the other one fails, and for two the next time', async () => {
    const world = openLiars({ nodes: { a: node(), b: node() }, lies: { a: { eth_getLogs: () => () => [] } } })
    const source = await world.source()
    world.lie()
    const ask = () =>
      world.run(
        source.events({
          address: STATE,
          events: [RELEASED],
          fromBlock: 1 as BlockNumber,
          toBlock: 9 as BlockNumber,
          toBlockHash: blocks[9]?.header.hash as never,
        }),
      )
    await ask()
    world.down.add('b')
    const rests: number[] = []
    for (const _ of [1, 2]) {
      const startMs = world.clock.nowMs()
      world.asked['a'] = []
      while (!world.asked['a']?.includes('eth_getLogs')) {
        await world.clock.advance(1_000)
        await expect(ask()).rejects.toMatchObject({ kind: 'transient' })
      }
      rests.push(Math.round((world.clock.nowMs() - startMs) / 10_000) * 10)
    }
    expect(rests).toEqual([60, 120])
    expect(world.told()).toEqual(['a.test omits', 'b.test unreachable'])
  })

  test('alone is asked again: who answers nothing for three seconds after a start is believed nothing meanwhile', async () => {
    let clock: { nowMs(): number } = { nowMs: () => 0 }
    const lies = {
      a: {
        eth_getLogs:
          (logs: (...params: never[]) => unknown) =>
          (...params: never[]) =>
            clock.nowMs() < 3_000 ? [] : logs(...params),
      },
    }
    const world = openLiars({ nodes: { a: node() }, lies })
    clock = world.clock
    expect(await followed(world, HEAD)).toEqual(honest(HEAD))
    expect(world.told()).toEqual(['a.test omits'])
    expect(world.clock.nowMs()).toBeLessThan(10_000)
  })
})

test('more than was asked for is no lie, and nobody hears of it', async () => {
  const all = blocks.flatMap(({ logs }) => logs)
  const more = [
    ...all,
    ...all.map((log) => ({ ...log, address: `0x${'99'.repeat(20)}` })),
    ...all.map((log) => ({ ...log, topics: log.topics.slice(1) })),
  ]
  const inAll = (logs: (...params: never[]) => unknown) => (filter: { readonly blockHash?: string }) =>
    filter.blockHash === undefined ? more : logs(filter as never)
  const world = openLiars({ nodes: { a: node() }, lies: { a: { eth_getLogs: inAll } } })
  expect(await followed(world, HEAD)).toEqual(honest(HEAD))
  const source = await world.source()
  const range = { address: STATE, events: [RELEASED], fromBlock: 3 as BlockNumber, toBlock: 5 as BlockNumber }
  for (const toBlockHash of [undefined, blocks[5]?.header.hash as never]) {
    const events = await world.run(source.events({ ...range, ...(toBlockHash === undefined ? {} : { toBlockHash }) }))
    expect(events.map(({ blockNumber, args }) => [blockNumber, args['epochId']])).toEqual([
      [3, 30n],
      [3, 31n],
      [4, 4n],
    ])
  }
  expect(world.told()).toEqual([])
})

describe('what it costs', () => {
  test('blooms that fit ask for nothing; receipts are those of blocks where the bloom says more than the answer, and of the sample', async () => {
    // The other market's release sets the contract and the event, but not our market: nothing to ask.
    const world = openLiars({ nodes: { a: node() } })
    await followed(world, HEAD)
    // One of the survey.
    expect(world.asked['a']?.filter((method) => method === 'eth_getBlockReceipts').length).toBe(1)
    const all = openLiars({ nodes: { a: node() }, proofs: { receiptsShare: 1 } })
    await followed(all, HEAD)
    expect(all.asked['a']?.filter((method) => method === 'eth_getBlockReceipts').length).toBe(1 + HEAD / 3)
  })

  test('a bloom that says more than there is costs the receipts, once where they come by transaction only', async () => {
    const more = [releaseOf(7)]
    const long = [...blocks]
    for (const _ of [1, 2, 3]) long.push(blockAbove(long.at(-1), [], { bloom: more }))
    const last = long.length - 1
    const world = openLiars({
      nodes: { a: nodeOf(long, () => last) },
      lies: { a: { eth_getBlockReceipts: () => () => refuse(-32_601, 'method not found') } },
      proofs: { receiptsShare: 1 },
    })
    const seen = await followed(world, last)
    expect(seen).toEqual([...honest(HEAD), ...[61, 62, 63].map((block) => `${block}: `)])
    expect(world.told()).toEqual([])
    const asked = world.asked['a'] ?? []
    // The survey's, and one request in vain, for eight blocks at most.
    expect(asked.filter((method) => method === 'eth_getBlockReceipts').length).toBeLessThanOrEqual(1 + 8)
    expect(asked.filter((method) => method === 'eth_getTransactionReceipt').length).toBe((HEAD / 3) * 2)
  })

  test('a block near the head whose header was proved and excludes all logs costs no question for them; one whose header proves nothing does', async () => {
    const asked = async (made: LiarNode): Promise<number | undefined> => {
      const world = openLiars({ nodes: { a: made } })
      expect(await followed(world, HEAD)).toEqual(honest(HEAD))
      return world.asked['a']?.filter((method) => method === 'eth_getLogs').length
    }
    // Two filters, for the range up to sixteen blocks below the head; then for those of the sixteen in which an epoch is released, or for each.
    expect(await asked(node())).toBe(2 * (1 + 6))
    expect(await asked(rollup())).toBe(2 * (1 + 16))
  })
})

/** Hashes its headers otherwise. */
const others =
  (header: (...params: never[]) => unknown) =>
  (...params: never[]) => {
    const found = header(...params) as object | null
    return found && { ...found, l1BlockNumber: '0x1', mixHash: hashOf('a rollup of its own') }
  }

function rollup(): LiarNode {
  const made = node()
  for (const method of ['eth_getBlockByNumber', 'eth_getBlockByHash']) made.scripts[method] = others(made.scripts[method] as never)
  return made
}

describe('at the start', () => {
  test('a chain that hashes its headers otherwise is told of, and its logs are held against blooms and receipts all the same', async () => {
    const world = openLiars({ nodes: { a: rollup(), b: rollup() }, lies: { a: { eth_getLogs: () => () => [] } } })
    expect(await followed(world, HEAD)).toEqual(honest(HEAD))
    expect([world.unproved, world.told()]).toEqual([['headers'], ['a.test omits']])
  })

  test('a chain whose receipts nobody gives is told of, and followed', async () => {
    const bare = node()
    bare.scripts['eth_getBlockReceipts'] = () => refuse(-32_601, 'method not found')
    bare.scripts['eth_getTransactionReceipt'] = () => null
    const world = openLiars({ nodes: { a: bare } })
    expect(await followed(world, HEAD)).toEqual(honest(HEAD))
    expect([world.unproved, world.told()]).toEqual([['receipts'], []])
  })

  test('a chain of which some headers are hashed otherwise is told of, and followed', async () => {
    const mixed = node()
    for (const method of ['eth_getBlockByNumber', 'eth_getBlockByHash']) {
      const plain = mixed.scripts[method] as (...params: never[]) => { readonly number: string } | null
      const other = others(plain) as (...params: never[]) => unknown
      mixed.scripts[method] = (...params: never[]) => (Number(plain(...params)?.number) % 2 === 0 ? plain : other)(...params)
    }
    const world = openLiars({ nodes: { a: mixed } })
    expect(await followed(world, HEAD)).toEqual(honest(HEAD))
    expect([world.unproved, world.told()]).toEqual([['headers'], []])
  })

  test('one endpoint that cannot prove what the other can does not decide, and has no word in what is agreed upon', async () => {
    const bad = node()
    for (const method of ['eth_getBlockByNumber', 'eth_getBlockByHash']) bad.scripts[method] = others(bad.scripts[method] as never)
    const world = openLiars({ nodes: { a: bad, b: node() } })
    await world.anchor()
    expect([world.unproved, world.told()]).toEqual([[], ['a.test forges']])
  })
})

test('headers that no endpoint can prove any more, after a fork that brought a new field, stop nobody for long', async () => {
  const forked =
    (header: (...params: never[]) => unknown) =>
    (...params: never[]) => {
      const found = header(...params) as object | null
      return found && { ...found, mixHash: hashOf('a field that is not known') }
    }
  const lies = { a: { eth_getBlockByNumber: forked, eth_getBlockByHash: forked } }
  const world = openLiars({ nodes: { a: node() }, lies })
  expect(await followed(world, HEAD)).toEqual(honest(HEAD))
  expect([world.unproved, world.told()]).toEqual([['headers'], ['a.test forges']])
})
