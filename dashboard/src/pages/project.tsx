import { useState } from 'react'
import type { Point } from '#wire/api.ts'
import type { DataPoint } from '#client/client.ts'
import { addressOf, PATHS } from '#client/paths.ts'
import { client } from '../data/ask.ts'
import { firstNumber, seriesPath } from '../data/value.ts'
import { type Range, useSeries } from '../data/history.ts'
import { type Schema, writerOf } from '../data/units.ts'
import { useAnswer, useWork } from '../data/use-answer.ts'
import { integer, share } from '../format.ts'
import { to } from '../router.ts'
import { Status } from '../ui/badge.tsx'
import { Chart } from '../ui/chart.tsx'
import { Broken, Empty, Head, Loaded, Name, Panel, ProofLink } from '../ui/parts.tsx'
import { type Column, Table } from '../ui/table.tsx'
import { Ago } from '../ui/time.tsx'
import { Tree } from '../ui/tree.tsx'
import { Why } from '../ui/why.tsx'
import { Kind } from './projects.tsx'
import { Provenance } from './provenance.tsx'
import { RangeChoice } from './range-choice.tsx'
import { Votes } from './votes.tsx'

/** One project: what it says now, how that came about, and who said so. `path` is the field that is drawn. */
export function ProjectPage({ projectId, path: asked }: { readonly projectId: string; readonly path: string | undefined }) {
  const project = useAnswer('project', { projectId })
  const latest = useWork(`latest ${projectId}`, (signal) => client.project(projectId).latest({ signal }))
  const value = latest.value?.value
  const schema = project.value?.schema
  const path = asked ?? (value === undefined ? undefined : firstNumber(value))
  return (
    <>
      <Head title={<Broken text={projectId.split(':')[0] ?? ''} />} crumb={<a href={to('projects')}>Projects</a>}>
        <p className="row">
          {project.value !== undefined && <Kind of={project.value.kind} />}
          <span className="mono small wrap">{projectId}</span>
        </p>
        {project.value?.description !== undefined && <p>{project.value.description}</p>}
      </Head>
      <div className="columns aside">
        <Panel title="Newest final value">
          <Loaded of={latest}>
            {(point) => <Latest point={point} schema={schema} plotted={path} onPlot={(next) => show(projectId, seriesPath(next))} />}
          </Loaded>
        </Panel>
        {path !== undefined && <Drawn projectId={projectId} path={path} schema={schema} />}
      </div>
      <Epochs projectId={projectId} />
      {project.value !== undefined &&
        project.value.kind !== 'snapshot' &&
        latest.value !== undefined &&
        latest.value.status !== 'absent' && <Provenance projectId={projectId} epochId={latest.value.epochId} />}
    </>
  )
}

function show(projectId: string, path: string): void {
  window.history.replaceState(null, '', to('projects', projectId, path))
  window.dispatchEvent(new HashChangeEvent('hashchange'))
}

interface LatestProps {
  readonly point: DataPoint
  readonly schema: Schema
  readonly plotted: string | undefined
  readonly onPlot: (path: readonly string[]) => void
}

function Latest({ point, schema, plotted, onPlot }: LatestProps) {
  if (point.status === 'absent')
    return (
      <Empty title="Nothing of it is final">
        <Why of={point.reason} />
      </Empty>
    )
  return (
    <div className="panel-body stack">
      <p className="row small">
        <span>
          epoch <a href={to('epochs', point.epochId)}>{integer(point.epochId)}</a>
        </span>
        <Ago at={point.finalizedAt} />
        {point.snapshotCid !== undefined && <Name text={point.snapshotCid} head={10} tail={6} />}
        <ProofLink projectId={point.projectId} epochId={point.epochId} />
      </p>
      {point.value === undefined ? (
        <Empty title="Its bytes are not here">
          <Why of={point.reason} />
        </Empty>
      ) : (
        <Tree value={point.value} schema={schema} plotted={plotted} onPlot={onPlot} />
      )}
    </div>
  )
}

interface DrawnProps {
  readonly projectId: string
  readonly path: string
  readonly schema: Schema
}

function Drawn({ projectId, path, schema }: DrawnProps) {
  const [range, setRange] = useState<Range>({ last: 200 })
  const series = useSeries(projectId, path, range)
  const csv = addressOf(PATHS.series, { projectId, path, ...range, format: 'csv' })
  return (
    <Panel title={path.replaceAll('.', ' · ').replace(' · *', '')} note={<a href={csv}>CSV</a>}>
      <div className="panel-body stack">
        <RangeChoice range={range} onRange={setRange} />
        <Loaded of={series}>
          {(points) =>
            points.length === 0 ? (
              <Empty title="No number stands there">In none of these epochs.</Empty>
            ) : (
              <Chart label={path} points={points} write={writerOf(path.split('.'), schema)} projectId={projectId} height={240} />
            )
          }
        </Loaded>
      </div>
    </Panel>
  )
}

/** As many as a look takes in; older ones are in the chart. */
const EPOCHS_SHOWN = 12

function Epochs({ projectId }: { readonly projectId: string }) {
  const points = useAnswer('points', { projectId, last: EPOCHS_SHOWN, data: false })
  const [chosen, setChosen] = useState<number>()
  // The newest whose batch has been read: before that nobody can tell who voted.
  const shown = chosen ?? points.value?.items.findLast(({ votes }) => votes !== undefined)?.epochId
  const columns: readonly Column<Point>[] = [
    ...COLUMNS,
    {
      name: 'Who',
      isNumber: true,
      cell: ({ epochId }) => (
        <button type="button" className="button slim" aria-pressed={shown === epochId} onClick={() => setChosen(epochId)}>
          Votes
        </button>
      ),
    },
  ]
  return (
    <div className="columns two">
      <Panel title="Epochs" note="newest first">
        <Loaded of={points}>
          {({ items }) =>
            items.length === 0 ? (
              <Empty title="No batch has named it" />
            ) : (
              <Table caption="Epochs" rows={items.toReversed()} keyOf={({ epochId }) => epochId} columns={columns} />
            )
          }
        </Loaded>
      </Panel>
      {shown !== undefined && <Votes projectId={projectId} epochId={shown} />}
    </div>
  )
}

const COLUMNS: readonly Column<Point>[] = [
  { name: 'Epoch', isRowHead: true, cell: ({ epochId }) => <a href={to('epochs', epochId)}>{integer(epochId)}</a> },
  { name: 'Status', cell: ({ status }) => <Status of={status} /> },
  { name: 'Final', isWide: true, cell: ({ finalizedAt }) => <Ago at={finalizedAt} /> },
  {
    name: 'Votes',
    isNumber: true,
    cell: ({ votes }) =>
      votes === undefined ? (
        '–'
      ) : (
        <span title={share(votes.winning, votes.total)}>{`${integer(votes.winning)} of ${integer(votes.total)}`}</span>
      ),
  },
  { name: 'Proof', isNumber: true, cell: ({ projectId, epochId }) => <ProofLink projectId={projectId} epochId={epochId} /> },
]
