import type { BlockRef } from '#domain/chain-step.ts'
import type { Address, BlockNumber, Cid, ProjectId, ContractNumber } from '#domain/ids.ts'
import { marketOf } from '#io/chain/fake/anchor.ts'
import { systemClock } from '#io/clock/system.ts'
import { content, createChain, epoch, numberOf, slot } from '#io/database/chain.test-world.ts'
import type { BatchContent, IndexDatabase } from '#io/database/port.ts'
import type { ServeDeps } from '#roles/api/serve/served.ts'

/** An index of so many projects and epochs, all final, each data point with a snapshot of its own. */

export interface Size {
  readonly projects: number
  readonly epochs: number
}

/** Characters of a snapshot: a pair's reserves over ten blocks, some fields left out. */
const TEXT_LENGTH = 1_000
const SLOTS = 20

export const projectOf = (place: number): ProjectId => `reserves:0x${place.toString(16).padStart(40, '0')}:bench` as ProjectId
const cidOf = (epochId: number, place: number): Cid =>
  `bafkrei${epochId.toString(36).padStart(8, '0')}${place.toString(36).padStart(8, '0')}${'b'.repeat(36)}` as Cid

export function textOf(epochId: number, place: number): string {
  const reserves = Object.fromEntries(
    Array.from({ length: 10 }, (_, block) => [`block${epochId * 10 + block}`, (epochId * 1_000_003 + place * 7 + block) / 1_000]),
  )
  const text = JSON.stringify({ contract: projectOf(place), epochId, token0Reserves: reserves, value: epochId + place })
  return `${text.slice(0, -1)},"z":"${'z'.repeat(Math.max(0, TEXT_LENGTH - text.length - 7))}"}`
}

/** What the file of an epoch says: 20 slots vote on each project, one of them for something else. */
function contentAt(epochId: number, projects: number): BatchContent {
  const places = Array.from({ length: projects }, (_, place) => place)
  return content(
    {},
    {
      submissions: projects * SLOTS,
      entries: places.map((place) => ({
        projectId: projectOf(place),
        snapshotCid: cidOf(epochId, place),
        votes: { winning: SLOTS - 1, total: SLOTS },
      })),
      slots: Array.from({ length: SLOTS }, (_, id) => ({ slotId: slot(id + 1), votes: projects, winning: id === 0 ? 0 : projects })),
      outvoted: [],
    },
  )
}

/** Of the chain on which epochs are filled in: release, batch, what makes it final, end. */
export const BLOCKS_PER_EPOCH = 4
export const SECONDS_PER_BLOCK = 10
const GENESIS = 99

/** `filled`: epochs that are there already. */
export function createFiller(index: IndexDatabase, filled = 0) {
  const chain = createChain()
  const number = GENESIS + filled * BLOCKS_PER_EPOCH
  chain.rollback({ number, hash: `0xblock${number}`, parentHash: '', timestamp: number * SECONDS_PER_BLOCK } as unknown as BlockRef)
  let epochId = filled
  return {
    /** One epoch, as the role takes it in: the release, the batch, its file, its snapshots, what made it final. */
    async next(projects: number): Promise<void> {
      epochId += 1
      const name = `batch${epochId}`
      const file = contentAt(epochId, projects)
      await index.apply([chain.block(['EpochReleased', epochId]), chain.block(['SnapshotBatchSubmitted', epochId, name])])
      await index.putBatch(await numberOf(index, name, epoch(epochId)), file)
      await index.putSnapshots(
        file.entries.map(({ snapshotCid }, place) => ({ snapshotCid, state: 'here' as const, text: textOf(epochId, place) })),
      )
      await index.apply([
        chain.block(['SnapshotBatchAttestationSubmitted', epochId, name, '1'], ['SnapshotBatchFinalized', epochId, name]),
        chain.block(['BatchSubmissionsCompleted', epochId]),
      ])
    },
  }
}

/** What the api asks of chain and IPFS in none of the rows. */
export function depsOn(index: IndexDatabase): ServeDeps {
  const nobody = (): never => {
    throw new Error('no row of the benchmark asks this')
  }
  const nothing = '0x0000000000000000000000000000000000000000' as Address
  return {
    index,
    clock: systemClock,
    sequencers: [],
    version: '0',
    computes: async () => undefined,
    proofOf: nobody,
    ipfs: { get: nobody },
    chain: {
      chainId: 1,
      protocolState: nothing,
      dataMarket: nothing,
      head: nobody,
      // How long epochs are open is asked of it.
      market: async () => marketOf({ epochManager: nothing }),
      manifests: nobody,
      slots: nobody,
      slotDay: nobody,
      rewardRules: nobody,
      currentEpoch: nobody,
      epochInfo: async () => ({ timestamp: 0, contractNumber: 0 as ContractNumber, end: 0 as BlockNumber }),
    },
  }
}
