import { afterEach, describe, expect, test, vi } from 'vitest'
import type { Cid, EpochId } from '#domain/ids.ts'
import { type LiarNode, nodeOf, openLiars } from '#io/chain/proof/liars.test-world.ts'
import { provableChain } from '#io/chain/proof/provable.test-chain.ts'
import { logOf, MARKET, type ScriptedLog, STATE } from './scene.test-chain.ts'

/** Who looks up one batch without following the chain: what became of it is as little believed of one endpoint as it is of who follows. */

afterEach(() => void vi.unstubAllGlobals())

const EPOCH = 7 as EpochId
const BATCH = 'bafkbatch' as Cid
const ROOT = `0x${'cc'.repeat(32)}`
const args = { dataMarketAddress: MARKET, epochId: BigInt(EPOCH), batchCid: BATCH, timestamp: 1n }
const PLACE = { block: 0, index: 0 }
const SUBMITTED = logOf(PLACE, { of: STATE, name: 'SnapshotBatchSubmitted', args })
const REFUSED = logOf(PLACE, { of: MARKET, name: 'TriggerBatchResubmission', args })

/** Submitted in block 4, refused by the validators in block 9. */
const blocks = provableChain(Array.from({ length: 31 }, (_, block) => (block === 4 ? [SUBMITTED] : block === 9 ? [REFUSED] : [])))
function node(): LiarNode {
  const made = nodeOf(blocks, () => 30, {
    epochInfo: () => [1n, 2n, 9n],
    batchSubmissionWindow: () => 4n,
    attestationSubmissionWindow: () => 5n,
    epochIdToBatchCids: () => [BATCH],
    batchCidToProjects: () => ['a:B'],
    batchCidSequencerAttestation: () => ROOT,
    snapshotStatus: () => [0, 'bafka', 0n],
    batchCidContentHash: () => `0x${'0'.repeat(62)}`,
    batchCidProjectIdsRoot: () => `0x${'0'.repeat(64)}`,
  })
  made.scripts['eth_getTransactionByHash'] = () => null
  return made
}

describe.each<[string, string, (logs: ScriptedLog[]) => ScriptedLog[]]>([
  ['keeps back what the validators decided', 'omits', (logs) => logs.filter(({ topics }) => topics[0] !== REFUSED.topics[0])],
  [
    'makes up that it is final',
    'invents',
    (logs) => {
      const [at] = logs
      return at === undefined
        ? logs
        : [
            ...logs,
            { ...at, topics: logOf(PLACE, { of: MARKET, name: 'SnapshotBatchFinalized', args }).topics as string[], address: MARKET },
          ]
    },
  ],
])('an endpoint that %s', (_name, word, change) => {
  const open = () =>
    openLiars({
      nodes: { a: node(), b: node() },
      lies: {
        a: {
          eth_getLogs:
            (honest) =>
            (...params: unknown[]) =>
              change(honest(...params) as ScriptedLog[]),
        },
      },
      proofs: { receiptsShare: 1 },
    })

  test('is found out, and the batch is what it is', async () => {
    const world = open()
    const chain = await world.anchor()
    world.lie()
    expect(await world.run(chain.batch(EPOCH, BATCH))).toMatchObject({ isRefused: true, isFinalized: false })
    expect(world.told()).toEqual([`a.test ${word}`])
  })
})

test('all batches of an epoch that are asked for at once are told from one reading of its events', async () => {
  const world = openLiars({ nodes: { a: node() } })
  const chain = await world.anchor()
  world.asked['a'] = []
  await world.run(Promise.all([chain.batch(EPOCH, BATCH), chain.batch(EPOCH, BATCH), chain.batch(EPOCH, BATCH)]))
  // Two filters for the story, and one for the newest of the CID each.
  expect(world.asked['a']?.filter((method) => method === 'eth_getLogs')).toHaveLength(2 + 3)
})
