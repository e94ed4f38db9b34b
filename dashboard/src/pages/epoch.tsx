import type { Batch, Point, Vote } from '#wire/api.ts'
import type { EpochDetail } from '../data/stages.ts'
import { isMissing, useAnswer } from '../data/use-answer.ts'
import { useList } from '../data/use-list.ts'
import { integer, plural, share } from '../format.ts'
import { to } from '../router.ts'
import { Status } from '../ui/badge.tsx'
import { Empty, Figure, Figures, FiguresSkeleton, Head, Loaded, Name, Panel, ProjectLink, ProofLink } from '../ui/parts.tsx'
import { type Column, More, Table } from '../ui/table.tsx'
import { Ago } from '../ui/time.tsx'
import { Timeline } from './timeline.tsx'

/** One epoch: its batches, what they made final, and whose votes lost. */
export function EpochPage({ epochId }: { readonly epochId: number }) {
  const epoch = useAnswer('epoch', { epochId })
  return (
    <>
      <Head title={`Epoch ${integer(epochId)}`} crumb={<a href={to()}>Network</a>}>
        <p>
          {epochId > 1 && <a href={to('epochs', epochId - 1)}>Epoch {integer(epochId - 1)}</a>}
          {epochId > 1 && ' · '}
          <a href={to('epochs', epochId + 1)}>Epoch {integer(epochId + 1)}</a>
        </p>
      </Head>
      <Loaded of={epoch} skeleton={<FiguresSkeleton labels={['Status', 'Source blocks', 'Projects', 'Votes', 'Outvoted slots']} />}>
        {(told) => (
          <>
            <Overview of={told} />
            <Panel title="Timeline">
              <Timeline epochs={[told]} />
            </Panel>
            <Batches of={told} />
          </>
        )}
      </Loaded>
      {!isMissing(epoch) && (
        <>
          <LostVotes epochId={epochId} epoch={epoch.value} />
          <Points epochId={epochId} epoch={epoch.value} />
        </>
      )}
    </>
  )
}

function Overview({ of: told }: { readonly of: EpochDetail }) {
  return (
    <Figures>
      <Figure
        label="Status"
        value={<Status of={told.status} />}
        note={
          <>
            released <Ago at={told.releasedAt} />
          </>
        }
      />
      <Figure
        label="Source blocks"
        value={integer(told.end)}
        note={`from ${integer(told.begin)}, ${plural(told.end - told.begin + 1, 'block')}`}
      />
      <Figure label="Projects" value={integer(told.projects)} note={`${integer(told.finalizedProjects)} final`} />
      <Figure label="Votes" value={integer(told.submissions)} note={`of ${plural(told.slots, 'slot')}`} />
      <Figure label="Outvoted slots" value={integer(told.outvotedSlots)} note={share(told.outvotedSlots, told.slots)} />
    </Figures>
  )
}

function Batches({ of: { batchList, status } }: { readonly of: EpochDetail }) {
  return (
    <Panel title="Batches">
      {batchList.length === 0 ? (
        <Empty title="No batch came">{status === 'open' ? 'The window is still open.' : 'Nothing of this epoch was anchored.'}</Empty>
      ) : (
        <Table caption="Batches" rows={batchList} keyOf={({ batchCid, index }) => `${index} ${batchCid}`} columns={BATCH_COLUMNS} />
      )}
    </Panel>
  )
}

interface OfEpoch {
  readonly epochId: number
  readonly epoch: EpochDetail | undefined
}

function LostVotes({ epochId, epoch }: OfEpoch) {
  const outvoted = useList('epochOutvoted', { epochId, limit: 50 })
  return (
    <Panel title="Votes that lost">
      <Loaded of={outvoted}>
        {({ items, hasMore }) =>
          items.length === 0 ? (
            <Empty title="None">{epoch?.submissions === 0 ? 'No vote is in a batch of it.' : 'Every vote was for what won.'}</Empty>
          ) : (
            <Table
              caption="Votes that lost"
              rows={items}
              keyOf={({ submissionId, projectId }) => `${submissionId} ${projectId}`}
              columns={VOTE_COLUMNS}
            >
              <More hasMore={hasMore} onMore={outvoted.more} />
            </Table>
          )
        }
      </Loaded>
    </Panel>
  )
}

function Points({ epochId, epoch }: OfEpoch) {
  const points = useList('epochPoints', { epochId, limit: 50 })
  return (
    <Panel title="Data points">
      <Loaded of={points}>
        {({ items, hasMore }) =>
          items.length === 0 ? (
            <Empty title="None">{epoch?.status === 'open' ? 'They come with the first batch.' : 'No batch holds any.'}</Empty>
          ) : (
            <Table caption="Data points" rows={items} keyOf={({ projectId }) => projectId} columns={POINT_COLUMNS}>
              <More hasMore={hasMore} onMore={points.more} />
            </Table>
          )
        }
      </Loaded>
    </Panel>
  )
}

const FILES = {
  read: 'read',
  waiting: 'awaited',
  unavailable: 'nobody serves it',
  malformed: 'malformed',
} as const

const BATCH_COLUMNS: readonly Column<Batch>[] = [
  { name: 'Batch', isRowHead: true, cell: ({ batchCid }) => <Name text={batchCid} head={10} tail={6} /> },
  { name: 'Status', cell: ({ status }) => <Status of={status} /> },
  { name: 'File', isWide: true, cell: ({ file }) => FILES[file] },
  { name: 'Projects', isNumber: true, cell: ({ projects }) => (projects === undefined ? '–' : integer(projects)) },
  { name: 'Votes', isNumber: true, isWide: true, cell: ({ submissions }) => (submissions === undefined ? '–' : integer(submissions)) },
  {
    name: 'Attestations',
    isNumber: true,
    cell: ({ attestations }) => (
      <span title={attestations.map(({ validator, isLate }) => `${validator}${isLate ? ', late' : ''}`).join('\n')}>
        {integer(attestations.length)}
      </span>
    ),
  },
  { name: 'Anchored', isNumber: true, isWide: true, cell: ({ submittedAt }) => <Ago at={submittedAt} /> },
]

const POINT_COLUMNS: readonly Column<Point>[] = [
  { name: 'Project', isRowHead: true, cell: ({ projectId }) => <ProjectLink projectId={projectId} /> },
  { name: 'Status', cell: ({ status }) => <Status of={status} /> },
  {
    name: 'Snapshot',
    isWide: true,
    cell: ({ snapshotCid }) => (snapshotCid === undefined ? '–' : <Name text={snapshotCid} head={10} tail={6} />),
  },
  {
    name: 'Votes',
    isNumber: true,
    cell: ({ votes }) => (votes === undefined ? '–' : `${integer(votes.winning)} of ${integer(votes.total)}`),
  },
  { name: 'Proof', isNumber: true, cell: ({ projectId, epochId }) => <ProofLink projectId={projectId} epochId={epochId} /> },
]

const VOTE_COLUMNS: readonly Column<Vote>[] = [
  { name: 'Slot', isRowHead: true, by: ({ slotId }) => slotId, cell: ({ slotId }) => <a href={to('slots', slotId)}>Slot&nbsp;{slotId}</a> },
  { name: 'Project', cell: ({ projectId }) => <ProjectLink projectId={projectId} /> },
  { name: 'Voted for', isNumber: true, cell: ({ snapshotCid }) => <Name text={snapshotCid} head={10} tail={6} /> },
]
