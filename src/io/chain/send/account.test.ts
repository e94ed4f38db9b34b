import { describe, expect, test } from 'vitest'
import type { Address } from '#domain/ids.ts'
import { createSigner } from '#io/keys/secp256k1.ts'
import { Secret } from '#domain/secret.ts'
import { createAccountNode, hex, reverts } from '#io/chain/rpc/scripted.test-node.ts'
import { createMemoryJournal, NEVER } from '#io/chain/suite/scene.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { createdAddress, createAccount } from './account.ts'
import type { AccountTransaction } from './account.ts'

const CONTRACT = `0x${'5a'.repeat(20)}` as Address
const change = (call: string): AccountTransaction => ({ call, to: CONTRACT, data: '0x1234' })

function open(journal = createMemoryJournal()) {
  const node = createAccountNode()
  const clock = createVirtualClock({ startMs: 0 })
  const signer = createSigner(new Secret(new Uint8Array(32).fill(7)))
  const start = () => createAccount({ rpc: node.rpc, chainId: 1, signer, journal, clock, settleTimeoutMs: 60_000, pollMs: 500 })
  const run = <Value>(work: Promise<Value>) => clock.runUntil(work, { limitMs: 120_000 })
  const broadcastCount = (count: number) => clock.runUntil(() => node.broadcast.length >= count, { limitMs: 10_000 })
  return { node, clock, journal, start, run, broadcastCount }
}

describe('an operator', () => {
  test('G4: sends all in order, once all would be taken, and waits until all are in the chain', async () => {
    const { node, start, run, broadcastCount } = open()
    const sending = start().send([change('a'), change('b')], NEVER)
    await broadcastCount(2)
    node.mine()
    node.mine()
    expect(await run(sending)).toBe('done')
    expect(node.broadcast.map(({ nonce }) => nonce)).toEqual([0, 1])
  })

  test('sends nothing when one of them would be refused, and says what that means', async () => {
    const { node, start, run, journal } = open()
    let estimates = 0
    node.scripts['eth_estimateGas'] = () => {
      estimates += 1
      return estimates === 2 ? reverts('E05') : hex(1)
    }
    await expect(run(start().send([change('a'), change('b')], NEVER))).rejects.toMatchObject({
      code: 'CALL_REVERTED',
      facts: { call: 'b', reason: expect.stringMatching(/^E05 \(.+\)$/) },
    })
    expect([node.broadcast, journal.scan('')]).toEqual([[], []])
  })

  test('sends nothing that the account cannot pay for at the dearest, value and all', async () => {
    const { node, start, run } = open()
    // Gas 125,000 at 22 wei, twice, and a value of 5.
    node.scripts['eth_getBalance'] = () => hex(2 * 125_000 * 22 + 4)
    const transactions = [change('a'), { ...change('b'), value: 5n }]
    const neededWei = String(2 * 125_000 * 22 + 5)
    await expect(run(start().send(transactions, NEVER))).rejects.toMatchObject({ code: 'FUNDS_INSUFFICIENT', facts: { neededWei } })
    expect(node.broadcast).toEqual([])
    node.scripts['eth_getBalance'] = () => hex(2 * 125_000 * 22 + 5)
    await run(start().check(transactions))
    expect(node.broadcast).toEqual([])
  })

  test('sends nothing when a contract would not come to be where it must', async () => {
    const { node, start, run, broadcastCount } = open()
    const operator = start()
    const creating = (nonce: number): AccountTransaction => ({ call: 'C', data: '0x60', creates: createdAddress(operator.address, nonce) })
    expect(await run(operator.send([change('a'), creating(0)], NEVER))).toBe('moved')
    expect(node.calls.map(({ method }) => method)).toEqual(['eth_getTransactionCount'])
    const sending = operator.send([change('a'), creating(1)], NEVER)
    await broadcastCount(2)
    node.mine()
    node.mine()
    expect(await run(sending)).toBe('done')
  })

  test('stopped while it prepares leaves nothing behind', async () => {
    const { node, start, run, journal } = open()
    const stop = new AbortController()
    node.scripts['eth_getBalance'] = () => {
      stop.abort(new Error('stopping'))
      return hex(10n ** 18n)
    }
    await expect(run(start().send([change('a')], stop.signal))).rejects.toThrow('stopping')
    expect([node.broadcast, journal.scan('')]).toEqual([[], []])
  })

  test('tells of a call that was refused when mined', async () => {
    const { node, start, run, broadcastCount } = open()
    node.scripts['eth_call'] = () => reverts('E05')
    const sending = start().send([change('a'), change('b')], NEVER)
    await broadcastCount(2)
    node.mine()
    node.mine({ status: 0 })
    await expect(run(sending)).rejects.toMatchObject({ code: 'CALL_REVERTED', facts: { call: 'b' } })
  })

  test('G4: brings what an earlier process left to its outcome, and counts it once', async () => {
    const { node, clock, start, run, broadcastCount } = open()
    const stop = new AbortController()
    const lost = start()
      .send([change('a'), change('b')], stop.signal)
      .catch(() => undefined)
    await broadcastCount(2)
    stop.abort()
    await run(lost)
    node.mine()
    node.broadcast.splice(0, 1)
    const settling = start().settleEarlier(NEVER)
    await broadcastCount(2)
    // At once, not when it has waited for a while.
    expect(clock.nowMs()).toBeLessThan(1_000)
    // The one that is mined is not broadcast again.
    expect(node.broadcast.map(({ nonce }) => nonce)).not.toContain(0)
    node.mine({ status: 0 })
    node.scripts['eth_call'] = () => reverts('E05')
    expect(await run(settling)).toBe(1)
    expect(await run(start().settleEarlier(NEVER))).toBe(0)
  })
})
