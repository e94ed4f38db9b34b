import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { devAccount } from '#devnet/accounts.ts'
import { createSigner } from '#io/keys/secp256k1.ts'
import { type Anvil, startAnvil } from '#devnet/anvil.ts'
import { type Deployment, deployProtocol, fundAccounts } from '#devnet/deploy.ts'
import type { BlockNumber } from '#domain/ids.ts'
import type { ProtocolEvent } from '#io/chain/port.ts'
import { connectAnchorChain } from '#io/chain/read/anchor.ts'
import type { EndpointTrouble } from '#io/chain/rpc/health.ts'
import { createRpc } from '#io/chain/rpc/rpc.ts'
import { createProtocolSender } from '#io/chain/send/sender.ts'
import { createMemoryJournal, NEVER, release } from '#io/chain/suite/scene.ts'
import { systemClock } from '#io/clock/system.ts'
import { isToBeNamed, LAG_BLOCKS, MISBEHAVIOURS, type MisbehaviourName, NAMES } from './misbehaviours.ts'
import { honest, type HostileProxy, startProxy } from './proxy.ts'

/** A real node behind a hostile proxy: whoever follows through it sees every event, and says what is wrong. */

const CHAIN_ID = 31_351
const EPOCHS = 6
const SEED = 7
const [owner, epochManager, signer] = ['owner', 'epoch manager', 'signer'].map(devAccount) as [DevAccount, DevAccount, DevAccount]
type DevAccount = ReturnType<typeof devAccount>

let anvil: Anvil
let proxy: HostileProxy
let deployment: Deployment
let wanted: readonly string[]
/** A follower need not come nearer to the head than a node that lags. */
let last: number

/** What a few requests need not show, for it comes by chance or is told of when it was seen some times: a whole network is asked whether it is named. */
const SEEN_LATER: readonly MisbehaviourName[] = [
  ...(['lag', 'rotation', 'slow', 'hanging_at_first', 'hanging', 'forked'] as const),
  ...(['busy', 'busy_in_words', 'error_504', 'half_failing', 'cut_off'] as const),
]

const named = ({ kind, block, logIndex }: ProtocolEvent): string => `${block.number} ${logIndex} ${kind}`
const connect = (rpcUrl: string, troubles: EndpointTrouble[]) =>
  connectAnchorChain({
    rpcUrl,
    ...deployment,
    pollMs: 5,
    reorgDepthMax: 64,
    clock: systemClock,
    proofs: { receiptsShare: 1, random: () => 0 },
    onEndpointTrouble: (trouble) => troubles.push(trouble),
  })

/** Every event up to there, as a follower through that URL has it. */
async function eventsThrough(rpcUrl: string, troubles: EndpointTrouble[] = [], behave?: () => void): Promise<string[]> {
  const chain = await connect(rpcUrl, troubles)
  // A role with one endpoint asks again, above what is tested here.
  if (rpcUrl.includes(',')) expect((await chain.currentEpoch()).epochId, 'the epoch as a view has it').toBe(EPOCHS)
  behave?.()
  let events: readonly ProtocolEvent[] = []
  for await (const step of chain.follow({ from: 1 as BlockNumber, known: [], signal: NEVER })) {
    // From one fork to the other.
    if (step.kind === 'rollback') events = events.filter(({ block }) => block.number <= step.to.number)
    else events = [...events, ...step.events]
    if (step.kind === 'block' && step.block.number >= last) break
  }
  return events.map(named)
}

beforeAll(async () => {
  anvil = await startAnvil({ chainId: CHAIN_ID })
  const { rpcUrl } = anvil
  const rpc = createRpc({ rpcUrl, pause: systemClock })
  deployment = await deployProtocol({
    rpcUrl,
    deployerKey: owner.key,
    market: { epochSize: 10, sourceChainId: 1, sourceBlockTimeSeconds: 12, attestationsMin: 1 },
    windows: { snapshotBlocks: 10, batchBlocks: 20, attestationBlocks: 30 },
    slots: [signer.address],
    sequencers: [owner.address],
    validators: [owner.address],
    epochManager: epochManager.address,
  })
  await fundAccounts(rpcUrl, [epochManager.address])
  const sender = createProtocolSender({
    rpcUrl,
    ...deployment,
    signer: createSigner(epochManager.key),
    journal: createMemoryJournal(),
    clock: systemClock,
    pollMs: 5,
    settleTimeoutMs: 10_000,
  })
  let isDone = false
  const intents = Array.from({ length: EPOCHS }, (_, index) => ({
    intentId: `release ${index}`,
    call: release(index * 10 + 1, index * 10 + 10),
  }))
  const sent = sender.sendInOrder(intents, NEVER).finally(() => {
    isDone = true
  })
  while (!isDone) await rpc.call('anvil_mine', ['0x1'])
  await sent
  // A node that lags a little has all of it.
  await rpc.call('anvil_mine', ['0x10'])
  last = Number(await rpc.call('eth_blockNumber', [])) - LAG_BLOCKS
  proxy = await startProxy(rpcUrl, SEED)
  wanted = await eventsThrough(rpcUrl)
})
afterAll(async () => {
  await proxy.stop()
  await anvil.stop()
})

test('there is something to be missed', () => {
  expect(wanted.filter((event) => event.endsWith('EpochReleased'))).toHaveLength(EPOCHS)
})

test('an honest proxy changes nothing', async () => {
  proxy.behave(honest)
  const troubles: EndpointTrouble[] = []
  expect(await eventsThrough(proxy.url, troubles)).toEqual(wanted)
  expect(troubles).toEqual([])
})

describe('every event is seen, and what is wrong is said once', () => {
  function expectNamed(name: MisbehaviourName, how: 'alone' | 'beside', troubles: readonly EndpointTrouble[]): void {
    const words = troubles.filter(({ endpoint, times }) => endpoint === proxy.url && times === undefined).map(({ trouble }) => trouble)
    expect(new Set(words).size, words.join(', ')).toBe(words.length)
    const allowed: readonly string[] = MISBEHAVIOURS[name].named
    for (const word of words) expect(allowed).toContain(word)
    if (isToBeNamed(name, how) && !SEEN_LATER.includes(name)) expect(words, 'somebody is told').not.toEqual([])
    expect(
      troubles.filter(({ endpoint }) => endpoint !== proxy.url),
      'the honest one is not blamed',
    ).toEqual([])
  }

  // Two of them: of two endpoints that contradict each other nobody knows which one lies.
  test.each(NAMES)('beside honest endpoints: %s', async (name) => {
    proxy.behave(MISBEHAVIOURS[name].behaviour)
    const troubles: EndpointTrouble[] = []
    expect(await eventsThrough(`${proxy.url};weight=1000,${anvil.rpcUrl},${anvil.rpcUrl}`, troubles)).toEqual(wanted)
    expectNamed(name, 'beside', troubles)
  })

  test.each(NAMES.filter((name) => MISBEHAVIOURS[name].isBearable))('alone: %s', async (name) => {
    proxy.behave(honest)
    const troubles: EndpointTrouble[] = []
    // A role that cannot connect tries again; the follower by itself.
    expect(await eventsThrough(proxy.url, troubles, () => proxy.behave(MISBEHAVIOURS[name].behaviour))).toEqual(wanted)
    expectNamed(name, 'alone', troubles)
  })
})
