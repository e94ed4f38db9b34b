import { parseTransaction } from 'viem'
import { describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import { createSigner, parsePrivateKey } from '#io/keys/secp256k1.ts'
import type { Address } from '#domain/ids.ts'
import type { IntentJournal } from '#io/chain/port.ts'
import { createAccountNode, hex, refuse } from '#io/chain/rpc/scripted.test-node.ts'
import { createMemoryJournal } from '#io/chain/suite/scene.ts'
import { createGasLimit } from './gas-limit.ts'
import { createIntents } from './intents.ts'
import type { JournalledIntent } from './intents.ts'
import { createLauncher } from './launch.ts'

const signer = createSigner(parsePrivateKey('07'.repeat(32)))
const { address } = signer
const CONTRACT = `0x${'50'.repeat(20)}` as Address
const launchOf = (intentId: string, data: `0x${string}` = '0x1234') => ({
  intentId,
  kind: 'call',
  draft: { to: CONTRACT, data, value: 0n, gas: 50_000n },
})

/** A launcher whose journal and node write down, in order, what happens to them. */
function open(options: { readonly journal?: IntentJournal; readonly feePerGasMaxWei?: bigint } = {}) {
  const order: string[] = []
  const memory = options.journal ?? createMemoryJournal()
  const journal: IntentJournal = {
    ...memory,
    async commit(writes) {
      await memory.commit(writes)
      order.push(...writes.filter(({ key }) => key.startsWith('intent/')).map(({ key }) => `journal ${key.split('/').at(-1)}`))
    },
  }
  const node = createAccountNode()
  const send = node.scripts['eth_sendRawTransaction'] as (raw: `0x${string}`) => unknown
  node.scripts['eth_sendRawTransaction'] = (raw: `0x${string}`) => {
    order.push(`send ${parseTransaction(raw).nonce}`)
    return send(raw)
  }
  const intents = createIntents(journal, address)
  const gasLimit = createGasLimit({ rpc: node.rpc, journal })
  return { node, order, intents, launcher: createLauncher({ ...options, rpc: node.rpc, chainId: 1, signer, intents, gasLimit }) }
}

describe('G4: a launch', () => {
  test('is journalled, all of it, before any of it is broadcast', async () => {
    const { order, launcher } = open()
    await launcher.launch([launchOf('a'), launchOf('b'), launchOf('c')])
    expect(order).toEqual(['journal a', 'journal b', 'journal c', 'send 0', 'send 1', 'send 2'])
  })

  test('broadcasts what the journal holds', async () => {
    const { node, intents, launcher } = open()
    await launcher.launch([launchOf('a', '0xaa'), launchOf('b', '0xbb')])
    for (const [index, intentId] of ['a', 'b'].entries()) {
      const intent = intents.get(intentId) as JournalledIntent
      expect(intent).toMatchObject({ kind: 'call', nonce: index, hashes: [node.broadcast[index]?.hash] })
      expect(intents.raw(intent.hashes[0] as never)).toBe(node.broadcast[index]?.raw)
      expect(parseTransaction(node.broadcast[index]?.raw ?? '0x')).toMatchObject({
        data: ['0xaa', '0xbb'][index],
        chainId: 1,
        gas: 50_000n,
      })
    }
  })

  test('that cannot be journalled is not broadcast, and what was journalled before leaves no gap', async () => {
    const memory = createMemoryJournal()
    const commit: IntentJournal['commit'] = async (writes) => {
      if (writes.some(({ key }) => key.endsWith('/b'))) throw new WeftError('STORE_FAILED', { path: 'p', doing: 'commit' })
      await memory.commit(writes)
    }
    const { node, intents, launcher } = open({ journal: { ...memory, commit } })
    await expect(launcher.launch([launchOf('a'), launchOf('b'), launchOf('c')])).rejects.toMatchObject({ code: 'STORE_FAILED' })
    expect(node.broadcast).toEqual([])
    expect(intents.all().map(({ nonce }) => nonce)).toEqual([0])
  })

  test('takes the nonce after all that is mined and all that is journalled', async () => {
    const { node, launcher, intents } = open()
    node.scripts['eth_getTransactionCount'] = () => hex(3)
    expect(await launcher.nextNonce()).toBe(3)
    await launcher.launch([launchOf('a')])
    expect([await launcher.nextNonce(), intents.get('a')?.nonce]).toEqual([4, 3])
    // A node behind the one asked before has not heard of any.
    node.scripts['eth_getTransactionCount'] = () => hex(1)
    await launcher.launch([launchOf('b')])
    expect(intents.get('b')?.nonce).toBe(4)
    node.scripts['eth_getTransactionCount'] = () => hex(9)
    await launcher.launch([launchOf('c')])
    expect(intents.get('c')?.nonce).toBe(9)
  })

  test('stays journalled when the node refuses to broadcast it', async () => {
    const { node, launcher, intents } = open()
    node.scripts['eth_sendRawTransaction'] = () => refuse(-32_000, 'already known')
    await launcher.launch([launchOf('a')])
    expect(intents.get('a')).toMatchObject({ nonce: 0 })
  })
})

describe('G4: broadcasting again', () => {
  async function three() {
    const world = open()
    await world.launcher.launch([launchOf('a'), launchOf('b'), launchOf('c')])
    world.order.splice(0)
    return world
  }

  test('goes from the lowest nonce that is not mined up to the one asked for', async () => {
    const { launcher, order } = await three()
    await launcher.rebroadcast(0, Number.POSITIVE_INFINITY)
    await launcher.rebroadcast(1, 1)
    expect(order).toEqual(['send 0', 'send 1', 'send 2', 'send 1'])
  })

  test('hands over the last replacement, the one that nodes still take', async () => {
    const { launcher, node } = await three()
    await launcher.replace('b', 0)
    const replacement = node.broadcast.at(-1)
    await launcher.rebroadcast(1, 1)
    expect(node.broadcast.at(-1)).toEqual(replacement)
    expect(replacement?.raw).not.toBe(node.broadcast[1]?.raw)
  })

  test('knows what the node says to each, until it is taken, and goes on to those behind', async () => {
    const { launcher, node, intents } = await three()
    const told: number[] = []
    node.scripts['eth_sendRawTransaction'] = (raw: `0x${string}`) => {
      told.push(parseTransaction(raw).nonce ?? -1)
      return told.length === 1 ? refuse(-32_000, 'insufficient funds') : '0x'
    }
    const refusals = () => intents.all().map((intent) => launcher.refusalOf(intent)?.message)
    await launcher.rebroadcast(0, 5)
    expect(refusals()).toEqual(['insufficient funds', undefined, undefined])
    expect(told).toEqual([0, 1, 2])
    await launcher.rebroadcast(0, 5)
    expect(refusals()).toEqual([undefined, undefined, undefined])
  })
})

describe('G4: a replacement', () => {
  test('is the same call under the same nonce at a higher fee, journalled before it is broadcast', async () => {
    const { launcher, node, intents, order } = open()
    await launcher.launch([launchOf('a')])
    order.splice(0)
    await launcher.replace('a', 0)
    expect(order).toEqual(['journal a', 'send 0'])
    const [before, after] = node.broadcast.map(({ raw }) => parseTransaction(raw))
    expect(after).toMatchObject({ to: CONTRACT, data: '0x1234', nonce: 0, gas: 50_000n })
    expect(after?.maxFeePerGas).toBeGreaterThan(((before?.maxFeePerGas ?? 0n) * 11n) / 10n)
    // Either may be mined: both stay known.
    expect(intents.get('a')?.hashes).toEqual(node.broadcast.map(({ hash }) => hash))
    for (const { hash, raw } of node.broadcast) expect(intents.raw(hash as never)).toBe(raw)
  })

  test('is made at most eight times', async () => {
    const { launcher, node, intents } = open()
    await launcher.launch([launchOf('a')])
    for (let round = 0; round < 12; round += 1) await launcher.replace('a', 0)
    expect([node.broadcast.length, intents.get('a')?.hashes.length]).toEqual([9, 9])
  })

  test('that would be dearer than what we pay, or of an intent that is not there, is not made', async () => {
    const { launcher, node } = open({ feePerGasMaxWei: 24n })
    await launcher.launch([launchOf('a')])
    expect([await launcher.replace('a', 0), await launcher.replace('b', 0)]).toEqual(['capped', 'enough'])
    expect(node.broadcast).toHaveLength(1)
  })
})

test('G4: a call that lost its nonce is signed anew once, however many wait for it', async () => {
  const { launcher, node, intents } = open()
  await launcher.launch([launchOf('a', '0xaa'), launchOf('b')])
  const lost = intents.get('a') as JournalledIntent
  node.scripts['eth_getTransactionCount'] = () => hex(1)
  await launcher.relaunch(lost)
  await launcher.relaunch(lost)
  expect(node.broadcast.map(({ nonce }) => nonce)).toEqual([0, 1, 2])
  expect(parseTransaction(node.broadcast[2]?.raw ?? '0x')).toMatchObject({ to: CONTRACT, data: '0xaa', gas: 50_000n })
  expect(intents.get('a')).toEqual({ intentId: 'a', kind: 'call', nonce: 2, hashes: [node.broadcast[2]?.hash] })
})
