import type { EpochDetail } from '../data/stages.ts'
import { useWork } from '../data/use-answer.ts'
import { read } from '../data/use-list.ts'
import { integer } from '../format.ts'
import { to } from '../router.ts'
import { Empty, Loaded, Panel } from '../ui/parts.tsx'
import { type Column, Table } from '../ui/table.tsx'

interface Loser {
  readonly slotId: number
  readonly votes: number
  readonly epochs: number
  readonly lastEpochId: number
}

/** Votes of an epoch that are read, at most. */
const LOST_VOTES = 200

/** Slots whose votes were for other data than what won. */
export function Outvoted({ epochs }: { readonly epochs: readonly EpochDetail[] }) {
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
            <Table caption="Outvoted slots" rows={rows} keyOf={({ slotId }) => slotId} columns={COLUMNS} />
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

const COLUMNS: readonly Column<Loser>[] = [
  {
    name: 'Slot',
    isRowHead: true,
    by: ({ slotId }) => slotId,
    cell: ({ slotId }) => <a href={to('slots', slotId)}>Slot&nbsp;{slotId}</a>,
  },
  { name: 'Lost votes', isNumber: true, by: ({ votes }) => votes, cell: ({ votes }) => integer(votes) },
  { name: 'In epochs', isNumber: true, by: ({ epochs }) => epochs, cell: ({ epochs }) => integer(epochs) },
  {
    name: 'Last in',
    isNumber: true,
    by: ({ lastEpochId }) => lastEpochId,
    cell: ({ lastEpochId }) => <a href={to('epochs', lastEpochId)}>{integer(lastEpochId)}</a>,
  },
]
