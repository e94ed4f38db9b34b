import { useState } from 'react'
import type { Slot, SlotEpoch } from '#wire/api.ts'
import { isMissing, useAnswer } from '../data/use-answer.ts'
import { useList } from '../data/use-list.ts'
import { integer, plural, share } from '../format.ts'
import { to } from '../router.ts'
import { Badge } from '../ui/badge.tsx'
import { Empty, Figure, Figures, FiguresSkeleton, Head, Loaded, Name, Panel, ProjectLink } from '../ui/parts.tsx'
import { type Column, More, Table } from '../ui/table.tsx'
import { Ago } from '../ui/time.tsx'

/** Epochs that the strip shows. */
const STRIP_EPOCHS = 100
/** Of them, in the table before somebody asks for more. */
const ROWS = 20

/** Is this node working? */
export function SlotPage({ slotId }: { readonly slotId: number }) {
  const slot = useAnswer('slot', { slotId })
  return (
    <>
      <Head title={`Slot ${integer(slotId)}`} crumb={<a href={to('slots')}>Slots</a>}>
        {slot.value !== undefined && (
          <p>
            signed by <Name text={slot.value.signer} head={10} tail={8} />
          </p>
        )}
      </Head>
      <Loaded of={slot} skeleton={<FiguresSkeleton labels={['Working?', 'Included', 'Won', 'Streak', 'Day']} />}>
        {(told) => <Health slot={told} />}
      </Loaded>
      {!isMissing(slot) && <Epochs slotId={slotId} />}
    </>
  )
}

function Epochs({ slotId }: { readonly slotId: number }) {
  const epochs = useList('slotEpochs', { slotId, limit: STRIP_EPOCHS })
  const [rows, setRows] = useState(ROWS)
  return (
    <Panel title="Its epochs" note="newest first">
      <Loaded of={epochs}>
        {({ items, hasMore }) =>
          items.length === 0 ? (
            <Empty title="No vote of this slot is in a batch">
              If its node runs: does it reach its collector, and is the slot assigned to the key that it signs with?
            </Empty>
          ) : (
            <>
              <Strip epochs={items} />
              <Table caption="Votes by epoch" rows={items.slice(0, rows)} keyOf={({ epochId }) => epochId} columns={COLUMNS}>
                <More
                  hasMore={hasMore || items.length > rows}
                  onMore={() => (items.length > rows ? setRows(rows + STRIP_EPOCHS) : epochs.more())}
                />
              </Table>
            </>
          )
        }
      </Loaded>
    </Panel>
  )
}

/** What its recent epochs say, and what to look at. */
function verdictOf({ isActive, recent }: Slot): readonly [tone: 'good' | 'warn' | 'bad' | 'plain', word: string, advice: string] {
  if (!isActive) return ['bad', 'Not active', 'the slot is switched off on chain']
  if (recent.epochs === 0) return ['plain', 'Too early', 'no epoch is over yet']
  if (recent.voted === 0) return ['bad', 'Silent', 'no vote in the recent epochs']
  if (recent.winning < recent.votes * 0.99)
    return ['warn', 'Outvoted', 'some of its votes are for other data than those of the rest: look at its source endpoint']
  if (recent.voted < recent.epochs * 0.9) return ['warn', 'Patchy', 'it misses epochs']
  return ['good', 'Working', 'votes arrive, and win']
}

function Health({ slot }: { readonly slot: Slot }) {
  const { recent, streak, day, lastEpochId } = slot
  const [tone, word, advice] = verdictOf(slot)
  return (
    <Figures>
      <Figure label="Working?" value={<Badge tone={tone}>{word}</Badge>} note={advice} />
      <Figure
        label="Included"
        value={share(recent.voted, recent.epochs)}
        note={`${integer(recent.voted)} of the last ${plural(recent.epochs, 'epoch')}${lastEpochId === undefined ? '' : `, last in ${integer(lastEpochId)}`}`}
      />
      <Figure
        label="Won"
        value={share(recent.winning, recent.votes)}
        note={`${integer(recent.winning)} of ${plural(recent.votes, 'vote')}`}
      />
      <Figure label="Streak" value={integer(streak)} note="epochs in a row of the last 100, never outvoted" />
      <Figure
        label={day === undefined ? 'Day' : `Day ${integer(day.day)}`}
        value={day === undefined ? '–' : `${integer(day.submissions)} / ${integer(day.quota)}`}
        note={
          day === undefined
            ? 'the market counts none'
            : day.isRewarded
              ? 'quota reached: it has a share'
              : day.submissions >= day.quota
                ? 'quota reached'
                : `${integer(day.quota - day.submissions)} to the quota`
        }
      />
    </Figures>
  )
}

/** One cell per epoch, oldest first; the gaps are epochs without a vote. */
function Strip({ epochs }: { readonly epochs: readonly SlotEpoch[] }) {
  const byId = new Map(epochs.map((epoch) => [epoch.epochId, epoch]))
  const newest = epochs[0]?.epochId ?? 0
  const oldest = Math.max(epochs.at(-1)?.epochId ?? 0, newest - STRIP_EPOCHS + 1)
  const cells = Array.from({ length: newest - oldest + 1 }, (_, index) => oldest + index)
  const outvoted = epochs.filter((epoch) => epoch.outvoted.length > 0).length
  return (
    <>
      <div className="strip" role="img" aria-label={`Of ${cells.length} epochs it voted in ${byId.size}, and was outvoted in ${outvoted}`}>
        {cells.map((epochId) => {
          const epoch = byId.get(epochId)
          const kind = epoch === undefined ? 'none' : epoch.outvoted.length > 0 ? 'lost' : 'won'
          return (
            <i
              key={epochId}
              className={kind}
              title={`epoch ${epochId}: ${epoch === undefined ? 'no vote' : `${epoch.winning} of ${epoch.votes} votes won`}`}
            />
          )
        })}
      </div>
      <p className="legend" aria-hidden="true">
        <span>Oldest first:</span>
        <span>
          <i className="won" /> all votes won
        </span>
        <span>
          <i className="lost" /> outvoted
        </span>
        <span>
          <i className="none" /> no vote
        </span>
      </p>
    </>
  )
}

const COLUMNS: readonly Column<SlotEpoch>[] = [
  { name: 'Epoch', isRowHead: true, cell: ({ epochId }) => <a href={to('epochs', epochId)}>{integer(epochId)}</a> },
  { name: 'Released', cell: ({ at }) => <Ago at={at} /> },
  { name: 'Votes', isNumber: true, by: ({ votes }) => votes, cell: ({ votes }) => integer(votes) },
  { name: 'Won', isNumber: true, by: ({ winning }) => winning, cell: ({ winning }) => integer(winning) },
  {
    name: 'Outvoted in',
    cell: ({ outvoted }) =>
      outvoted.length === 0 ? (
        <span className="soft">–</span>
      ) : (
        <span className="row line">
          <span>
            {integer(outvoted.length)}
            <span className="wide"> {outvoted.length === 1 ? 'project' : 'projects'}</span>
          </span>
          <span className="wide row line small">
            {outvoted.slice(0, 2).map((projectId) => (
              <ProjectLink key={projectId} projectId={projectId} />
            ))}
          </span>
        </span>
      ),
  },
]
