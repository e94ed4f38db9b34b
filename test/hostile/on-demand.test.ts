import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ChainStep, ProtocolCall } from '#io/chain/port.ts'
import { startAnvilWorlds } from '#io/chain/read/anvil.test-world.ts'
import { type Account, attest, BATCH, EPOCH_1, NEVER, release, submit } from '#io/chain/suite/scene.ts'
import type { ChainWorld } from '#io/chain/suite/scene.ts'
import { type Answer, type Behaviour, type HostileProxy, startProxy } from './proxy.ts'

/** A chain that makes a block for each transaction and no other, and one that shows no transaction before it is mined, as Nitro's do. */

let worlds: Awaited<ReturnType<typeof startAnvilWorlds>>
let proxy: HostileProxy

/** Nobody but the one who sent it hears of a transaction that waits. */
const privately: Behaviour = async ({ calls, ask, written }) => {
  const shown = calls.map((call) => {
    const isOfPool = call.method === 'eth_getTransactionCount' && call.params[1] === 'pending'
    return isOfPool ? { ...call, params: call.params.with(1, 'latest') } : call
  })
  const hidden = (answer: Answer, index: number): Answer => {
    const found = answer.result as { readonly blockNumber?: string | null } | null | undefined
    return calls[index]?.method === 'eth_getTransactionByHash' && found?.blockNumber == null ? { id: answer.id, result: null } : answer
  }
  return { body: written((await ask(shown)).map(hidden)) }
}

beforeAll(async () => {
  worlds = await startAnvilWorlds()
  proxy = await startProxy(worlds.rpcUrl, 1)
  proxy.behave(privately)
})
afterAll(async () => {
  await proxy.stop()
  await worlds.stop()
})

async function mining<Value>(isOnDemand: boolean, work: (world: ChainWorld) => Promise<Value>): Promise<Value> {
  const world = await worlds.open(proxy.url)
  await worlds.node.call('evm_setAutomine', [isOnDemand])
  try {
    return await work(world)
  } finally {
    await worlds.node.call('evm_setAutomine', [false])
  }
}

const STORY: readonly (readonly [Account, ProtocolCall])[] = [
  ['epochManager', release(100, 109)],
  ['sequencer', submit()],
  ['validator1', attest()],
  ['validator2', attest()],
  ['validator3', attest()],
  ['epochManager', release(110, 119)],
]

test('G12: an epoch is released, its batch anchored and attested, and the next one released, with no block but theirs', () =>
  mining(true, async ({ chain, sender }) => {
    const from = await chain.head()
    const stop = new AbortController()
    const seen: string[] = []
    const heard = Promise.withResolvers<void>()
    const note = (step: ChainStep): void => {
      if (step.kind === 'block') for (const { kind } of step.events) seen.push(kind)
      if (seen.filter((kind) => kind === 'EpochReleased').length === 2) heard.resolve()
    }
    const follow = async (): Promise<void> => {
      for await (const step of chain.follow({ from: from.number, known: [], signal: stop.signal })) note(step)
    }
    const following = follow()
    for (const [index, [account, call]] of STORY.entries()) {
      expect(await sender(account).send(`story/${index}`, call, NEVER)).toMatchObject({ kind: 'done' })
      expect((await chain.head()).number).toBe(from.number + index + 1)
    }
    await heard.promise
    stop.abort()
    await following
    expect(await chain.batch(EPOCH_1, BATCH)).toMatchObject({ attestationCount: 3 })
    expect((await chain.currentEpoch()).epochId).toBe(2)
    expect(seen.filter((kind) => kind === 'EpochReleased')).toHaveLength(2)
  }))

test('G12: a call that fails on such a chain is told as refused, and the one after it goes through', () =>
  mining(true, async ({ sender, transactionCount }) => {
    const manager = sender('epochManager')
    expect(await manager.send('story/0', release(100, 109), NEVER)).toMatchObject({ kind: 'done' })
    expect(await manager.send('story/again', release(100, 109), NEVER)).toMatchObject({ kind: 'refused' })
    expect(await manager.send('story/1', release(110, 119), NEVER)).toMatchObject({ kind: 'done' })
    expect(await transactionCount('epochManager')).toBe(2)
  }))

test('G5: a transaction that nobody shows before it is mined is sent once, and another call waits behind it', () =>
  mining(false, async ({ sender, mine, pendingCount, until, transactionCount }) => {
    const manager = sender('epochManager')
    const first = manager.send('story/0', release(100, 109), NEVER)
    await until(async () => (await pendingCount()) === 1)
    await mine()
    expect(await first).toMatchObject({ kind: 'done' })
    const second = manager.send('story/1', release(110, 119), NEVER)
    await until(async () => (await pendingCount()) === 1)
    await mine()
    expect(await second).toMatchObject({ kind: 'done' })
    expect(await transactionCount('epochManager')).toBe(2)
  }))
