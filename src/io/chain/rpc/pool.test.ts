import { inspect } from 'node:util'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { hangs, openEndpoints, status } from './endpoints.test-world.ts'
import type { WorldNode } from './endpoints.test-world.ts'
import { hashOf, headerOf, hex, refuse } from './scripted.test-node.ts'

afterEach(() => {
  vi.unstubAllGlobals()
})

const A = 'https://a.test'
const B = 'https://b.test'
const A_AND_B = ['a', 'b']

describe('of several endpoints', () => {
  test('the first is used while it does well, and the next answers at once when it fails', async () => {
    const { nodes, clock, whoAnswers, told } = openEndpoints({ names: A_AND_B })
    expect(await whoAnswers()).toBe('a')
    ;(nodes['a'] as WorldNode).reply = status(503)
    const beforeMs = clock.nowMs()
    expect(await whoAnswers()).toBe('b')
    expect(clock.nowMs() - beforeMs).toBe(0)
    expect(told()).toEqual([`${A} busy`])
  })

  test('each request is told of, with what came of it and how long it took, and how far each is behind', async () => {
    const { nodes, whoAnswers, uses } = openEndpoints({ names: A_AND_B })
    ;(nodes['b'] as WorldNode).head = 97
    await whoAnswers()
    ;(nodes['a'] as WorldNode).reply = status(503)
    await whoAnswers()
    expect(uses).toEqual(
      expect.arrayContaining([
        { endpoint: A, lagBlocks: 0 },
        { endpoint: B, lagBlocks: 3 },
        { endpoint: A, outcome: 'ok', tookMs: 0 },
        { endpoint: A, outcome: 'busy' },
        { endpoint: B, outcome: 'ok', tookMs: 0 },
      ]),
    )
  })

  test('one that failed rests, longer each time, and is used again when it does well', async () => {
    const { nodes, clock, whoAnswers } = openEndpoints({ names: A_AND_B, suffixes: { a: ';weight=10' } })
    await whoAnswers()
    const a = nodes['a'] as WorldNode
    a.reply = status(500)
    await whoAnswers()
    const asked = a.requests.length
    expect([await whoAnswers(), a.requests.length]).toEqual(['b', asked])
    await clock.advance(1_000)
    expect([await whoAnswers(), a.requests.length]).toEqual(['b', asked + 1])
    await clock.advance(1_999)
    expect([await whoAnswers(), a.requests.length]).toEqual(['b', asked + 1])
    a.reply = () => undefined
    await clock.advance(1)
    expect(await whoAnswers()).toBe('a')
  })

  test('one that names a time to come back at rests so long', async () => {
    const { nodes, clock, whoAnswers } = openEndpoints({ names: A_AND_B, suffixes: { a: ';weight=10' } })
    await whoAnswers()
    const a = nodes['a'] as WorldNode
    a.reply = status(429, { 'retry-after': '7' })
    await whoAnswers()
    a.reply = () => undefined
    await clock.advance(6_999)
    expect(await whoAnswers()).toBe('b')
    await clock.advance(1)
    expect(await whoAnswers()).toBe('a')
  })

  test('what one does wrong is told once per kind, and again after it had recovered', async () => {
    const { nodes, clock, told, whoAnswers } = openEndpoints({ names: A_AND_B, suffixes: { a: ';weight=10' } })
    const a = nodes['a'] as WorldNode
    await whoAnswers()
    const fail = async (reply: WorldNode['reply']) => {
      a.reply = reply
      expect(await whoAnswers()).toBe('b')
      a.reply = () => undefined
      await clock.advance(60_000)
    }
    for (let time = 0; time < 3; time += 1) {
      await fail(status(503))
      expect(await whoAnswers()).toBe('a')
    }
    await fail(() => new Response('<html>'))
    expect(told()).toEqual([`${A} busy`, `${A} invalid`])
    for (let time = 0; time < 16; time += 1) expect(await whoAnswers()).toBe('a')
    await fail(status(503))
    expect(told()).toEqual([`${A} busy`, `${A} invalid`, `${A} busy is over after 3`, `${A} invalid is over after 1`, `${A} busy`])
  })

  test('all that fail are a failure after each was asked, and two more', async () => {
    const { rpc, nodes, run, whoAnswers } = openEndpoints({ names: A_AND_B })
    await whoAnswers()
    for (const node of Object.values(nodes)) node.reply = status(502)
    const before = Object.values(nodes).map(({ requests }) => requests.length)
    await expect(run(rpc.call('name', []))).rejects.toMatchObject({ code: 'CHAIN_UNREACHABLE' })
    expect(Object.values(nodes).map(({ requests }, index) => requests.length - (before[index] ?? 0))).toEqual([2, 2])
  })

  test('what is asked together is answered by one, that failed in the midst of it or not', async () => {
    const { rpc, nodes, run, whoAnswers } = openEndpoints({ names: A_AND_B })
    await whoAnswers()
    const a = nodes['a'] as WorldNode
    let requests = 0
    a.reply = () => {
      requests += 1
      return requests === 2 ? new Response('', { status: 500 }) : undefined
    }
    const calls = Array.from({ length: 150 }, () => ({ method: 'name', params: [] }))
    expect(new Set(await run(rpc.all(calls)))).toEqual(new Set(['b']))
  })

  test('keys in their paths are in nothing that is told', async () => {
    const { rpc, nodes, run, whoAnswers, troubles } = openEndpoints({ names: A_AND_B })
    await whoAnswers()
    for (const node of Object.values(nodes)) node.reply = () => Promise.reject(new TypeError('fetch failed'))
    const failure = await run(rpc.call('name', [])).catch((cause: unknown) => cause)
    expect(troubles).toHaveLength(2)
    expect(inspect([failure, troubles], { depth: 10 })).not.toMatch(/secret-key/)
    expect(rpc.endpoint).toBe(`${A}, ${B}`)
  })
})

describe('the chain of each endpoint', () => {
  test('is checked before it is used: one of another chain is named and never used', async () => {
    const { nodes, rpc, run, whoAnswers, troubles } = openEndpoints({
      names: A_AND_B,
      scripts: { a: { eth_chainId: () => hex(5) } },
      chainId: 1,
    })
    expect(await whoAnswers()).toBe('b')
    ;(nodes['b'] as WorldNode).reply = status(500)
    await expect(run(rpc.call('name', []))).rejects.toMatchObject({ code: 'CHAIN_UNREACHABLE' })
    expect(troubles.filter(({ endpoint }) => endpoint === A)).toEqual([
      { endpoint: A, trouble: 'wrong_chain', detail: 'chain id 5, not 1' },
    ])
    expect((nodes['a'] as WorldNode).asked('name')).toEqual([])
  })

  test('is wrong of all: that is for a person', async () => {
    const wrong = { eth_chainId: () => hex(5) }
    const { rpc, run } = openEndpoints({ names: A_AND_B, scripts: { a: wrong, b: wrong }, chainId: 1 })
    await expect(run(rpc.call('name', []))).rejects.toMatchObject({
      code: 'CHAIN_WRONG',
      facts: { endpoint: `${A}, ${B}`, expectedChainId: 1, gotChainId: 5 },
    })
  })

  test('of one that is out of reach at first is asked when it is there', async () => {
    const { nodes, clock, whoAnswers } = openEndpoints({ names: A_AND_B, suffixes: { a: ';weight=10' }, chainId: 1 })
    ;(nodes['a'] as WorldNode).reply = status(500)
    expect(await whoAnswers()).toBe('b')
    ;(nodes['a'] as WorldNode).reply = () => undefined
    await clock.advance(60_000)
    await whoAnswers()
    expect(await whoAnswers()).toBe('a')
  })
})

test('an endpoint that was out of reach at first is asked at once when no other is left', async () => {
  const { nodes, rpc, clock, run, whoAnswers } = openEndpoints({ names: A_AND_B, chainId: 1 })
  ;(nodes['b'] as WorldNode).reply = status(500)
  await whoAnswers()
  ;(nodes['b'] as WorldNode).reply = () => undefined
  ;(nodes['a'] as WorldNode).reply = status(500)
  const beforeMs = clock.nowMs()
  expect(await run(rpc.call('name', []))).toBe('b')
  expect(clock.nowMs() - beforeMs).toBeLessThan(1_000)
})

test('one that hangs keeps nobody from the others, at the start either', async () => {
  const { nodes, rpc, clock, run } = openEndpoints({ names: A_AND_B, chainId: 1 })
  ;(nodes['a'] as WorldNode).reply = hangs
  expect(await run(Promise.all([1, 2].map((_, index) => Promise.resolve(index).then(() => rpc.call('name', [])))))).toEqual(['b', 'b'])
  expect(await run(rpc.call('name', []))).toBe('b')
  expect(clock.nowMs()).toBe(0)
})

describe('the choice', () => {
  test('leaves out one that lags behind the others, as long as it does', async () => {
    const { nodes, clock, whoAnswers, told } = openEndpoints({ names: A_AND_B })
    await whoAnswers()
    ;(nodes['b'] as WorldNode).head = 105
    const look = async () => {
      await clock.advance(30_000)
      await whoAnswers()
    }
    await look()
    expect([await whoAnswers(), told()]).toEqual(['b', [`${A} lagging`]])
    ;(nodes['a'] as WorldNode).head = 104
    await look()
    ;(nodes['b'] as WorldNode).reply = status(500)
    expect([await whoAnswers(), told()]).toEqual(['a', [`${A} lagging`, `${B} busy`]])
  })

  test('leaves out one whose head falls far back without waiting for the next look', async () => {
    const { nodes, clock, rpc, run, told } = openEndpoints({ names: A_AND_B, suffixes: { a: ';weight=1000' } })
    const head = () => run(rpc.call('eth_blockNumber', []))
    await head()
    ;(nodes['a'] as WorldNode).head = 90
    const heads: unknown[] = []
    for (let time = 0; time < 3; time += 1) {
      heads.push(await head())
      await clock.advance(1_000)
    }
    expect(heads).toEqual([hex(90), hex(90), hex(100)])
    expect(told()).toEqual([`${A} lagging`])
  })

  test('takes an archive for old state, and anybody for what is near the head', async () => {
    const state = (name: string) => ({ eth_call: () => `0x${Buffer.from(name).toString('hex')}` })
    const { rpc, nodes, run, whoAnswers } = openEndpoints({
      names: A_AND_B,
      scripts: { a: state('a'), b: state('b') },
      suffixes: { a: ';weight=10', b: ';archive' },
    })
    for (const node of Object.values(nodes)) node.head = 300
    await whoAnswers()
    const stateAt = (block: string) => run(rpc.call('eth_call', [{ to: '0x1', data: '0x12345678' }, block]))
    expect([await stateAt('latest'), await stateAt(hex(200)), await stateAt(hex(199)), await stateAt('latest')]).toEqual([
      '0x61',
      '0x61',
      '0x62',
      '0x61',
    ])
    // By its hash a block says nothing of its age; the one above, which is asked for with it, does.
    const stateOf = async (above: number) => {
      const call = rpc.call('eth_call', [
        { to: '0x1', data: '0x12345678' },
        { blockHash: hashOf('any'), requireCanonical: true },
      ])
      return (await run(Promise.all([call, rpc.call('eth_getBlockByNumber', [hex(above), false])])))[0]
    }
    expect([await stateOf(201), await stateOf(200)]).toEqual(['0x61', '0x62'])
    ;(nodes['b'] as WorldNode).reply = status(500)
    expect(await stateAt(hex(199))).toBe('0x61')
  })

  test('counts by weight', async () => {
    expect(await openEndpoints({ names: A_AND_B }).whoAnswers()).toBe('a')
    expect(await openEndpoints({ names: A_AND_B, suffixes: { b: ';weight=2' } }).whoAnswers()).toBe('b')
  })
})

describe('a budget', () => {
  test('is kept by asking another endpoint, or later', async () => {
    const { rpc, nodes, clock, run, whoAnswers } = openEndpoints({ names: A_AND_B, suffixes: { a: ';weight=10;rps=4', b: ';rps=4' } })
    // The first look has cost each two.
    expect([await whoAnswers(), await whoAnswers(), await whoAnswers(), await whoAnswers()]).toEqual(['a', 'a', 'b', 'b'])
    const beforeMs = clock.nowMs()
    expect(await run(rpc.call('name', []))).toBe('a')
    expect(clock.nowMs() - beforeMs).toBe(250)
    expect((nodes['a'] as WorldNode).asked('name')).toHaveLength(3)
  })

  test('of a single endpoint is kept by all that ask it at once, and in every part of a long batch', async () => {
    const { rpc, nodes, clock, run } = openEndpoints({ names: ['a'], suffixes: { a: ';rps=10' } })
    const later = Array.from({ length: 15 }, (_, index) => clock.sleep(0).then(() => clock.sleep(index).then(() => rpc.call('name', []))))
    await run(Promise.all(later))
    // Ten at once, and one each tenth of a second.
    expect(clock.nowMs()).toBeGreaterThanOrEqual(400)
    expect(clock.nowMs()).toBeLessThanOrEqual(600)
    const beforeMs = clock.nowMs()
    await run(rpc.all(Array.from({ length: 250 }, () => ({ method: 'name', params: [] }))))
    expect((nodes['a'] as WorldNode).requests.slice(-3).map(({ calls }) => calls.length)).toEqual([100, 100, 50])
    // The last fifty are paid for afterwards, by whoever comes next.
    expect(clock.nowMs() - beforeMs).toBeGreaterThanOrEqual(19_000)
  })
})

describe('a second request', () => {
  test('goes out when the first is late, and whoever answers is heard', async () => {
    const { rpc, nodes, clock, run, whoAnswers } = openEndpoints({ names: A_AND_B })
    await whoAnswers()
    ;(nodes['a'] as WorldNode).reply = hangs
    const beforeMs = clock.nowMs()
    expect(await run(rpc.call('name', []))).toBe('b')
    expect(clock.nowMs() - beforeMs).toBe(250)
  })

  test('that overtakes the first again and again is told of once', async () => {
    const { rpc, nodes, clock, run, whoAnswers, told } = openEndpoints({ names: A_AND_B, suffixes: { a: ';weight=1000' } })
    await whoAnswers()
    ;(nodes['a'] as WorldNode).reply = async () => {
      await clock.sleep(6_000)
      return undefined as never
    }
    for (let time = 0; time < 5; time += 1) {
      expect(await run(rpc.call('name', []))).toBe('b')
      expect(told(), `after ${time + 1} times`).toEqual(time < 2 ? [] : [`${A} slow`])
      // So that it has rested, and is asked first again.
      await clock.advance(7_000)
    }
  })

  test('is none while the first is in time, and a failure of the second is not heard', async () => {
    const { rpc, nodes, clock, run, whoAnswers } = openEndpoints({ names: A_AND_B })
    await whoAnswers()
    const a = nodes['a'] as WorldNode
    const b = nodes['b'] as WorldNode
    const before = b.requests.length
    a.reply = async () => {
      await clock.sleep(249)
      return undefined as never
    }
    expect([await run(rpc.call('name', [])), b.requests.length]).toEqual(['a', before])
    a.reply = async () => {
      await clock.sleep(9_000)
      return undefined as never
    }
    b.reply = status(500)
    expect([await run(rpc.call('name', [])), b.requests.length]).toEqual(['a', before + 1])
  })

  test('that overtakes the first lets that one rest: while it hangs others are asked at once, however many requests there are', async () => {
    const { rpc, nodes, clock, run, whoAnswers } = openEndpoints({ names: A_AND_B, suffixes: { a: ';weight=1000' } })
    await whoAnswers()
    ;(nodes['a'] as WorldNode).reply = hangs
    const beforeMs = clock.nowMs()
    for (let time = 0; time < 100; time += 1) expect(await run(rpc.call('name', []))).toBe('b')
    expect(clock.nowMs() - beforeMs).toBeLessThan(1_000)
  })

  test('is sent for one in ten at most, after five saved up', async () => {
    const { rpc, nodes, clock, run, whoAnswers } = openEndpoints({ names: A_AND_B, suffixes: { a: ';weight=1000' } })
    await whoAnswers()
    const b = nodes['b'] as WorldNode
    const before = b.asked('name').length
    ;(nodes['a'] as WorldNode).reply = async (calls) => {
      if (calls.some(({ method }) => method === 'name')) await clock.sleep(14_000)
      return undefined as never
    }
    for (let time = 0; time < 12; time += 1) {
      // So that it has rested from being overtaken, and is asked first again.
      await clock.advance(61_000)
      await run(rpc.call('name', []))
    }
    expect(b.asked('name').length - before).toBeLessThanOrEqual(6)
    expect(b.asked('name').length - before).toBeGreaterThanOrEqual(5)
  })
})

describe('a transaction', () => {
  const RAW = '0x02'
  const HASH = '0xf2ee15ea639b73fa3db9b34a245bdfa015c260c598b211bf05a1ecc4b3e3b4f2'
  const send = (a: () => unknown, b: () => unknown) => {
    const world = openEndpoints({ names: A_AND_B, scripts: { a: { eth_sendRawTransaction: a }, b: { eth_sendRawTransaction: b } } })
    return { ...world, sent: world.whoAnswers().then(() => world.run(world.rpc.ask('eth_sendRawTransaction', [RAW]))) }
  }

  test('goes to every endpoint', async () => {
    const { sent, nodes, clock } = send(
      () => HASH,
      () => HASH,
    )
    expect(await sent).toEqual({ isOk: true, result: HASH })
    await clock.advance(1)
    expect(Object.values(nodes).map((node) => node.asked('eth_sendRawTransaction'))).toEqual([[[RAW]], [[RAW]]])
  })

  test('that one knows already was taken, and so was one that another refuses', async () => {
    const known = () => refuse(-32_000, 'already known')
    const dear = () => refuse(-32_000, 'insufficient funds')
    expect(await send(known, dear).sent).toEqual({ isOk: true, result: HASH })
    expect(await send(dear, () => HASH).sent).toEqual({ isOk: true, result: HASH })
    expect(await send(dear, dear).sent).toMatchObject({ isOk: false, refusal: { message: 'insufficient funds' } })
  })

  test('that none takes for now is sent again', async () => {
    let tries = 0
    const { nodes, rpc, run, whoAnswers } = openEndpoints({
      names: A_AND_B,
      scripts: { b: { eth_sendRawTransaction: () => HASH } },
    })
    await whoAnswers()
    for (const node of Object.values(nodes))
      node.reply = () => {
        tries += 1
        return tries <= 3 ? new Response('', { status: 503 }) : undefined
      }
    expect(await run(rpc.ask('eth_sendRawTransaction', [RAW]))).toEqual({ isOk: true, result: HASH })
  })
})

describe('what one lacks is looked for elsewhere', () => {
  const CALL = [{ to: '0x1', data: '0x12345678' }, hex(99)] as const
  const ask = (a: () => unknown, b: () => unknown) => {
    const world = openEndpoints({ names: A_AND_B, scripts: { a: { eth_call: a }, b: { eth_call: b } } })
    return { ...world, asked: world.whoAnswers().then(() => world.run(world.rpc.ask('eth_call', [...CALL]))) }
  }

  test.each<[string, () => unknown]>([
    ['no bytes', () => '0x'],
    ['null', () => null],
    ['a block that it has not', () => refuse(-32_000, 'header not found')],
    ['state that it has not', () => refuse(-32_000, 'missing trie node 12 (path )')],
    ['a method that it has not', () => refuse(-32_601, 'the method eth_call does not exist/is not available')],
  ])('%s for a call', async (_name, lacks) => {
    const { asked, told } = ask(lacks, () => '0x07')
    expect(await asked).toEqual({ isOk: true, result: '0x07' })
    expect(told()).toEqual([`${A} incomplete`])
  })

  test('a block below the head', async () => {
    const { nodes, rpc, run, told } = openEndpoints({ names: A_AND_B })
    await run(rpc.call('eth_getBlockByNumber', ['latest', false]))
    ;(nodes['a'] as WorldNode).head = 98
    expect(await run(rpc.call('eth_getBlockByNumber', [hex(99), false]))).toEqual(headerOf(99))
    expect(await run(rpc.call('eth_getBlockByNumber', [hex(101), false]))).toBeNull()
    // Who comes a little later does nothing wrong.
    expect(told()).toEqual([])
  })

  test('and believed when nobody has it, without asking twice the next time', async () => {
    const { asked, nodes, rpc, run, told } = ask(
      () => '0x',
      () => '0x',
    )
    expect(await asked).toEqual({ isOk: true, result: '0x' })
    expect(await run(rpc.ask('eth_call', [...CALL]))).toEqual({ isOk: true, result: '0x' })
    expect(Object.values(nodes).map((node) => node.asked('eth_call').length)).toEqual([2, 1])
    expect(told()).toEqual([])
  })

  test('and told once, however many answers lie between two that lack something', async () => {
    const { nodes, told, run, rpc } = openEndpoints({ names: A_AND_B, suffixes: { a: ';weight=1000' } })
    const [a, b] = [nodes['a'] as WorldNode, nodes['b'] as WorldNode]
    a.scripts['eth_call'] = () => '0x'
    b.scripts['eth_call'] = () => '0x01'
    for (let time = 0; time < 5; time += 1) {
      expect(await run(rpc.call('eth_call', [{ to: `0x${time}`, data: '0x12345678' }, 'latest']))).toBe('0x01')
      for (let good = 0; good < 20; good += 1) await run(rpc.call('name', []))
    }
    expect(told()).toEqual(['https://a.test incomplete'])
  })

  test('a block by its hash: who does not know EIP-1898 is known by that, the others are asked so all the same', async () => {
    const called = (_call: object, block: unknown) => (typeof block === 'string' ? '0xa1' : refuse(-32_602, 'invalid argument 1'))
    const { rpc, nodes, run, clock } = openEndpoints({
      names: A_AND_B,
      suffixes: { a: ';weight=1000' },
      scripts: { a: { eth_call: called }, b: { eth_call: () => '0xb1' } },
    })
    const { a, b } = nodes as { readonly a: WorldNode; readonly b: WorldNode }
    const byHash = () => run(rpc.ask('eth_call', [{ to: '0x11', data: '0x22' }, { blockHash: hashOf('block 90') }]))
    expect(await byHash()).toEqual({ isOk: true, result: '0xb1' })
    const asked = a.asked('eth_call').length
    await clock.advance(1_000)
    expect([await byHash(), a.asked('eth_call').length]).toEqual([{ isOk: true, result: '0xb1' }, asked])
    // Of a block by its number it is asked as ever.
    expect(await run(rpc.call('eth_call', [{ to: '0x11', data: '0x22' }, hex(90)]))).toBe('0xa1')
    b.reply = status(503)
    await expect(byHash()).rejects.toMatchObject({ code: 'CHAIN_UNREACHABLE' })
  })

  test('but what a contract refuses is an answer', async () => {
    const { asked, nodes } = ask(
      () => refuse(3, 'execution reverted: header not found', '0x'),
      () => '0x07',
    )
    expect(await asked).toMatchObject({ isOk: false, refusal: { code: 3 } })
    expect((nodes['b'] as WorldNode).asked('eth_call')).toEqual([])
  })
})

test('a trouble that comes back within seconds is told of once, however many good answers lie between, and again when it was away', async () => {
  const { nodes, clock, rpc, run, told } = openEndpoints({ names: ['a'] })
  const a = nodes['a'] as WorldNode
  const answerWell = async () => {
    a.reply = () => undefined
    for (let answer = 0; answer < 20; answer += 1) await run(rpc.call('name', []))
  }
  const fail = async () => {
    a.reply = status(503)
    await run(rpc.call('name', [])).catch(() => undefined)
    await answerWell()
  }
  await fail()
  await fail()
  expect(told()).toEqual([`${A} busy`])
  await clock.advance(5_000)
  await answerWell()
  await fail()
  expect(told()).toEqual([`${A} busy`, `${A} busy is over after 6`, `${A} busy`])
})
