import type { ApiOutput } from '#wire/api.ts'
import { useAnswer } from '../data/use-answer.ts'
import { integer, plural, share } from '../format.ts'
import { to } from '../router.ts'
import { Empty, Loaded, Panel } from '../ui/parts.tsx'
import { type Column, Table } from '../ui/table.tsx'

/** What sequencers refused, by code: they alone know it, so that it is there only where the api was told of one. */
export function Refusals() {
  const refusals = useAnswer('refusals', {})
  const told = refusals.value
  const submissions = told === undefined ? 0 : told.items.reduce((sum, { accepted, refused }) => sum + accepted + countOf(refused), 0)
  return (
    <Panel
      title="Refused submissions"
      note={
        told === undefined || told.answered === 0 ? '' : `of ${plural(submissions, 'submission')} in ${plural(told.items.length, 'epoch')}`
      }
    >
      <Loaded of={refusals}>{(known) => <Codes of={known} rows={rowsOf(known)} submissions={submissions} />}</Loaded>
    </Panel>
  )
}

interface Row {
  readonly code: string
  readonly count: number
  /** What the code means. */
  readonly help?: string | undefined
  readonly lastEpochId: number
}

interface CodesProps {
  readonly of: ApiOutput<'refusals'>
  readonly rows: readonly Row[]
  readonly submissions: number
}

function Codes({ of: { sequencers, answered }, rows, submissions }: CodesProps) {
  if (sequencers === 0)
    return (
      <Empty title="No sequencer tells">
        Only sequencers know what they refused. Whoever runs this api names them with <code>--sequencer-http</code>.
      </Empty>
    )
  if (answered === 0) return <Empty title="The sequencer does not answer">It is asked again.</Empty>
  if (rows.length === 0) return <Empty title="None">Every submission for these epochs was taken.</Empty>
  const columns: readonly Column<Row>[] = [
    { name: 'Code', isRowHead: true, by: ({ code }) => code, cell: ({ code, help }) => <CodeName code={code} help={help} /> },
    { name: 'Refused', isNumber: true, by: ({ count }) => count, cell: ({ count }) => integer(count) },
    { name: 'Share', isNumber: true, isWide: true, cell: ({ count }) => share(count, submissions) },
    {
      name: 'Last in',
      isNumber: true,
      by: ({ lastEpochId }) => lastEpochId,
      cell: ({ lastEpochId }) => <a href={to('epochs', lastEpochId)}>{integer(lastEpochId)}</a>,
    },
  ]
  return <Table caption="Refused submissions by code" rows={rows} keyOf={({ code }) => code} columns={columns} />
}

const CodeName = ({ code, help }: Pick<Row, 'code' | 'help'>) => (
  <>
    <code>{code}</code>
    {help !== undefined && <span className="meaning">{help}</span>}
  </>
)

const countOf = (refused: readonly { readonly count: number }[]): number => refused.reduce((sum, { count }) => sum + count, 0)

/** By code, the most frequent first. */
function rowsOf({ items }: ApiOutput<'refusals'>): Row[] {
  const all = items.flatMap(({ epochId, refused }) => refused.map((each) => ({ ...each, epochId })))
  return [...Map.groupBy(all, ({ code }) => code)]
    .map(([code, some]) => ({
      code,
      help: some[0]?.help,
      count: countOf(some),
      lastEpochId: Math.max(...some.map(({ epochId }) => epochId)),
    }))
    .toSorted((left, right) => right.count - left.count)
}
