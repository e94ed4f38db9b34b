import { useDeferredValue, useState } from 'react'
import type { Project } from '#wire/api.ts'
import { useList } from '../data/use-list.ts'
import { integer } from '../format.ts'
import { to } from '../router.ts'
import { Badge } from '../ui/badge.tsx'
import { Broken, Empty, Head, Loaded, Name, Panel, ProofLink } from '../ui/parts.tsx'
import { type Column, More, Table } from '../ui/table.tsx'

/** All projects, and those in whose id something stands. */
export function ProjectsPage() {
  const [text, setText] = useState('')
  const search = useDeferredValue(text.trim())
  const projects = useList('projects', { limit: 50, ...(search !== '' && { search }) })
  return (
    <>
      <Head title="Projects">
        <p>Each is one series of data: a type, and, where the type has many, the contract or wallet that it is about.</p>
      </Head>
      <Panel>
        <div className="panel-head">
          <label className="labelled search">
            Search by type, contract or any part of an id
            <input
              className="field"
              type="search"
              value={text}
              maxLength={256}
              placeholder="trade_volume, 0xb4e1…"
              onChange={(event) => setText(event.target.value)}
            />
          </label>
        </div>
        <Loaded of={projects}>
          {({ items, hasMore }) =>
            items.length === 0 ? (
              <Empty title={search === '' ? 'No batch has named a project yet' : 'No project has this in its id'}>
                {search === '' ? 'The first epoch that becomes final brings some.' : 'A shorter piece of it may find more.'}
              </Empty>
            ) : (
              <Table caption="Projects" rows={items} keyOf={({ projectId }) => projectId} columns={COLUMNS}>
                <More hasMore={hasMore} onMore={projects.more} />
              </Table>
            )
          }
        </Loaded>
      </Panel>
    </>
  )
}

const KINDS = {
  snapshot: ['base', 'Made from blocks of the source chain.'],
  single: ['aggregate', 'Made from one project over several epochs.'],
  multi: ['aggregate of many', 'Made from several projects.'],
  unknown: ['unknown', 'This api has no compute that names the type: a set of a folder it is given with --computes.'],
} as const

export const Kind = ({ of }: { readonly of: Project['kind'] }) => <Badge title={KINDS[of][1]}>{KINDS[of][0]}</Badge>

const COLUMNS: readonly Column<Project>[] = [
  {
    name: 'Type',
    isRowHead: true,
    by: ({ projectType }) => projectType,
    cell: ({ projectId, projectType }) => (
      <a href={to('projects', projectId)} title={projectId}>
        <Broken text={projectType} />
      </a>
    ),
  },
  {
    name: 'Source',
    by: ({ dataSource = '' }) => dataSource,
    cell: ({ dataSource }) => (dataSource === undefined ? '–' : <Name text={dataSource} />),
  },
  { name: 'Kind', isWide: true, by: ({ kind }) => kind, cell: ({ kind }) => <Kind of={kind} /> },
  {
    name: 'Since epoch',
    isNumber: true,
    isWide: true,
    by: ({ firstEpochId }) => firstEpochId,
    cell: ({ firstEpochId }) => integer(firstEpochId),
  },
  {
    name: 'Final in',
    isNumber: true,
    by: ({ lastFinalizedEpochId = 0 }) => lastFinalizedEpochId,
    cell: ({ lastFinalizedEpochId }) => (lastFinalizedEpochId === undefined ? '–' : integer(lastFinalizedEpochId)),
  },
  {
    name: 'Proof',
    isNumber: true,
    cell: ({ projectId, lastFinalizedEpochId }) =>
      lastFinalizedEpochId === undefined ? '' : <ProofLink projectId={projectId} epochId={lastFinalizedEpochId} />,
  },
]
