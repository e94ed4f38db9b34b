import { useEpochs } from '../data/epochs.ts'
import type { EpochDetail } from '../data/stages.ts'
import { useAnswer, useWork } from '../data/use-answer.ts'
import { read } from '../data/use-list.ts'
import { compact, duration, integer, share } from '../format.ts'
import { to } from '../router.ts'
import { Empty, Figure, Figures, FiguresSkeleton, Head, Loaded, Name, Panel } from '../ui/parts.tsx'
import { Table } from '../ui/table.tsx'
import { Ago } from '../ui/time.tsx'
import { Timeline } from './timeline.tsx'

/** As many as fit a screen. */
const EPOCHS = 14

export function NetworkPage() {
  const epochs = useEpochs(EPOCHS)
  return (
    <>
      <Head title="Network">
        <p>Every epoch of the market, from its release to the last attestation. What is final carries a proof that this page can check.</p>
      </Head>
      <Overview />
      <Panel title="Epochs" note="newest first, times counted from the release">
        <Loaded of={epochs}>{(items) => <Timeline epochs={items} />}</Loaded>
      </Panel>
      <div className="columns two">
        <Validators />
        <Loaded of={epochs} skeleton={null}>
          {(items) => <Outvoted epochs={items} />}
        </Loaded>
      </div>
      <Market />
    </>
  )
}

function Overview() {
  const status = useAnswer('status', {})
  return (
    <Loaded of={status} skeleton={<FiguresSkeleton labels={['Newest epoch', 'Indexed block', 'Projects', 'Data points', 'Unavailable']} />}>
      {({ newestEpochId, epochs, indexed, head, projects, points, unavailable }) => (
        <Figures>
          <Figure
            label="Newest epoch"
            value={newestEpochId === undefined ? 'none yet' : <a href={to('epochs', newestEpochId)}>{integer(newestEpochId)}</a>}
            note={`${integer(epochs)} in the index`}
          />
          <Figure
            label="Indexed block"
            value={indexed === undefined ? '–' : integer(indexed.block)}
            note={indexed === undefined ? 'the index has just begun' : behind(indexed.block, head)}
          />
          <Figure label="Projects" value={<a href={to('projects')}>{integer(projects)}</a>} note="named by a batch so far" />
          <Figure label="Data points" value={compact(points)} title={integer(points)} note="snapshots of a project in an epoch" />
          <Figure
            label="Unavailable"
            value={integer(unavailable)}
            note={unavailable === 0 ? 'all snapshots are here' : 'snapshots that nobody has served yet'}
          />
        </Figures>
      )}
    </Loaded>
  )
}

function behind(block: number, head: number | undefined): string {
  if (head === undefined) return ''
  return head <= block ? 'at the head of the chain' : `${integer(head - block)} behind the head`
}

function Validators() {
  const validators = useAnswer('validators', {})
  return (
    <Panel title="Validators" note="attestations of the last 100 decided batches">
      <Loaded of={validators}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="The market has no validators" />
          ) : (
            <Table
              caption="Validators"
              rows={items}
              keyOf={({ validator }) => validator}
              columns={[
                { name: 'Validator', isRowHead: true, cell: ({ validator }) => <Name text={validator} /> },
                {
                  name: 'Attested',
                  isNumber: true,
                  by: ({ attested }) => attested,
                  cell: ({ attested, batches }) => `${integer(attested)} of ${integer(batches)}`,
                },
                { name: 'Share', isNumber: true, isWide: true, cell: ({ attested, batches }) => share(attested, batches) },
                { name: 'Late', isNumber: true, by: ({ late }) => late, cell: ({ late }) => integer(late) },
                { name: 'Last', isNumber: true, cell: ({ lastAt }) => <Ago at={lastAt} /> },
              ]}
            />
          )
        }
      </Loaded>
    </Panel>
  )
}

interface Loser {
  readonly slotId: number
  readonly votes: number
  readonly epochs: number
  readonly lastEpochId: number
}

/** Votes of an epoch that are read, at most. */
const LOST_VOTES = 200

function Outvoted({ epochs }: { readonly epochs: readonly EpochDetail[] }) {
  const ids = epochs.filter(({ outvotedSlots }) => outvotedSlots > 0).map(({ epochId }) => epochId)
  const losers = useWork(`outvoted ${ids}`, async (signal) => {
    const lists = await Promise.all(ids.map((epochId) => read('epochOutvoted', { epochId, limit: LOST_VOTES }, { pages: 1, signal })))
    return losersOf(lists.map(({ items }, index) => ({ epochId: ids[index] as number, slotIds: items.map(({ slotId }) => slotId) })))
  })
  return (
    <Panel title="Outvoted slots" note={`in the last ${epochs.length} epochs`}>
      <Loaded of={losers}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty title="None">Every vote in these epochs was for what was finalized.</Empty>
          ) : (
            <Table
              caption="Outvoted slots"
              rows={rows}
              keyOf={({ slotId }) => slotId}
              columns={[
                {
                  name: 'Slot',
                  isRowHead: true,
                  by: ({ slotId }) => slotId,
                  cell: ({ slotId }) => <a href={to('slots', slotId)}>Slot&nbsp;{slotId}</a>,
                },
                { name: 'Lost votes', isNumber: true, by: ({ votes }) => votes, cell: ({ votes }) => integer(votes) },
                { name: 'In epochs', isNumber: true, by: ({ epochs: count }) => count, cell: ({ epochs: count }) => integer(count) },
                {
                  name: 'Last in',
                  isNumber: true,
                  by: ({ lastEpochId }) => lastEpochId,
                  cell: ({ lastEpochId }) => <a href={to('epochs', lastEpochId)}>{integer(lastEpochId)}</a>,
                },
              ]}
            />
          )
        }
      </Loaded>
    </Panel>
  )
}

/** By slot, those with the most lost votes first. */
function losersOf(lists: readonly { readonly epochId: number; readonly slotIds: readonly number[] }[]): Loser[] {
  const losers = new Map<number, { votes: number; epochs: Set<number> }>()
  for (const { epochId, slotIds } of lists)
    for (const slotId of slotIds) {
      const loser = losers.get(slotId) ?? { votes: 0, epochs: new Set() }
      losers.set(slotId, { votes: loser.votes + 1, epochs: loser.epochs.add(epochId) })
    }
  return [...losers]
    .map(([slotId, { votes, epochs }]) => ({ slotId, votes, epochs: epochs.size, lastEpochId: Math.max(...epochs) }))
    .toSorted((left, right) => right.votes - left.votes)
}

function Market() {
  const market = useAnswer('market', {}, { isLive: false })
  return (
    <Loaded of={market} skeleton={null}>
      {(told) => {
        const blockTime = told.sourceBlockTimeSeconds
        return (
          <Panel title="Market" note={<Name text={told.dataMarket} />}>
            <dl className="facts">
              <Fact
                name="Epoch"
                value={`${integer(told.epochSize)} source blocks`}
                more={blockTime > 0 ? `about ${duration(told.epochSize * blockTime)}` : ''}
              />
              <Fact name="Snapshot window" value={`${integer(told.snapshotWindowBlocks)} blocks`} />
              <Fact name="Batch window" value={`${integer(told.batchWindowBlocks)} blocks`} />
              <Fact name="Attestation window" value={`${integer(told.attestationWindowBlocks)} blocks`} />
              <Fact
                name="Attestations at least"
                value={integer(told.attestationsMin)}
                more={`of ${integer(told.validators.length)} validators`}
              />
              <Fact name="Sequencers" value={integer(told.sequencers.length)} />
              <Fact name="Source chain" value={`chain ${told.sourceChainId}`} more={`anchored on chain ${told.anchorChainId}`} />
            </dl>
          </Panel>
        )
      }}
    </Loaded>
  )
}

function Fact({ name, value, more = '' }: { readonly name: string; readonly value: string; readonly more?: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {value} <span className="soft">{more}</span>
      </dd>
    </div>
  )
}
