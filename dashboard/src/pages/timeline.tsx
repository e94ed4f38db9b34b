import { type EpochDetail, type Step, stepsOf } from '../data/stages.ts'
import { duration, integer } from '../format.ts'
import { to } from '../router.ts'
import { Status } from '../ui/badge.tsx'
import { Empty } from '../ui/parts.tsx'
import { Ago, useNow } from '../ui/time.tsx'

const WORDS = {
  submitted: ['Submitted', 'from the release until the last batch was on chain'],
  finalized: ['Finalized', 'until a majority of the validators had attested'],
  attested: ['Attested', 'until the last attestation came'],
} as const

/** Epochs as bars over one scale: what each took from its release on, step by step. */
export function Timeline({ epochs }: { readonly epochs: readonly EpochDetail[] }) {
  const now = useNow()
  if (epochs.length === 0) return <Empty title="No epoch has been released yet">The first one shows up here by itself.</Empty>
  const rows = epochs.map((epoch) => ({ epoch, steps: stepsOf(epoch), age: Math.max(0, now - epoch.releasedAt) }))
  // An epoch that hangs must not squeeze all others.
  const longest = Math.max(...rows.flatMap(({ steps }) => steps.map(({ to }) => to ?? 0)), 1)
  // Behind the longest there is room for how long it took.
  const scale = niceScale(longest * 1.1)
  return (
    <div className="timeline">
      <Legend />
      <ol>
        {rows.map(({ epoch, steps, age }) => (
          <li key={epoch.epochId}>
            <a className="epoch" href={to('epochs', epoch.epochId)}>
              {integer(epoch.epochId)}
            </a>
            <span className="when">
              <Ago at={epoch.releasedAt} />
            </span>
            <Track steps={steps} age={age} scale={scale} />
            <span className="counts">{countsOf(epoch)}</span>
            <Status of={epoch.status} />
          </li>
        ))}
      </ol>
      <div className="axis" aria-hidden="true">
        <div>
          {[0, 0.25, 0.5, 0.75, 1].map((part) => (
            <span key={part}>{duration(scale * part)}</span>
          ))}
        </div>
      </div>
    </div>
  )
}

function Legend() {
  return (
    <p className="legend">
      <span>Released</span>
      {Object.entries(WORDS).map(([stage, [word, meaning]]) => (
        <span key={stage} title={meaning}>
          <span aria-hidden="true">▸ </span>
          <i className={stage} /> {word}
        </span>
      ))}
    </p>
  )
}

function Track({ steps, age, scale }: { readonly steps: readonly Step[]; readonly age: number; readonly scale: number }) {
  const told = steps.map(
    ({ stage, from, to }) =>
      `${WORDS[stage][0]} ${to === undefined ? `for ${duration(Math.max(0, age - from))} so far` : `after ${duration(to - from)}`}`,
  )
  const last = steps.at(-1)
  return (
    <span className="track" role="img" aria-label={told.join(', ') || 'nothing came'} title={told.join('\n')}>
      {steps.map(({ stage, from, to }) => {
        const end = to ?? Math.max(age, from)
        const width = (Math.max(0, Math.min(end, scale) - from) / scale) * 100
        return (
          <span key={stage} className={`step ${stage} ${to === undefined ? 'open' : ''}`} style={{ width: `${width}%` }}>
            <span>{duration(end - from)}</span>
          </span>
        )
      })}
      {last?.to !== undefined && <span className="total">{duration(last.to)}</span>}
    </span>
  )
}

function countsOf({ submissions, finalizedProjects, projects, batches, outvotedSlots }: EpochDetail) {
  return (
    <>
      <span title="Submissions in its batches">{integer(submissions)} votes</span>
      <span title="Projects that are final, of those in its batches">
        {integer(finalizedProjects)}/{integer(projects)} projects
      </span>
      <span title="Batches">
        {integer(batches)} {batches === 1 ? 'batch' : 'batches'}
      </span>
      <span className={outvotedSlots > 0 ? 'lost' : ''} title="Slots of which at least one vote lost">
        {integer(outvotedSlots)} outvoted
      </span>
    </>
  )
}

const NICE_SECONDS = [
  4, 8, 12, 16, 20, 24, 32, 40, 48, 60, 80, 100, 120, 180, 240, 360, 480, 600, 1_200, 2_400, 3_600, 7_200, 14_400, 43_200, 86_400,
]
const niceScale = (seconds: number): number => NICE_SECONDS.find((candidate) => candidate >= seconds) ?? seconds
