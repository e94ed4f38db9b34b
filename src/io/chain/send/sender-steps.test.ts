import { parseTransaction } from 'viem'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { Address, BlockNumber } from '#domain/ids.ts'
import { Secret } from '#domain/secret.ts'
import type { IntentJournal, ProtocolCall } from '#io/chain/port.ts'
import { createAccountNode, hex, refuse, reverts } from '#io/chain/rpc/scripted.test-node.ts'
import { createMemoryJournal, NEVER } from '#io/chain/suite/scene.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { createSigner } from '#io/keys/secp256k1.ts'
import { createIntents } from './intents.ts'
import { createProtocolSender } from './sender.ts'

/** What happens between two steps of a send, and to those who send meanwhile. */

const KEY = new Secret(new Uint8Array(32).fill(7))
const { address } = createSigner(KEY)
const CONTRACT = `0x${'50'.repeat(20)}` as Address
const release = (begin: number): ProtocolCall => ({ kind: 'releaseEpoch', begin: begin as BlockNumber, end: (begin + 9) as BlockNumber })

afterEach(() => {
  vi.unstubAllGlobals()
})

function open({ rpcUrl = 'http://node.test', around = (real: typeof fetch) => real } = {}) {
  const node = createAccountNode()
  vi.stubGlobal('fetch', around(node.fetch))
  const clock = createVirtualClock({ startMs: 0 })
  const journal = createMemoryJournal()
  const start = (kept: IntentJournal = journal) =>
    createProtocolSender({
      rpcUrl,
      chainId: 1,
      protocolState: CONTRACT,
      dataMarket: `0x${'da'.repeat(20)}` as Address,
      signer: createSigner(KEY),
      journal: kept,
      clock,
      settleTimeoutMs: 60_000,
    })
  const run = <Value>(work: Promise<Value>) => clock.runUntil(work, { limitMs: 120_000 })
  const broadcastCount = (count: number) => clock.runUntil(() => node.broadcast.length >= count, { limitMs: 10_000 })
  return { node, clock, journal, start, run, broadcastCount, intents: createIntents(journal, address) }
}

describe('G4: a send', () => {
  test('asks for nothing but the chain before it knows that the chain is the right one', async () => {
    const { node, start, run, intents } = open()
    node.scripts['eth_chainId'] = () => hex(2)
    await expect(run(start().send('a', release(100), NEVER))).rejects.toMatchObject({ code: 'CHAIN_WRONG' })
    expect(node.calls.map(({ method }) => method)).toEqual(['eth_chainId'])
    expect(intents.all()).toEqual([])
  })

  test('is a call of the protocol state from this account, with gas to spare', async () => {
    const { node, start, run, broadcastCount } = open()
    const sending = start().send('a', release(100), NEVER)
    await broadcastCount(1)
    expect(parseTransaction(node.broadcast[0]?.raw ?? '0x')).toMatchObject({ to: CONTRACT, nonce: 0, gas: 125_000n, chainId: 1 })
    expect(node.asked('eth_estimateGas')[0]?.[0]).toMatchObject({ from: address, to: CONTRACT, value: '0x0' })
    node.mine()
    expect(await run(sending)).toMatchObject({ kind: 'done' })
  })

  test('that the contract refuses beforehand leaves nothing behind, and may be tried again', async () => {
    const { node, start, run, broadcastCount, journal } = open()
    const { eth_estimateGas: estimates } = node.scripts
    node.scripts['eth_estimateGas'] = () => reverts('E05')
    const sender = start()
    expect(await run(sender.send('a', release(100), NEVER))).toEqual({ kind: 'refused', reason: 'E05' })
    expect([journal.scan(''), node.broadcast]).toEqual([[], []])
    node.scripts['eth_estimateGas'] = estimates as never
    const sending = sender.send('a', release(100), NEVER)
    await broadcastCount(1)
    node.mine()
    expect(await run(sending)).toMatchObject({ kind: 'done' })
  })

  test('stopped while the node estimates leaves nothing behind', async () => {
    const { node, start, run, journal } = open()
    const stop = new AbortController()
    node.scripts['eth_estimateGas'] = () => {
      stop.abort(new Error('stopping'))
      return hex(100_000)
    }
    await expect(run(start().send('a', release(100), stop.signal))).rejects.toThrow('stopping')
    // Whoever comes next waits its turn behind the one that stopped.
    await run(
      start()
        .send('b', release(100), AbortSignal.abort())
        .catch(() => undefined),
    )
    expect([journal.scan(''), node.broadcast]).toEqual([[], []])
  })

  test('stopped before it began asks the node for nothing', async () => {
    const { node, start, run } = open()
    await expect(run(start().send('a', release(100), AbortSignal.abort(new Error('stopping'))))).rejects.toThrow('stopping')
    expect(node.calls).toEqual([])
  })

  test('stopped while the node hangs ends at once', async () => {
    const { node, start, run } = open()
    const stop = new AbortController()
    node.scripts['eth_estimateGas'] = () => new Promise(() => undefined)
    const sending = start().send('a', release(100), stop.signal)
    stop.abort(new Error('stopping'))
    await expect(run(sending)).rejects.toThrow('stopping')
  })

  test('found in the journal is neither estimated nor made again, even if it would be refused now', async () => {
    const { node, start, run, broadcastCount } = open()
    const stop = new AbortController()
    const lost = start().send('a', release(100), stop.signal)
    await broadcastCount(1)
    stop.abort(new Error('killed'))
    await expect(run(lost)).rejects.toThrow('killed')
    node.mine()
    node.scripts['eth_estimateGas'] = () => reverts('E22')
    expect(await run(start().send('a', release(100), NEVER))).toMatchObject({ kind: 'done' })
    expect(node.asked('eth_estimateGas')).toHaveLength(1)
    expect(new Set(node.broadcast.map(({ hash }) => hash)).size).toBe(1)
  })
})

describe('G4: a new process', () => {
  test('hands all that an earlier one journalled to the node before it makes anything new, once', async () => {
    const { node, start, run, broadcastCount, clock } = open()
    const stop = new AbortController()
    const first = start()
    const lost = [100, 110].map((begin) => first.send(`${begin}`, release(begin), stop.signal).catch(() => undefined))
    await broadcastCount(2)
    stop.abort()
    await run(Promise.all(lost))
    node.mine()
    node.broadcast.splice(0, 1)
    node.calls.splice(0)
    const second = start()
    const sending = [120, 130].map((begin) => second.send(`${begin}`, release(begin), NEVER))
    await broadcastCount(4)
    await clock.advance(100)
    const nonces = node.broadcast.slice(1).map(({ nonce }) => nonce)
    // The one that is mined stays where it is.
    expect(nonces).toEqual([1, 2, 3])
    expect(node.asked('eth_chainId')).toHaveLength(1)
    for (let count = 0; count < 3; count += 1) node.mine()
    expect((await run(Promise.all(sending))).map(({ kind }) => kind)).toEqual(['done', 'done'])
  })

  test('tries its start again when the node was out of reach for it', async () => {
    const { node, start, run, broadcastCount } = open()
    const stop = new AbortController()
    const lost = start()
      .send('a', release(100), stop.signal)
      .catch(() => undefined)
    await broadcastCount(1)
    stop.abort()
    await run(lost)
    const again = start()
    const { eth_sendRawTransaction: takes } = node.scripts
    node.scripts['eth_sendRawTransaction'] = () => {
      throw new Error('down')
    }
    await expect(run(again.send('b', release(110), NEVER))).rejects.toMatchObject({ code: 'CHAIN_UNREACHABLE' })
    node.scripts['eth_sendRawTransaction'] = takes as never
    node.broadcast.splice(0)
    const sending = again.send('b', release(110), NEVER)
    await broadcastCount(2)
    expect(node.broadcast.map(({ nonce }) => nonce)).toEqual([0, 1])
    node.mine()
    node.mine()
    expect(await run(sending)).toMatchObject({ kind: 'done' })
  })
})

describe('G4: sends at the same time', () => {
  test('take one nonce each', async () => {
    const { node, start, run, broadcastCount, intents } = open()
    const sender = start()
    const sending = ['a', 'b', 'c'].map((intentId, index) => sender.send(intentId, release(100 + index * 10), NEVER))
    await broadcastCount(3)
    expect(intents.all().map(({ intentId, nonce }) => [intentId, nonce])).toEqual([
      ['a', 0],
      ['b', 1],
      ['c', 2],
    ])
    for (let count = 0; count < 3; count += 1) node.mine()
    expect((await run(Promise.all(sending))).map(({ kind }) => kind)).toEqual(['done', 'done', 'done'])
  })

  test('of one intent make one transaction', async () => {
    const { node, start, run, broadcastCount } = open()
    const sender = start()
    const sending = [1, 2].map(() => sender.send('a', release(100), NEVER))
    await broadcastCount(1)
    node.mine()
    const [first, second] = await run(Promise.all(sending))
    expect(second).toEqual(first)
    expect(new Set(node.broadcast.map(({ hash }) => hash)).size).toBe(1)
  })

  test('are not held up by one that failed', async () => {
    const { node, start, run, broadcastCount } = open()
    const sender = start()
    let estimates = 0
    node.scripts['eth_estimateGas'] = () => {
      estimates += 1
      return estimates === 1 ? 'many' : hex(100_000)
    }
    const failed = sender.send('a', release(100), NEVER).catch((cause: unknown) => cause)
    const sending = sender.send('b', release(101), NEVER)
    await broadcastCount(1)
    node.mine()
    expect(await run(failed)).toBeInstanceOf(WeftError)
    expect(await run(sending)).toMatchObject({ kind: 'done' })
  })
})

test('G4: in a list the outcomes stand where their calls stand, refused ones too', async () => {
  const { node, start, run, broadcastCount } = open()
  let estimates = 0
  node.scripts['eth_estimateGas'] = () => {
    estimates += 1
    return estimates === 2 ? reverts('E25') : hex(100_000)
  }
  node.scripts['eth_call'] = () => reverts('E39')
  const list = ['a', 'b', 'c'].map((intentId, index) => ({ intentId, call: release(100 + index) }))
  const sending = start().sendInOrder(list, NEVER)
  await broadcastCount(2)
  node.mine()
  node.mine({ status: 0 })
  expect(await run(sending)).toMatchObject([{ kind: 'done' }, { kind: 'refused', reason: 'E25' }, { kind: 'refused', reason: 'E39' }])
})

describe('G4: a node that is not to be relied on', () => {
  test('takes a transaction, and its answer is lost each time: it is found, and sent no second time', async () => {
    const { node, start, run, broadcastCount, intents } = open()
    const takes = node.scripts['eth_sendRawTransaction'] as (raw: `0x${string}`) => unknown
    node.scripts['eth_sendRawTransaction'] = (raw: `0x${string}`) => {
      takes(raw)
      throw new Error('socket hang up')
    }
    const sender = start()
    await expect(run(sender.send('a', release(100), NEVER))).rejects.toMatchObject({ code: 'CHAIN_UNREACHABLE', kind: 'transient' })
    await broadcastCount(1)
    node.mine()
    expect(await run(sender.send('a', release(100), NEVER))).toMatchObject({ kind: 'done' })
    expect([new Set(node.broadcast.map(({ hash }) => hash)).size, intents.get('a')?.hashes.length]).toEqual([1, 1])
  })

  test('forgets what it took, and takes it again with all that goes before it', async () => {
    const { node, start, run, broadcastCount, clock } = open()
    const sender = start()
    const sending = [100, 110].map((begin) => sender.send(`${begin}`, release(begin), NEVER))
    await broadcastCount(2)
    const hashes = node.broadcast.splice(0).map(({ hash }) => hash)
    await clock.runUntil(() => new Set(node.broadcast.map(({ nonce }) => nonce)).size === 2, { limitMs: 15_000 })
    expect(new Set(node.broadcast.map(({ hash }) => hash))).toEqual(new Set(hashes))
    node.mine()
    node.mine()
    expect((await run(Promise.all(sending))).map(({ kind }) => kind)).toEqual(['done', 'done'])
  })

  test('shows nobody what waits in its pool: only blocks are looked at, replacements and all', async () => {
    const { node, start, clock, run, broadcastCount } = open()
    const sending = start().send('a', release(100), NEVER)
    await broadcastCount(1)
    await clock.advance(45_000)
    expect(new Set(node.broadcast.map(({ hash }) => hash)).size).toBeGreaterThan(1)
    node.mine()
    expect(await run(sending)).toMatchObject({ kind: 'done' })
    expect(node.calls.filter(({ params }) => params.includes('pending'))).toEqual([])
    expect(node.asked('eth_getTransactionByHash')).toEqual([])
  })

  test('is one of two, and refuses what the other takes: the other decides, under one nonce', async () => {
    const around =
      (real: typeof fetch): typeof fetch =>
      async (url, init) => {
        const response = await real(url, init)
        if (!String(url).startsWith('http://a.test')) return response
        const asked = JSON.parse(String(init?.body)) as { readonly method: string }[]
        const answers = (await response.json()) as { readonly id: number }[]
        const refused = { error: { code: -32_000, message: 'nonce too low: next nonce 1, tx nonce 0' } }
        const isSent = (index: number) => asked[index]?.method === 'eth_sendRawTransaction'
        return new Response(JSON.stringify(answers.map(({ id, ...answer }, index) => ({ id, ...(isSent(index) ? refused : answer) }))))
      }
    const { node, start, run, broadcastCount, intents } = open({ rpcUrl: 'http://a.test,http://b.test', around })
    const sending = start().send('a', release(100), NEVER)
    await broadcastCount(2)
    node.mine()
    expect(await run(sending)).toMatchObject({ kind: 'done' })
    expect([new Set(node.broadcast.map(({ nonce }) => nonce)).size, intents.get('a')?.hashes.length]).toEqual([1, 1])
  })

  test('says what only a person can mend: whoever sends is told at once, and goes on by sending again', async () => {
    const { node, start, run, broadcastCount, clock } = open()
    const takes = node.scripts['eth_sendRawTransaction'] as (raw: `0x${string}`) => unknown
    node.scripts['eth_sendRawTransaction'] = (raw: `0x${string}`) =>
      parseTransaction(raw).nonce === 0 ? refuse(-32_000, 'insufficient funds for gas * price + value') : takes(raw)
    const sender = start()
    const list = [100, 110].map((begin) => ({ intentId: `${begin}`, call: release(begin) }))
    await expect(run(sender.sendInOrder(list, NEVER))).rejects.toMatchObject({ code: 'CALL_UNFUNDED' })
    expect(clock.nowMs()).toBeLessThan(1_000)
    // Nobody who was not told waits on in the background.
    const askedCount = node.calls.length
    await clock.advance(30_000)
    expect(node.calls).toHaveLength(askedCount)
    node.scripts['eth_sendRawTransaction'] = takes as never
    const again = sender.sendInOrder(list, NEVER)
    await broadcastCount(3)
    node.mine()
    node.mine()
    expect((await run(again)).map(({ kind }) => kind)).toEqual(['done', 'done'])
  })
})
