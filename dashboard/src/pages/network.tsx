import type { ApiOutput } from '#wire/api.ts'
import { useEpochs } from '../data/epochs.ts'
import { useAnswer } from '../data/use-answer.ts'
import { compact, integer, share } from '../format.ts'
import { to } from '../router.ts'
import { Empty, Figure, Figures, FiguresSkeleton, Head, Loaded, Name, Panel } from '../ui/parts.tsx'
import { type Column, Table } from '../ui/table.tsx'
import { Ago } from '../ui/time.tsx'
import { Market } from './market.tsx'
import { Outvoted } from './outvoted.tsx'
import { Refusals } from './refusals.tsx'
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
        <div className="stack">
          <Loaded of={epochs} skeleton={null}>
            {(items) => <Outvoted epochs={items} />}
          </Loaded>
          <Refusals />
        </div>
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
            <Table caption="Validators" rows={items} keyOf={({ validator }) => validator} columns={VALIDATOR_COLUMNS} />
          )
        }
      </Loaded>
    </Panel>
  )
}

type Validator = ApiOutput<'validators'>['items'][number]

const VALIDATOR_COLUMNS: readonly Column<Validator>[] = [
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
]
