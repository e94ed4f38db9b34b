import type { Vote } from '#wire/api.ts'
import { useList } from '../data/use-list.ts'
import { integer, plural } from '../format.ts'
import { to } from '../router.ts'
import { Badge } from '../ui/badge.tsx'
import { Empty, Loaded, Name, Panel } from '../ui/parts.tsx'
import { More } from '../ui/table.tsx'

interface VotesProps {
  readonly projectId: string
  readonly epochId: number
}

/** Who voted for what: one line for each CID, the winner first. */
export function Votes({ projectId, epochId }: VotesProps) {
  const votes = useList('votes', { projectId, epochId, limit: 500 })
  return (
    <Panel title={`Votes in epoch ${integer(epochId)}`}>
      <Loaded of={votes}>
        {({ items, hasMore }) =>
          items.length === 0 ? (
            <Empty title="No votes are known">The batch's file has not been read.</Empty>
          ) : (
            <div className="panel-body stack">
              {byCid(items).map(([cid, slots, isWinning]) => (
                <div key={cid} className="ballot">
                  <p className="row">
                    <Badge tone={isWinning ? 'good' : 'bad'}>{isWinning ? 'won' : 'lost'}</Badge>
                    <Name text={cid} head={12} tail={8} />
                    <span className="soft small">{plural(slots.length, 'slot')}</span>
                  </p>
                  <p className="slots small">
                    {slots.map((slotId) => (
                      <a key={slotId} href={to('slots', slotId)} aria-label={`Slot ${slotId}`}>
                        {slotId}
                      </a>
                    ))}
                  </p>
                </div>
              ))}
              <More hasMore={hasMore} onMore={votes.more} />
            </div>
          )
        }
      </Loaded>
    </Panel>
  )
}

function byCid(votes: readonly Vote[]): (readonly [cid: string, slots: readonly number[], isWinning: boolean])[] {
  const groups = Map.groupBy(votes, ({ snapshotCid }) => snapshotCid)
  return [...groups]
    .map(
      ([cid, group]) =>
        [cid, group.map(({ slotId }) => slotId).toSorted((a, b) => a - b), group.some(({ isWinning }) => isWinning)] as const,
    )
    .toSorted(([, left, isLeft], [, right, isRight]) => Number(isRight) - Number(isLeft) || right.length - left.length)
}
