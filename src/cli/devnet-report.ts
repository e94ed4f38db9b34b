import { printable } from '#domain/printable.ts'
import { byReason } from '#domain/project.ts'
import type { DevnetReport, EpochLine, Endpoint, UnfinishedEpoch } from '#devnet/report.ts'
import { COLUMNS, wrapped } from './words.ts'

/** Lines of JSON on stdout; what is under way goes to stderr. */
export function jsonReport({ stdout, stderr }: Pick<NodeJS.Process, 'stdout' | 'stderr'>): DevnetReport {
  return {
    progress: (text) => void stderr.write(`${text}\n`),
    ready: () => undefined,
    live: () => undefined,
    epoch: (line) => void stdout.write(`${JSON.stringify(line)}\n`),
    unfinished: (epoch) => void stderr.write(`${unfinished(epoch)}\n`),
    advice: (text) => void stderr.write(`${text}\n`),
    fault: (fault) => void stdout.write(`${JSON.stringify({ fault })}\n`),
    summary: (summary) => void stdout.write(`${JSON.stringify({ summary })}\n`),
  }
}

const HEADINGS = 'epoch  accepted  rejected  finalized  batches  attested  outvoted  final after'

/** For people: on a terminal that can take a line back, the epoch under way is shown as it goes. */
export function humanReport(stdout: Pick<NodeJS.WriteStream, 'write' | 'isTTY' | 'columns'>, terminal: string | undefined): DevnetReport {
  const isLive = stdout.isTTY === true && terminal !== 'dumb'
  const clear = isLive ? '\r\u001b[2K' : ''
  const say = (text: string): void => void stdout.write(`${clear}${text}\n`)
  return {
    progress: say,
    ready(places: readonly Endpoint[]) {
      const width = Math.max(...places.map(({ name }) => name.length))
      for (const { name, where } of places)
        for (const [index, place] of [where].flat().entries()) {
          const line = `  ${(index === 0 ? name : '').padEnd(width)}  ${place}`
          // What is to be pasted stays in one piece: on a line of its own, from its beginning.
          say(line.length <= COLUMNS ? line : `${index === 0 ? `  ${name}\n` : ''}${place}`)
        }
      say(`\n${HEADINGS}`)
    },
    live(line) {
      // A file gets each epoch once, when it is final. A line that wraps could not be taken back: what does not fit is left out.
      if (isLive)
        stdout.write(`${clear}${`${row(line)}${line.disputed > 0 ? `  ${line.disputed} disputed` : ''}  …`.slice(0, stdout.columns - 1)}`)
    },
    epoch(line) {
      say(row(line))
      if (line.missed.length > 0) say(missed(line))
      if (line.refuted > 0) say(`       refuted by a majority and corrected: ${line.refuted} ${line.refuted === 1 ? 'batch' : 'batches'}`)
    },
    unfinished: (epoch) => say(unfinished(epoch)),
    advice: (text) => say(wrapped(text)),
    fault: ({ epochId, step, detail }) => say(wrapped(`epoch ${epochId} ${step}: ${detail}`, '       ')),
    summary(summary) {
      const outvoted = summary.outvoted.map(({ slotId, epochs }) => `slot ${slotId} in ${counted(epochs)}`).join(', ')
      say(
        `\n${wrapped(`${counted(summary.epochs)} finalized: ${summary.accepted} submissions accepted, ${summary.rejected} rejected, ${summary.finalized} snapshots finalized and attested`)}`,
      )
      const { epochs, accepted } = summary.underWay
      if (epochs > 0) say(wrapped(`not counted: ${counted(epochs)} under way at the stop, with ${accepted} submissions accepted so far`))
      say(`outvoted: ${outvoted === '' ? 'nobody' : `${outvoted}; ${summary.outvotedSnapshots} of its snapshots lost`}`)
      for (const [code, count] of Object.entries(summary.rejections)) say(`rejected as ${code}: ${count}`)
      for (const epoch of summary.unfinished) say(unfinished(epoch))
    },
  }
}

const unfinished = ({ epochId, reason }: UnfinishedEpoch): string => `epoch ${epochId} was not finalized: ${reason}`
const counted = (epochs: number): string => `${epochs} ${epochs === 1 ? 'epoch' : 'epochs'}`

/** Of what an epoch missed below its row: reasons, and of each the projects that are named. A number stands for the others. */
const REASONS_MAX = 5
const NAMED_MAX = 3

function missed({ missed: projects }: EpochLine): string {
  const groups = byReason(projects)
  const lines = groups.slice(0, REASONS_MAX).map(([{ reason, detail }, alike]) => {
    const named = alike.slice(0, NAMED_MAX).map(({ projectId }) => projectId)
    const others = alike.length > named.length ? ` and ${alike.length - named.length} more` : ''
    return `       missed ${named.join(', ')}${others}: ${reason}${detail === '' ? '' : `: ${printable(detail)}`}`
  })
  const others = groups.slice(REASONS_MAX).reduce((sum, [, alike]) => sum + alike.length, 0)
  const isCut = others > 0 || groups.some(([, alike]) => alike.length > NAMED_MAX)
  return [
    ...lines,
    ...(others > 0 ? [`       and ${others} more, for other reasons`] : []),
    ...(isCut ? ['       --json lists them all'] : []),
  ].join('\n')
}

function row(line: EpochLine): string {
  const cells: readonly [string, number][] = [
    [String(line.epochId), 5],
    [String(line.accepted), 8],
    [String(line.rejected), 8],
    [`${line.finalized}/${line.projects}`, 9],
    [String(line.batches), 7],
    [String(line.attestations), 8],
    [String(line.outvotedSlots), 8],
    [line.releasedToFinalizedMs === 0 ? '' : `${line.releasedToFinalizedMs} ms`, 11],
  ]
  return cells.map(([text, width]) => text.padStart(width)).join('  ')
}
