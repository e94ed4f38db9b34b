import type { ProjectId } from '#domain/ids.ts'
import type { ProjectReason } from '#domain/project.ts'

/** What the devnet tells while it runs. */

/** One epoch in numbers; the `--json` line. */
export interface EpochLine {
  readonly epochId: number
  /** Timestamp of the release block, Unix milliseconds. */
  readonly releasedAt: number
  readonly accepted: number
  /** Refused for good; what was asked to come again is not counted. */
  readonly rejected: number
  /** Projects of the data market. */
  readonly projects: number
  /** Of those, how many are FINALIZED on the anchor chain. */
  readonly finalized: number
  /** Those that are not, and why: a reason of the project, as far as the sequencer or the snapshotters know one; `detail` has the file and line of a compute that failed. */
  readonly missed: readonly { readonly projectId: ProjectId; readonly reason: ProjectReason; readonly detail?: string }[]
  readonly batches: number
  /** Batches that a majority of the validators refuted. */
  readonly refuted: number
  /** Projects that are disputed: their batch is refuted, and no other is final yet. */
  readonly disputed: number
  /** Validators that attested every batch of the epoch. */
  readonly attestations: number
  /** Slots of which at least one vote lost. */
  readonly outvotedSlots: number
  readonly releasedToFinalizedMs: number
  /** Anchor blocks from the close of the window to the last batch on chain, and from there to the last vote for one of them. */
  readonly blocksToAnchored?: number
  readonly blocksToAttested?: number
}

export interface DevnetSummary {
  readonly epochs: number
  readonly accepted: number
  readonly rejected: number
  readonly finalized: number
  readonly batches: number
  readonly attestations: number
  /** Votes that lost, over all slots. */
  readonly outvotedSnapshots: number
  /** Slots that lost votes, and in how many epochs. */
  readonly outvoted: readonly { readonly slotId: number; readonly epochs: number }[]
  /** Projects of finalized epochs that are not final, by reason. */
  readonly missed: Readonly<Partial<Record<ProjectReason, number>>>
  readonly rejections: Readonly<Record<string, number>>
  /** Epochs that ended otherwise, with the reason (G9); epochs still under way at the stop are not among them. */
  readonly unfinished: readonly UnfinishedEpoch[]
  /** Epochs that were still going at the stop, and what of theirs was accepted; in no other number. */
  readonly underWay: { readonly epochs: number; readonly accepted: number }
  readonly elapsedMs: number
}

/** An epoch that ended otherwise than final. */
export interface UnfinishedEpoch {
  readonly epochId: number
  readonly reason: string
}

/** One step of a fault that was planted, and of what heals it; the `--json` line is {"fault":…}. */
export interface FaultStep {
  readonly fault: string
  readonly epochId: number
  /** `planted`, `answered`, `back`, `anchored`, `disputed`, `corrected`, `evidence`, `final`, `epoch_over`, `healed`. */
  readonly step: string
  readonly detail: string
}

/** Where people look, by the name that the report gives it. */
export const DASHBOARD = 'dashboard'

/** Something that listens, and where. */
export interface Endpoint {
  readonly name: string
  /** More than one where it is reached in several ways. */
  readonly where: string | readonly string[]
}

export interface DevnetReport {
  progress(text: string): void
  ready(places: readonly Endpoint[]): void
  /** The newest epoch, while it is still under way. */
  live(line: EpochLine): void
  /** A finalized epoch, once, in the order of their ids. */
  epoch(line: EpochLine): void
  /** An epoch that ended otherwise, once, among them. */
  unfinished(epoch: UnfinishedEpoch): void
  /** This machine is not fast enough: as soon as it shows, once, and at the end with all figures. */
  advice(text: string): void
  /** Of a fault that was planted, as it happens. */
  fault(step: FaultStep): void
  summary(summary: DevnetSummary): void
}
