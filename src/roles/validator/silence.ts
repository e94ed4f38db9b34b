import type { AnchorView } from '#domain/anchor-view.ts'
import type { Report } from '#domain/events.ts'
import type { EpochId } from '#domain/ids.ts'
import { type LaterWindows, isBatchWindowOver } from '#domain/window.ts'
import type { Hearsay } from './complete.ts'

/** Says once of an epoch that its batch window went by without a batch. Of one on which nobody was heard to vote a validator that listens says nothing. */
export function createSilence(deps: {
  readonly view: AnchorView
  readonly contract: LaterWindows
  readonly heard: Hearsay
  readonly isListening: boolean
  readonly report: Report
}): { look(): void } {
  const { view, contract, heard, isListening, report } = deps
  const told = new Set<EpochId>()
  return {
    look() {
      for (const epochId of told) if (view.epoch(epochId) === undefined) told.delete(epochId)
      for (const { epochId, release } of view.epochs()) {
        const isOver = isBatchWindowOver(release.contractNumber, view.head?.contractNumber, contract)
        if (!isOver || told.has(epochId) || view.rounds(epochId)?.hasBatch !== false) continue
        told.add(epochId)
        const votes = heard.of(epochId).length
        if (votes > 0 || !isListening) report('epoch_silent', { epochId, votes })
      }
    },
  }
}
