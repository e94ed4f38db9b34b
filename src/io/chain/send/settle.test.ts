import { parseTransaction } from 'viem'
import { describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import { createSigner, parsePrivateKey } from '#io/keys/secp256k1.ts'
import type { Address } from '#domain/ids.ts'
import type { CallOutcome } from '#io/chain/port.ts'
import { createAccountNode, hex, refuse, reverts } from '#io/chain/rpc/scripted.test-node.ts'
import type { Script } from '#io/chain/rpc/scripted.test-node.ts'
import { createMemoryJournal, NEVER } from '#io/chain/suite/scene.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { createGasLimit } from './gas-limit.ts'
import { createIntents } from './intents.ts'
import { createLauncher } from './launch.ts'
import { createSettler } from './settle.ts'
import type { SettleOptions } from './settle.ts'

const signer = createSigner(parsePrivateKey('07'.repeat(32)))
const { address } = signer
const CONTRACT = `0x${'50'.repeat(20)}` as Address

/** A settler at work on the intents `a` and `b`, nonces 0 and 1, on a clock of its own. */
async function open(options: Partial<SettleOptions> = {}) {
  const clock = createVirtualClock({ startMs: 0 })
  const node = createAccountNode()
  const journal = createMemoryJournal()
  const intents = createIntents(journal, address)
  const gasLimit = createGasLimit({ rpc: node.rpc, journal })
  const context = { rpc: node.rpc, chainId: 1, signer, intents, gasLimit }
  const launcher = createLauncher(context)
  const pace = { clock, pollMs: 500, settleTimeoutMs: 60_000, raiseFeeAfterMs: 1e9, reorgDepthMax: 5, ...options }
  const settle = createSettler(context, launcher, (work) => work(), pace)
  const draft = { to: CONTRACT, data: '0x1234', value: 7n, gas: 50_000n } as const
  await launcher.launch(['a', 'b'].map((intentId) => ({ intentId, kind: 'call', draft })))
  const outcomeOf = (work: Promise<CallOutcome>) => clock.runUntil(work, { limitMs: 120_000 })
  const sent = () => node.broadcast.map(({ nonce }) => nonce).slice(2)
  /** Ends what waits, at this very moment. */
  const end = async (stop: AbortController, waiting: Promise<unknown>) => {
    const atMs = clock.nowMs()
    stop.abort('over')
    expect(await clock.runUntil(waiting, { limitMs: 120_000 })).toBe('over')
    expect(clock.nowMs()).toBe(atMs)
  }
  return { clock, node, intents, launcher, settle, outcomeOf, sent, end }
}

describe('G4: the outcome of a call', () => {
  test('is told by its receipt: hash and block', async () => {
    const { node, settle, outcomeOf } = await open()
    const transactionHash = node.mine()
    expect(await outcomeOf(settle('a', true, NEVER))).toEqual({ kind: 'done', transactionHash, blockNumber: 101 })
  })

  test('is that of whichever replacement was mined', async () => {
    const { node, launcher, settle, outcomeOf } = await open()
    await launcher.replace('a', 0)
    const [first, , second] = node.broadcast.map(({ hash }) => hash)
    expect(first).not.toBe(second)
    node.mine({ as: first as string })
    expect(await outcomeOf(settle('a', true, NEVER))).toMatchObject({ kind: 'done', transactionHash: first })
  })

  test('of a revert has the contract’s code, asked for with the same call after its block', async () => {
    const { node, settle, outcomeOf } = await open()
    node.scripts['eth_call'] = () => reverts('E22')
    node.mine({ status: 0 })
    expect(await outcomeOf(settle('a', true, NEVER))).toEqual({ kind: 'refused', reason: 'E22' })
    expect(node.asked('eth_call')).toEqual([[{ from: address, to: CONTRACT, data: '0x1234', value: '0x7' }, '0x65']])
  })

  test('of a revert has its code from a node that has come to its block, however many are asked that have not', async () => {
    const { node, settle, outcomeOf } = await open()
    const header = node.scripts['eth_getBlockByNumber'] as Script
    let behind = 2
    node.scripts['eth_call'] = () => (behind > 0 ? refuse(-32_000, 'header not found') : reverts('E26'))
    node.scripts['eth_getBlockByNumber'] = (...params) => (params[0] === hex(101) && behind-- > 0 ? null : header(...params))
    node.mine({ status: 0 })
    expect(await outcomeOf(settle('a', true, NEVER))).toEqual({ kind: 'refused', reason: 'E26' })
  })

  test.each<[string, unknown]>([
    ['would succeed now', '0x'],
    ['the node does not run any more', refuse(-32_000, 'missing trie node')],
  ])('of a revert that %s is a refusal all the same', async (_name, answer) => {
    const { node, settle, outcomeOf } = await open()
    node.scripts['eth_call'] = () => answer
    node.mine({ status: 0 })
    expect(await outcomeOf(settle('a', true, NEVER))).toEqual({ kind: 'refused', reason: 'reverted when mined' })
  })

  test('is looked for once at least, whatever the limit', async () => {
    const { node, settle, outcomeOf } = await open({ settleTimeoutMs: 0 })
    node.mine()
    expect(await outcomeOf(settle('a', true, NEVER))).toMatchObject({ kind: 'done' })
  })
})

describe('G4: a call that waits for a block', () => {
  test('is handed to the node at once when an earlier process may not have done so, with all below it, then every ten seconds', async () => {
    const { clock, settle, sent, end } = await open()
    const stop = new AbortController()
    const waiting = settle('b', false, stop.signal).catch((cause: unknown) => cause)
    await clock.advance(400)
    expect(sent()).toEqual([0, 1])
    await clock.advance(9_000)
    expect(sent()).toEqual([0, 1])
    await clock.advance(1_000)
    expect(sent()).toEqual([0, 1, 0, 1])
    await end(stop, waiting)
  })

  test('that was just broadcast is not broadcast again before ten seconds have passed, and nothing above it ever', async () => {
    const { clock, settle, sent, end } = await open()
    const stop = new AbortController()
    const waiting = settle('a', true, stop.signal).catch((cause: unknown) => cause)
    await clock.advance(9_900)
    expect(sent()).toEqual([])
    await clock.advance(1_000)
    expect(sent()).toEqual([0])
    await end(stop, waiting)
  })

  test('has its fee raised each time the limit passes, no sooner', async () => {
    const { clock, node, settle, intents, end } = await open({ raiseFeeAfterMs: 4_000 })
    const stop = new AbortController()
    const waiting = settle('a', true, stop.signal).catch((cause: unknown) => cause)
    const signed: (number | undefined)[] = []
    for (const durationMs of [3_900, 1_000, 2_900, 1_000]) {
      await clock.advance(durationMs)
      signed.push(intents.get('a')?.hashes.length)
    }
    expect(signed).toEqual([1, 2, 2, 3])
    expect(node.broadcast.map(({ raw }) => parseTransaction(raw).nonce)).toEqual([0, 1, 0, 0])
    await end(stop, waiting)
  })

  test('is not settled when the limit passes, with what stood in its way', async () => {
    const { node, settle, outcomeOf } = await open({ settleTimeoutMs: 2_000 })
    node.scripts['eth_sendRawTransaction'] = () => refuse(-32_000, 'txpool is full')
    const failure = await outcomeOf(settle('a', false, NEVER)).catch((cause: unknown) => cause)
    expect(failure).toMatchObject({
      code: 'CALL_NOT_SETTLED',
      facts: { call: 'a', waitedMs: 2_000 },
      cause: { code: 'CALL_POOL_FULL', facts: { detail: 'txpool is full' } },
    })
  })

  test('waits out a node that fails, and names that as the obstacle if it lasts', async () => {
    const { clock, node, settle, outcomeOf } = await open({ settleTimeoutMs: 5_000 })
    const { eth_getTransactionReceipt: answers } = node.scripts
    node.scripts['eth_getTransactionReceipt'] = () => {
      throw new WeftError('CHAIN_UNREACHABLE', { endpoint: 'scripted', method: 'eth_getTransactionReceipt' })
    }
    const waiting = settle('a', true, NEVER)
    await clock.advance(2_000)
    node.scripts['eth_getTransactionReceipt'] = answers as never
    node.mine()
    expect(await outcomeOf(waiting)).toMatchObject({ kind: 'done' })
    node.scripts['eth_getTransactionReceipt'] = () => ({ status: 'fine', blockNumber: '0x1' })
    await expect(outcomeOf(settle('a', true, NEVER))).rejects.toMatchObject({ cause: { code: 'CHAIN_ANSWER_INVALID' } })
  })

  test('ends with a failure that will not pass', async () => {
    const { node, settle, outcomeOf } = await open()
    const failure = new WeftError('STORE_FAILED', { path: 'p', doing: 'd' })
    node.scripts['eth_getTransactionReceipt'] = () => {
      throw failure
    }
    await expect(outcomeOf(settle('a', true, NEVER))).rejects.toBe(failure)
  })

  test('ends with the signal’s reason though the node hangs', async () => {
    const { node, settle, outcomeOf } = await open()
    node.scripts['eth_getTransactionReceipt'] = () => new Promise(() => undefined)
    const stop = new AbortController()
    const waiting = settle('a', true, stop.signal)
    stop.abort(new Error('stopping'))
    await expect(outcomeOf(waiting)).rejects.toThrow('stopping')
  })
})

describe('G4: a call whose nonce another transaction took', () => {
  test('is signed anew once that lies as deep as a rewrite can go, and no block sooner', async () => {
    const { clock, node, settle, intents, outcomeOf } = await open()
    const other = `0x${'99'.repeat(32)}`
    node.mine({ as: other })
    const waiting = settle('a', true, NEVER)
    await clock.advance(3_000)
    node.pass(4)
    await clock.advance(3_000)
    expect([intents.get('a')?.nonce, node.broadcast.length]).toEqual([0, 2])
    node.pass(1)
    await clock.advance(3_000)
    // Nonce 1 belongs to the other intent: the next free one is 2.
    expect([intents.get('a')?.nonce, node.broadcast.length]).toEqual([2, 3])
    node.mine()
    node.mine()
    expect(await outcomeOf(waiting)).toMatchObject({ kind: 'done', transactionHash: node.broadcast[2]?.hash })
  })

  test('is signed anew as soon as the chain calls it final, for some chains make no blocks without transactions', async () => {
    const { clock, node, settle, intents, outcomeOf } = await open()
    const counts = node.scripts['eth_getTransactionCount'] as (address: string, block: string) => unknown
    let finalCount = 0
    node.scripts['eth_getTransactionCount'] = (of: string, block: string) => (block === 'finalized' ? hex(finalCount) : counts(of, block))
    node.mine({ as: `0x${'99'.repeat(32)}` })
    const waiting = settle('a', true, NEVER)
    await clock.advance(3_000)
    expect(intents.get('a')?.nonce).toBe(0)
    finalCount = 1
    await clock.advance(1_000)
    expect(intents.get('a')?.nonce).toBe(2)
    node.mine()
    node.mine()
    expect(await outcomeOf(waiting)).toMatchObject({ kind: 'done' })
  })

  test('says so while it waits', async () => {
    const { node, settle, outcomeOf } = await open({ settleTimeoutMs: 2_000 })
    node.mine({ as: `0x${'99'.repeat(32)}` })
    await expect(outcomeOf(settle('a', true, NEVER))).rejects.toMatchObject({
      cause: { message: 'nonce 0 was used by another transaction' },
    })
  })

  test('is not signed anew when its own receipt comes late', async () => {
    const { clock, node, settle, outcomeOf } = await open()
    const { eth_getTransactionReceipt: answers } = node.scripts as { readonly eth_getTransactionReceipt: (hash: string) => unknown }
    const own = node.mine()
    node.pass(10)
    let looks = 0
    // The first answer comes from a node that lags behind the one that counts.
    node.scripts['eth_getTransactionReceipt'] = (hash: string) => {
      looks += 1
      return looks === 1 ? null : answers(hash)
    }
    const waiting = settle('a', true, NEVER)
    await clock.advance(1_000)
    expect(node.broadcast).toHaveLength(2)
    expect(await outcomeOf(waiting)).toMatchObject({ kind: 'done', transactionHash: own })
  })
})
