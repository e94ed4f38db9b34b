import { parseTransaction } from 'viem'
import { describe, expect, test } from 'vitest'
import type { WeftError } from '#domain/errors.ts'
import { createSigner, parsePrivateKey } from '#io/keys/secp256k1.ts'
import type { Address } from '#domain/ids.ts'
import type { CallOutcome } from '#io/chain/port.ts'
import { createAccountNode, hex, refuse } from '#io/chain/rpc/scripted.test-node.ts'
import { createMemoryJournal, NEVER } from '#io/chain/suite/scene.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { createGasLimit } from './gas-limit.ts'
import { createIntents } from './intents.ts'
import { createLauncher } from './launch.ts'
import { createSettler } from './settle.ts'

/** What becomes of a transaction that a node does not take. */

const signer = createSigner(parsePrivateKey('07'.repeat(32)))
const { address } = signer
const draft = { to: `0x${'50'.repeat(20)}` as Address, data: '0x1234', value: 7n, gas: 50_000n } as const

/** The intents `a` and `b`, launched while the node says `words` to every transaction. */
async function refusedWith(words: string, gas: bigint = draft.gas) {
  const clock = createVirtualClock({ startMs: 0 })
  const node = createAccountNode()
  const takes = node.scripts['eth_sendRawTransaction'] as never
  node.scripts['eth_sendRawTransaction'] = () => refuse(-32_000, words)
  const journal = createMemoryJournal()
  const intents = createIntents(journal, address)
  const gasLimit = createGasLimit({ rpc: node.rpc, journal, gasPerTransactionMax: 30_000_000n })
  const told: [string, boolean][] = []
  const onHeld = ({ code }: WeftError, needsPerson: boolean): void => void told.push([code, needsPerson])
  const context = { rpc: node.rpc, chainId: 1, signer, intents, gasLimit, onHeld }
  const launcher = createLauncher(context)
  const settle = createSettler(context, launcher, (work) => work(), {
    clock,
    pollMs: 500,
    settleTimeoutMs: 60_000,
    raiseFeeAfterMs: 1e9,
    reorgDepthMax: 5,
  })
  await launcher.launch(['a', 'b'].map((intentId) => ({ intentId, kind: 'call', draft: { ...draft, gas } })))
  const outcomeOf = (work: Promise<CallOutcome>) => clock.runUntil(work, { limitMs: 120_000 })
  const takeAll = (): void => {
    node.scripts['eth_sendRawTransaction'] = takes
  }
  return { clock, node, intents, gasLimit, settle, outcomeOf, told, takeAll }
}

describe('G4: a transaction that the node refuses', () => {
  test.each([
    ['tx fee (1.20 ether) exceeds the configured cap (1.00 ether)', 'CALL_FEE_CAPPED'],
    ['oversized data: transaction size 140000, limit 131072', 'CALL_TOO_LARGE'],
    ['intrinsic gas too low', 'CALL_GAS_LOW'],
    ['transaction gas limit too high (cap: 16777216, tx: 24000000)', 'CALL_GAS_HIGH'],
    ['Sender account not authorized to send transactions', 'CALL_FORBIDDEN'],
  ])('for "%s" ends the wait at once as %s, told as what a person must mend', async (words, code) => {
    const { clock, settle, outcomeOf, told } = await refusedWith(words)
    await expect(outcomeOf(settle('a', true, NEVER))).rejects.toMatchObject({
      code,
      kind: 'transient',
      facts: { call: 'a', detail: words },
    })
    expect([clock.nowMs(), told]).toEqual([0, [[code, true]]])
  })

  test('for want of ether says what there is and what it needs, with all that goes before it', async () => {
    const { node, settle, outcomeOf } = await refusedWith('insufficient funds for gas * price + value')
    node.scripts['eth_getBalance'] = () => hex(12)
    const neededOf = async (intentId: string) => {
      const failure = await outcomeOf(settle(intentId, true, NEVER)).catch((cause: WeftError) => cause)
      expect(failure).toMatchObject({ code: 'CALL_UNFUNDED', facts: { account: address, haveWei: '12' } })
      return BigInt(String((failure as WeftError<'CALL_UNFUNDED'>).facts.neededWei))
    }
    const one = await neededOf('a')
    expect(one).toBeGreaterThan(50_000n * 10n)
    expect(await neededOf('b')).toBe(2n * one)
  })

  test('goes out by itself once somebody has mended it: asking again is enough', async () => {
    const { clock, node, settle, outcomeOf, takeAll } = await refusedWith('insufficient funds')
    await expect(outcomeOf(settle('a', true, NEVER))).rejects.toMatchObject({ code: 'CALL_UNFUNDED' })
    takeAll()
    const waiting = settle('a', false, NEVER)
    await clock.runUntil(() => node.broadcast.length > 0, { limitMs: 1_000 })
    node.mine()
    expect(await outcomeOf(waiting)).toMatchObject({ kind: 'done' })
  })

  test.each([
    ['nonce too high', 'CALL_NONCE_HIGH'],
    ['txpool is full', 'CALL_POOL_FULL'],
    ['computer says no', 'CALL_NOT_TAKEN'],
  ])('for "%s" waits and is handed over again, told each time as %s', async (words, code) => {
    const { clock, node, settle, outcomeOf, told, takeAll } = await refusedWith(words)
    const waiting = settle('a', true, NEVER)
    await clock.advance(12_000)
    expect(told).toEqual([
      [code, false],
      [code, false],
    ])
    takeAll()
    await clock.advance(10_000)
    node.mine()
    expect(await outcomeOf(waiting)).toMatchObject({ kind: 'done' })
  })

  test('for its fee is replaced at once at a higher one, and again every ten seconds', async () => {
    const { clock, node, settle, outcomeOf, intents, takeAll } = await refusedWith('transaction underpriced')
    const waiting = settle('a', true, NEVER)
    await clock.advance(100)
    expect(intents.get('a')?.hashes).toHaveLength(2)
    takeAll()
    await clock.advance(11_000)
    const fees = node.broadcast.map(({ raw }) => parseTransaction(raw).maxFeePerGas ?? 0n)
    expect(fees[0]).toBeGreaterThan(27n)
    node.mine()
    expect(await outcomeOf(waiting)).toMatchObject({ kind: 'done' })
  })

  test('for more gas than a transaction may have goes out again with as much as that, which is remembered', async () => {
    const { clock, node, settle, outcomeOf, intents, takeAll, gasLimit } = await refusedWith(
      'transaction gas limit too high (cap: 16777216, tx: 24000000)',
      24_000_000n,
    )
    takeAll()
    const waiting = settle('a', true, NEVER)
    await clock.runUntil(() => node.broadcast.length > 0, { limitMs: 1_000 })
    expect(parseTransaction(node.broadcast[0]?.raw ?? '0x')).toMatchObject({ nonce: 0, gas: 16_777_216n, data: '0x1234' })
    expect([intents.get('a')?.hashes.length, await gasLimit.now()]).toEqual([2, 16_777_216n])
    node.mine()
    expect(await outcomeOf(waiting)).toMatchObject({ kind: 'done' })
  })

  test('for more gas than a transaction may have, and that needs it, says so', async () => {
    const { clock, node, settle, outcomeOf } = await refusedWith(
      'transaction gas limit too high (cap: 16777216, tx: 24000000)',
      24_000_000n,
    )
    node.scripts['eth_estimateGas'] = () => hex(20_000_000)
    await expect(outcomeOf(settle('a', true, NEVER))).rejects.toMatchObject({ code: 'CALL_GAS_HIGH' })
    expect(clock.nowMs()).toBe(0)
  })

  test('for a nonce that is used up, though it is our own that used it, is done all the same', async () => {
    const { node, settle, outcomeOf, intents, clock } = await refusedWith('nonce too low')
    const waiting = settle('a', true, NEVER)
    await clock.advance(2_000)
    // Mined through another endpoint: this one had no place for it any more.
    const hash = intents.get('a')?.hashes[0] as string
    node.mine({ as: hash })
    expect(await outcomeOf(waiting)).toMatchObject({ kind: 'done', transactionHash: hash })
  })
})
