import type { BlockRef, ChainStep, ProtocolEvent } from '#domain/chain-step.ts'
import type { Address, BlockNumber, Cid, EpochId, Hash, ProjectId, SlotId, ContractNumber } from '#domain/ids.ts'
import type { BatchContent, IndexDatabase } from './port.ts'

/** A chain that tests write block by block, and may write again. Blocks are 10 s apart. */

export const MARKET = '31337/0xprotocol/0xmarket'
export const epoch = (id: number): EpochId => id as EpochId
export const slot = (id: number): SlotId => id as SlotId
export const project = (name: string): ProjectId => `reserves:${name}:ns` as ProjectId
export const cid = (name: string): Cid => `bafy${name}` as Cid
export const validator = (digit: string): Address => `0x${digit.repeat(40)}` as Address

export type Told =
  | readonly ['EpochReleased', number]
  | readonly ['DayStartedEvent', number]
  | readonly ['BatchSubmissionsCompleted', number]
  | readonly ['SnapshotBatchSubmitted' | 'SnapshotBatchFinalized' | 'TriggerBatchResubmission', number, string]
  | readonly ['SnapshotBatchAttestationSubmitted' | 'DelayedAttestationSubmitted', number, string, string]

/** A chain's hashes name the block alone: the same blocks come again after a rollback, as if nothing had happened. */
export function createChain() {
  let head: BlockRef | undefined
  return {
    get head() {
      return head
    },
    block(...told: readonly Told[]): ChainStep {
      const number = ((head?.number ?? 99) + 1) as BlockNumber
      const block: BlockRef = {
        number,
        contractNumber: number as number as ContractNumber,
        hash: `0xblock${number}` as Hash,
        parentHash: head?.hash ?? ('0xblock99' as Hash),
        timestamp: number * 10,
      }
      head = block
      const events = told.map(([kind, id, name, who], logIndex) => ({
        block,
        logIndex,
        transactionHash: '0xtransaction',
        kind,
        ...(kind === 'DayStartedEvent' ? { day: id } : { epochId: id }),
        ...(kind === 'EpochReleased' && { begin: id * 10, end: id * 10 + 9 }),
        ...(name !== undefined && { batchCid: cid(name) }),
        ...(who !== undefined && { validator: validator(who) }),
      }))
      return { kind: 'block', block, events: events as unknown as ProtocolEvent[] }
    },
    rollback(to: BlockRef): ChainStep {
      head = to
      return { kind: 'rollback', to }
    },
  }
}

/** A file in which slots 1 and 2 vote for each project's winner, and slot 3 for something else. */
export function content(entries: Readonly<Record<string, string>>, more: Partial<BatchContent> = {}): BatchContent {
  const names = Object.keys(entries)
  return {
    file: 'read',
    anchoring: 'projects',
    bytes: 1_000,
    submissions: names.length * 3,
    submissionsRoot: '0xsubmissions',
    cidsRoot: '0xcids',
    entries: names.map((name) => ({ projectId: project(name), snapshotCid: cid(String(entries[name])), votes: { winning: 2, total: 3 } })),
    slots: [1, 2, 3].map((id) => ({ slotId: slot(id), votes: names.length, winning: id === 3 ? 0 : names.length })),
    outvoted: names.map((name, index) => ({ position: index * 3 + 2, slotId: slot(3), projectId: project(name) })),
    ...more,
  }
}

/** The number of a batch that is anchored last under the name. */
export async function numberOf(database: IndexDatabase, name: string, epochId?: number): Promise<number> {
  const batch = await database.batch(cid(name), epochId as EpochId | undefined)
  if (batch === undefined) throw new Error(`no batch ${name}`)
  return batch.batchNo
}
