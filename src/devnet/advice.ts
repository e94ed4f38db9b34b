import { EPOCH_SIZE, WINDOWS } from './ground.ts'
import type { DevnetReport, DevnetSummary } from './report.ts'

/** Whoever sees projects missing on a busy machine must not look for a fault in the protocol. */
export function adviceAfter({ missed, rejections, epochs, unfinished }: DevnetSummary): string | undefined {
  const silent = unfinished.filter(({ reason }) => reason === 'no_submissions').length
  const projects = (missed.window_closed ?? 0) + (missed.not_submitted ?? 0) + (missed.hand_over_failed ?? 0)
  const submissions = rejections['window_closed'] ?? 0
  const late = [
    silent > 0 && `${silent} got no submission at all in time`,
    projects > 0 && `${counted(projects, 'project')} got no submission in time`,
    submissions > 0 && `${counted(submissions, 'submission')} came late (window_closed)`,
  ].filter((part) => part !== false)
  if (late.length === 0) return undefined
  return (
    `too slow: of ${counted(epochs + unfinished.length, 'epoch')} ${late.join(', ')}. ` +
    `An epoch of the devnet takes ${EPOCH_SIZE} s and its window is open for ${WINDOWS.snapshotBlocks} s: this machine is too slow or too busy for that. ` +
    'End other work on it, and run the devnet again.'
  )
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

/** The same report, which advises as soon as there is something to advise, once: who asked for a hundred epochs need not wait for the last. */
export function advising(report: DevnetReport, summary: () => DevnetSummary): DevnetReport {
  let isAdvised = false
  const advise = (): void => {
    const advice = isAdvised ? undefined : adviceAfter(summary())
    if (advice === undefined) return
    isAdvised = true
    report.advice(advice)
  }
  return {
    ...report,
    epoch(line) {
      report.epoch(line)
      advise()
    },
    unfinished(epoch) {
      report.unfinished(epoch)
      advise()
    },
  }
}
