import type { Address, BlockNumber, Cid, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import type { Submission } from '#domain/submission.ts'
import { createFakeChain, marketOf } from '#io/chain/fake/anchor.ts'
import type { BlockRef, MarketState } from '#io/chain/port.ts'
import { createSigner, parsePrivateKey, recoverer } from '#io/keys/secp256k1.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { createSubmissionHasher } from '#wire/eip712.ts'
import { createWorld, submission as unsigned, type CollectorSetUp } from './collector.test-world.ts'

const MANAGER = `0x${'0e'.repeat(20)}` as Address
export const SIGNERS = ['11', '22', '33'].map((digits) => createSigner(parsePrivateKey(digits.repeat(32))))
export const WINDOW_BLOCKS = 5
/** Slots 1 and 2 have a signer; the third key has no slot. */
const SLOTS = 2

interface Change extends Partial<Submission['request']> {
  readonly header?: string
  /** Which key signs, from 1. */
  readonly signedBy?: number
}

/** The world of collectors with an anchor chain in it, whose blocks come when the test says so. */
export function createAnchoredWorld(change: Partial<MarketState> = {}) {
  const world = createWorld()
  const { clock } = world
  const market = marketOf({ snapshotWindowBlocks: WINDOW_BLOCKS, epochManager: MANAGER, ...change })
  const chain = createFakeChain({
    clock,
    market,
    signers: SIGNERS.slice(0, SLOTS).map(({ address }) => address),
    pollMs: 500,
    reorgDepthMax: 127,
  })
  const sender = chain.sender({ address: MANAGER, journal: createFakeStore() })
  const hasher = createSubmissionHasher(chain)
  let epochs = 0
  let release: BlockRef | undefined

  /** A block a second, on the chain's clock as on all others. */
  async function mine(count = 1): Promise<void> {
    for (let mined = 0; mined < count; mined += 1) {
      chain.mine()
      await clock.advance(1_000)
    }
  }

  async function releaseNext(): Promise<EpochId> {
    const begin = (10 * epochs + 1) as BlockNumber
    epochs += 1
    const sent = sender.send(`release ${epochs}`, { kind: 'releaseEpoch', begin, end: (begin + 9) as BlockNumber }, world.stopping.signal)
    await clock.runUntil(() => chain.pendingCount() > 0, { limitMs: 5_000 })
    await mine()
    await clock.runUntil(sent, { limitMs: 5_000 })
    release = await chain.head()
    return epochs as EpochId
  }

  /** As the signer of the slot would send it. */
  function signed(slotId: number, projectId = 'pairs:0x01:N', { header, signedBy = slotId, ...request }: Change = {}): Submission {
    const asked = {
      slotId: slotId as SlotId,
      deadlineBlock: ((release?.number ?? 0) + 500) as BlockNumber,
      snapshotCid: unsigned(1).request.snapshotCid as Cid,
      epochId: epochs as EpochId,
      projectId: projectId as ProjectId,
      ...request,
    }
    const signature = SIGNERS[signedBy - 1]?.sign(hasher.digest(asked)) ?? ''
    return { ...unsigned(1), request: asked, signature, header: header ?? release?.hash ?? '', dataMarket: chain.dataMarket }
  }

  /** A collector that checks against the chain. `through`: what it has for a recoverer instead. */
  async function collector(addresses: readonly string[], options: CollectorSetUp = {}, through: Partial<typeof recoverer> = {}) {
    const one = await world.collector(addresses, {
      ...options,
      anchor: { chain: chain.connect(), recoverer: { ...recoverer, ...through } },
    })
    return {
      ...one,
      /** Resolves when the chain was followed up to its head. */
      async ready(): Promise<void> {
        one.start()
        await clock.runUntil(() => one.role.stats().isReady, { limitMs: 5_000 })
      },
    }
  }

  return { ...world, chain, mine, releaseNext, signed, collector }
}
