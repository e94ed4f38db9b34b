import { useState } from 'react'
import type { Slot } from '#wire/api.ts'
import { useList } from '../data/use-list.ts'
import { integer, plural, share } from '../format.ts'
import { to } from '../router.ts'
import { Badge } from '../ui/badge.tsx'
import { Empty, Head, Loaded, Name, Panel } from '../ui/parts.tsx'
import { type Column, More, Table } from '../ui/table.tsx'

export function SlotsPage() {
  const slots = useList('slots', { limit: 100 })
  const [text, setText] = useState('')
  const go = (event: React.FormEvent): void => {
    event.preventDefault()
    if (/^\d+$/.test(text.trim())) window.location.hash = to('slots', Number(text))
  }
  return (
    <>
      <Head title="Slots">
        <p>Each slot is the seat of one snapshotter. Is yours working?</p>
      </Head>
      <Panel>
        <form className="panel-head" onSubmit={go}>
          <label className="labelled">
            Number of a slot
            <span className="row">
              <input className="field" inputMode="numeric" pattern="\d*" value={text} onChange={(event) => setText(event.target.value)} />
              <button type="submit" className="button">
                Show
              </button>
            </span>
          </label>
        </form>
        <Loaded of={slots}>
          {({ items, hasMore }) =>
            items.length === 0 ? (
              <Empty title="No slot has been minted yet" />
            ) : (
              <Table caption="Slots" rows={items} keyOf={({ slotId }) => slotId} columns={COLUMNS}>
                <More hasMore={hasMore} onMore={slots.more} />
              </Table>
            )
          }
        </Loaded>
      </Panel>
    </>
  )
}

const lost = ({ recent }: Slot): number => recent.votes - recent.winning

const COLUMNS: readonly Column<Slot>[] = [
  { name: 'Slot', isRowHead: true, by: ({ slotId }) => slotId, cell: ({ slotId }) => <a href={to('slots', slotId)}>Slot&nbsp;{slotId}</a> },
  { name: 'State', cell: ({ isActive }) => (isActive ? <Badge tone="good">active</Badge> : <Badge tone="bad">not active</Badge>) },
  { name: 'Signer', isWide: true, cell: ({ signer }) => <Name text={signer} /> },
  {
    name: 'Voted in',
    isNumber: true,
    by: ({ recent }) => recent.voted,
    cell: ({ recent }) => `${integer(recent.voted)} of ${plural(recent.epochs, 'epoch')}`,
  },
  {
    name: 'Won',
    isNumber: true,
    isWide: true,
    by: ({ recent }) => recent.winning,
    cell: ({ recent }) => share(recent.winning, recent.votes),
  },
  {
    name: 'Lost votes',
    isNumber: true,
    by: lost,
    cell: (slot) => (lost(slot) === 0 ? '0' : <Badge tone="warn">{integer(lost(slot))}</Badge>),
  },
  { name: 'Streak', isNumber: true, isWide: true, by: ({ streak }) => streak, cell: ({ streak }) => integer(streak) },
]
