import { createHash } from 'node:crypto'
import type { Address } from '#domain/ids.ts'
import type { ApiOutput, Batch, Epoch, Point, Project, Slot, SlotEpoch, Vote } from '#wire/api.ts'
import { AAVE_V3, addressOf, chance, EPOCH_BLOCKS, NAMESPACE, type Scripted, textOf, UNISWAP } from './snapshots.ts'

/** A market as an api would tell of it: a hundred epochs behind it, one under way, which moves on when a test says so. */

const EPOCH_SECONDS = 24
const SLOTS = 24
/** Votes for its own data, now and then. */
const LIAR = 7
/** Misses every third epoch. */
const LAZY = 13
const IDLE = 21
const PROVEN = { projectType: 'pair', namespace: 'PROOF', kind: 'unknown' } as const

/** How far the newest epoch is. */
const STAGES = ['open', 'pending', 'finalized'] as const

export interface WorldOptions {
  readonly epochs: number
  readonly hasAave: boolean
  /** Seconds since the Unix epoch. */
  readonly now: number
  /** Of the proof vectors: the market is theirs, and their project is among its own. */
  readonly proofs: readonly { readonly projectId: string; readonly epochId: number; readonly dataMarket: string }[]
}

const cidOf = (text: string): string =>
  `bafkrei${[...createHash('sha256').update(text).digest()].map((byte) => 'abcdefghijklmnopqrstuvwxyz234567'[byte & 31]).join('')}${'a'.repeat(20)}`

export type World = ReturnType<typeof createWorld>

export function createWorld({ epochs, hasAave, now, proofs }: WorldOptions) {
  let newest = epochs
  let stage: (typeof STAGES)[number] = 'open'
  const scripted: readonly Scripted[] = [...UNISWAP, ...(hasAave ? AAVE_V3 : [])]
  const byId = new Map(scripted.map((project) => [project.projectId, project]))
  const begin = now - epochs * EPOCH_SECONDS - 6
  const releasedAt = (epochId: number): number => begin + epochId * EPOCH_SECONDS
  const stageOf = (epochId: number): (typeof STAGES)[number] => (epochId < newest ? 'finalized' : stage)
  const votesIn = (slotId: number, epochId: number): boolean => slotId !== IDLE && !(slotId === LAZY && epochId % 3 === 0)
  const lies = (slotId: number, epochId: number): boolean => slotId === LIAR && chance(`liar ${epochId}`) < 0.3
  const slots = Array.from({ length: SLOTS }, (_, index) => index + 1)
  const voters = (epochId: number): number[] => slots.filter((slotId) => votesIn(slotId, epochId))
  const batchCid = (epochId: number): string => cidOf(`batch ${epochId}`)

  function point(projectId: string, epochId: number): Point {
    const project = byId.get(projectId)
    const reason = project === undefined ? 'project_unknown' : epochId > newest ? 'epoch_not_released' : 'epoch_open'
    if (project === undefined || epochId > newest || stageOf(epochId) === 'open')
      return { projectId, epochId, status: 'absent', reason: { code: reason, message: 'There is none yet.', newestEpochId: newest } }
    const text = textOf(project, epochId)
    const all = voters(epochId)
    return {
      projectId,
      epochId,
      status: stageOf(epochId) === 'finalized' ? 'finalized' : 'pending',
      begin: (epochId - 1) * EPOCH_BLOCKS + 1,
      end: epochId * EPOCH_BLOCKS,
      releasedAt: releasedAt(epochId),
      snapshotCid: cidOf(text),
      batchCid: batchCid(epochId),
      ...(stageOf(epochId) === 'finalized' && { finalizedBlock: 1_000 + epochId * 8, finalizedAt: releasedAt(epochId) + 17 }),
      votes: { winning: all.filter((slotId) => !lies(slotId, epochId)).length, total: all.length },
      text,
    }
  }

  function epoch(epochId: number): Epoch {
    const at = stageOf(epochId)
    const isOpen = at === 'open'
    return {
      epochId,
      begin: (epochId - 1) * EPOCH_BLOCKS + 1,
      end: epochId * EPOCH_BLOCKS,
      day: 1 + Math.floor(epochId / 100),
      releasedBlock: 1_000 + epochId * 8,
      releasedAt: releasedAt(epochId),
      ...(at === 'finalized' && {
        finalizedAt: releasedAt(epochId) + 17,
        endedBlock: 1_006 + epochId * 8,
        endedAt: releasedAt(epochId) + 20,
      }),
      status: at,
      batches: isOpen ? 0 : 1,
      projects: isOpen ? 0 : scripted.length,
      finalizedProjects: at === 'finalized' ? scripted.length : 0,
      submissions: isOpen ? 0 : voters(epochId).length * scripted.length,
      slots: isOpen ? 0 : voters(epochId).length,
      outvotedSlots: isOpen ? 0 : voters(epochId).filter((slotId) => lies(slotId, epochId)).length,
    }
  }

  function batches(epochId: number): Batch[] {
    const at = stageOf(epochId)
    if (at === 'open') return []
    const submittedAt = releasedAt(epochId) + 11 + 3 * chance(`${epochId} submitted`)
    const isFinal = at === 'finalized'
    return [
      {
        batchCid: batchCid(epochId),
        epochId,
        index: 0,
        status: isFinal ? 'finalized' : 'pending',
        anchoring: 'projects',
        submittedBlock: 1_004 + epochId * 8,
        submittedAt,
        ...(isFinal && { finalizedBlock: 1_005 + epochId * 8, finalizedAt: releasedAt(epochId) + 17 }),
        attestations: validators.slice(0, isFinal ? 5 : 2).map((validator, index) => ({
          validator,
          block: 1_005 + epochId * 8 + index,
          at: submittedAt + (isFinal ? 1.5 + index + 2 * chance(`${epochId} ${index}`) : 1),
          isLate: index === 4 && epochId % 9 === 0,
        })),
        file: 'read',
        projects: scripted.length,
        submissions: voters(epochId).length * scripted.length,
        bytes: 71_204,
        submissionsRoot: `0x${'ab'.repeat(32)}`,
        cidsRoot: `0x${'cd'.repeat(32)}`,
      },
    ]
  }
  const validators = Array.from({ length: 5 }, (_, index) => addressOf(`validator ${index}`) as Address)

  function votes(projectId: string, epochId: number): Vote[] {
    const { snapshotCid = '' } = point(projectId, epochId)
    return voters(epochId).map((slotId) => ({
      submissionId: `${epochId} ${slotId} ${projectId}`,
      slotId,
      projectId,
      snapshotCid: lies(slotId, epochId) ? cidOf(`lie ${projectId} ${epochId}`) : snapshotCid,
      isWinning: !lies(slotId, epochId),
    }))
  }

  /** Projects about which the liar lies. */
  const lied = scripted.slice(0, 3)
  const outvoted = (epochId: number): Vote[] =>
    stageOf(epochId) === 'open' ? [] : lied.flatMap(({ projectId }) => votes(projectId, epochId).filter(({ isWinning }) => !isWinning))

  function project({ valueAt: _, sources: __, ...known }: Scripted): Project {
    const last = stage === 'open' ? newest - 1 : newest
    return { ...known, firstEpochId: 1, lastEpochId: last, lastFinalizedEpochId: stage === 'finalized' ? newest : newest - 1 }
  }

  const ended = (): number[] => Array.from({ length: Math.min(100, newest - 1) }, (_, index) => newest - 1 - index)

  function slot(slotId: number): Slot {
    const [all, voted] = [ended(), ended().filter((epochId) => votesIn(slotId, epochId))]
    const perEpoch = scripted.length
    const lost = voted.filter((epochId) => lies(slotId, epochId)).length * lied.length
    const broken = all.findIndex((epochId) => !votesIn(slotId, epochId) || lies(slotId, epochId))
    return {
      slotId,
      signer: addressOf(`slot ${slotId}`) as Address,
      isActive: slotId !== IDLE,
      ...(voted[0] !== undefined && { lastEpochId: voted[0] }),
      recent: { epochs: all.length, voted: voted.length, votes: voted.length * perEpoch, winning: voted.length * perEpoch - lost },
      streak: broken === -1 ? all.length : broken,
      day: { day: 2, submissions: Math.min(voted.length, 40) * perEpoch, quota: 900, isRewarded: voted.length > 35 },
    }
  }

  function slotEpochs(slotId: number): SlotEpoch[] {
    return ended()
      .filter((epochId) => votesIn(slotId, epochId))
      .map((epochId) => {
        const lost = lies(slotId, epochId) ? lied.map(({ projectId }) => projectId) : []
        return { epochId, at: releasedAt(epochId), votes: scripted.length, winning: scripted.length - lost.length, outvoted: lost }
      })
  }

  return {
    scripted,
    slots,
    newest: () => newest,
    point,
    epoch,
    detail: (epochId: number): ApiOutput<'epoch'> => ({ ...epoch(epochId), batchList: batches(epochId) }),
    batches,
    votes,
    outvoted,
    projects: (): Project[] =>
      [
        ...scripted.map(project),
        ...[...new Set(proofs.map(({ projectId }) => projectId))].map((projectId) => ({
          ...PROVEN,
          projectId,
          dataSource: projectId.split(':')[1] ?? '',
          firstEpochId: 1,
          lastEpochId: 3,
          lastFinalizedEpochId: 2,
        })),
      ].toSorted((left, right) => (left.projectId < right.projectId ? -1 : 1)),
    sources: (projectId: string, epochId: number) => byId.get(projectId)?.sources(epochId) ?? [],
    slot,
    slotEpochs,
    /** The next step of the newest epoch, or, behind its last one, the release of the next. */
    advance(): Epoch {
      const next = STAGES[STAGES.indexOf(stage) + 1]
      if (next === undefined) newest += 1
      stage = next ?? 'open'
      return epoch(newest)
    },
    status: (): ApiOutput<'status'> => ({
      version: '0.1.0',
      anchorChainId: 31_337,
      protocolState: addressOf('protocol state') as Address,
      dataMarket: (proofs[0]?.dataMarket ?? addressOf('market')) as Address,
      indexed: { block: 1_000 + newest * 8, at: releasedAt(newest) + 4 },
      head: 1_000 + newest * 8,
      newestEpochId: newest,
      epochs: newest,
      projects: scripted.length,
      points: scripted.length * newest,
      unavailable: 2,
    }),
    market: (): ApiOutput<'market'> => ({
      dataMarket: (proofs[0]?.dataMarket ?? addressOf('market')) as Address,
      protocolState: addressOf('protocol state') as Address,
      anchorChainId: 31_337,
      sourceChainId: 1,
      epochSize: EPOCH_BLOCKS,
      sourceBlockTimeSeconds: 12,
      snapshotWindowBlocks: 4,
      batchWindowBlocks: 6,
      attestationWindowBlocks: 10,
      attestationsMin: 3,
      sequencers: [addressOf('sequencer') as Address],
      validators,
      manifestCid: cidOf('manifest'),
      manifest: { namespace: NAMESPACE },
    }),
    refusals: (): ApiOutput<'refusals'> => ({
      sequencers: 1,
      answered: 1,
      items: [newest, newest - 1, newest - 2].map((epochId) => ({
        epochId,
        accepted: epoch(epochId).submissions,
        refused:
          epochId % 2 === 0
            ? []
            : [
                { code: 'window_closed', count: 5, help: 'The submission window of the epoch is over.' },
                { code: 'vote_conflict', count: 1 },
              ],
      })),
    }),
    validators: (): ApiOutput<'validators'> => ({
      items: validators.map((validator, index) => ({
        validator,
        attested: 100 - index * index,
        late: index === 4 ? 11 : 0,
        batches: 100,
        lastAt: releasedAt(newest - 1) + 15 + index,
      })),
    }),
  }
}
