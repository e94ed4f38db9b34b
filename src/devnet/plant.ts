import type { Cid, ProjectId, SlotId } from '#domain/ids.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import type { DevAccount } from './accounts.ts'
import { cast, type Vote } from './attacker.ts'
import { FAULT_EPOCH, type FaultName } from './fault-names.ts'
import { delayed, type FaultWatch, type Planted, type Released } from './fault.ts'
import type { Ground } from './ground.ts'
import { createLiar } from './lying-sequencer.ts'
import type { NetworkRoles } from './roles.ts'

/** How long a silent sequencer is away: an epoch of the devnet, and longer than its submission window. */
const SILENT_MS = 6_000
const FLOOD_PROJECTS = 200

/** What acts when the epoch of the fault is released. */
export interface Acting {
  readonly chain: AnchorChain
  readonly roles: NetworkRoles
  readonly step: FaultWatch['step']
}

export interface Planting extends Pick<Planted, 'outside' | 'computes'> {
  act(epoch: Released, acting: Acting): Promise<void>
}

/** Prepares the fault in a network whose roles are still to be started. */
export function plant(fault: FaultName, ground: Ground, projects: readonly ProjectId[]): Planting {
  switch (fault) {
    case 'lying-sequencer':
      return lies(ground)
    case 'silent-sequencer':
      return { act: silence }
    case 'project-flood':
      return { act: (epoch, acting) => flood(epoch, ground, acting) }
    case 'unavailable-data':
      return withoutData(ground, projects)
  }
}

/** One lie after the other, each told in its epoch. */
function lies({ honestSeats }: Ground): Planting {
  let tell: FaultWatch['step'] = () => undefined
  const [dropped, spoilt] = honestSeats.map(([slotId]) => slotId as SlotId) as [SlotId, SlotId]
  return {
    outside: createLiar({ dropped, spoilt, tell: (epochId, lie) => tell('planted', lie, epochId) }),
    act: async (_, { step }) => {
      tell = step
    },
  }
}

async function silence(_: Released, { roles, step }: Acting): Promise<void> {
  step('planted', `the sequencer is stopped for ${SILENT_MS / 1_000} s`)
  await roles.silenceSequencer(SILENT_MS)
  step('back', 'the sequencer is back, and finishes what its windows still allow')
}

/** One slot of one honest key: nobody stands beside it on what it makes up. */
async function flood({ epochId, block }: Released, { cast: { honest }, honestSeats, manifest }: Ground, acting: Acting): Promise<void> {
  const slotId = honestSeats[0]?.[0] as SlotId
  const snapshotCid = await nobodysCid('flood')
  const votes = Array.from({ length: FLOOD_PROJECTS }, (_, index): Vote => {
    const projectId = `madeup:0x${String(index).padStart(40, '0')}:${manifest.namespace}` as ProjectId
    return { slotId, account: honest, projectId, snapshotCid }
  })
  acting.step('planted', `slot ${slotId} votes on ${FLOOD_PROJECTS} projects that it has made up`)
  await castAndTell(votes, { epochId, release: block }, acting)
}

/** All slots vote for one CID of a project of the market before those who work for them do: it wins, and nobody has its bytes. */
function withoutData({ cast: { honest, liar }, honestSeats, lyingSlots }: Ground, projects: readonly ProjectId[]): Planting {
  const projectId = projects[0] as ProjectId
  const { promise: isDone, resolve } = Promise.withResolvers<void>()
  const votesOf = (slotIds: readonly number[], account: DevAccount, snapshotCid: Cid): Vote[] =>
    slotIds.map((slotId) => ({ slotId: slotId as SlotId, account, projectId, snapshotCid }))
  return {
    computes: (computes) => delayed(computes, projectId, isDone),
    async act({ epochId, block }, acting) {
      try {
        const snapshotCid = await nobodysCid('nowhere')
        const votes = [...votesOf(honestSeats.flat(), honest, snapshotCid), ...votesOf(lyingSlots, liar, snapshotCid)]
        acting.step('planted', `${votes.length} slots vote for ${snapshotCid} as ${projectId}, whose bytes nobody has`)
        await castAndTell(votes, { epochId, release: block }, acting)
      } finally {
        resolve()
      }
    },
  }
}

async function castAndTell(votes: readonly Vote[], at: Parameters<typeof cast>[1], { chain, roles, step }: Acting): Promise<void> {
  const receipts = await cast(votes, at, { chain, sequencer: roles.sequencerPlaces[0] ?? '' })
  const told = Object.entries(receipts).map(([code, count]) => `${count} ${code}`)
  step('answered', `the sequencer's receipts: ${told.join(', ')}`)
}

/** Of bytes that are stored nowhere. */
const nobodysCid = (what: string): Promise<Cid> => snapshotCidOf(new TextEncoder().encode(`epoch ${FAULT_EPOCH}, ${what}`))
