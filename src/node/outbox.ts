import { basename } from 'node:path'
import { type Address, type EpochId, parseAddress, type SubmissionId } from '#domain/ids.ts'
import type { ReceiptCode } from '#domain/rejection.ts'
import type { VoteFate } from '#domain/submission.ts'
import { onDisk, replaceFile } from '#io/disk/disk.ts'
import { openSqliteCopy } from '#io/store/sqlite-copy.ts'
import type { Store } from '#io/store/port.ts'
import { type NotedVote, votesIn } from '#roles/collector/outbox.ts'
import { fateOf } from '#roles/snapshotter/fate.ts'
import { encodeReceiptFile as receiptText, type SignedReceipt } from '#wire/receipt-file.ts'
import { stateFile } from './home.ts'
import { homesIn } from './homes.ts'

export { receiptText }

/** A submission that a collector of this machine has taken, and what became of it. */
export interface OutboxLine extends NotedVote {
  /** Name of the collector's folder. */
  readonly role: string
  /** As the collector found in the batches, or the snapshotter of this machine that handed it over; `undefined` where neither has looked, or there is nothing to be told yet. */
  readonly fate: VoteFate | undefined
}

/** For everybody to read. */
const FILE_MODE = 0o644

/**
 * What the collectors in a data directory have on disk, whether they run or not, of all epochs or one: in the order of the epochs, collector by
 * collector. Ends what it opened. Throws `DATA_DIR_EMPTY`, and as `storeFailed`.
 */
export async function* outboxIn(dataDir: string, epochId?: EpochId): AsyncGenerator<OutboxLine> {
  const stores: { readonly role: string; readonly store: Store }[] = []
  try {
    for (const home of homesIn(dataDir)) stores.push({ role: basename(home), store: openSqliteCopy({ path: stateFile(home) }) })
    for (const { role, store } of stores)
      for (const vote of votesIn(store, epochId)) {
        const fate = vote.note.fate ?? stores.map((other) => fateOf(vote, other.store)).find((found) => found !== undefined)
        yield { ...vote, role, fate }
      }
  } finally {
    for (const { store } of stores) await store.close()
  }
}

/** Of which network the receipts are: a collector need not know. */
export interface ReceiptNetwork {
  readonly chainId: number
  readonly protocolState: string
}

/** The signed receipt of a submission, as a file holds it; `undefined` when it has none. */
export function receiptOf({ note, dataMarket, ...vote }: NotedVote, { chainId, protocolState }: ReceiptNetwork): SignedReceipt | undefined {
  const { evidence, lastCode, submissionId, header } = note
  if (evidence === undefined) return undefined
  const { epochId, slotId, projectId, snapshotCid } = vote
  const { deadlineBlock, siblings, ...proof } = evidence
  return {
    anchorChainId: chainId,
    protocolState: parseAddress(protocolState),
    dataMarket: dataMarket as Address,
    submissionId: submissionId as SubmissionId,
    request: { slotId, deadlineBlock, snapshotCid, epochId, projectId },
    header,
    code: lastCode as Extract<ReceiptCode, SignedReceipt['code']>,
    proof: { ...proof, siblings: Uint8Array.fromHex(siblings) },
  }
}

/** Whole or not at all. Throws as `storeFailed`. */
export const writeReceipt = (path: string, receipt: SignedReceipt): void =>
  onDisk(path, 'writing the receipt', () => replaceFile(path, receiptText(receipt), FILE_MODE))
