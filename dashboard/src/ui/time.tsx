import { useSyncExternalStore } from 'react'
import { ago, dateTime } from '../format.ts'

/** Seconds since the Unix epoch; one clock for the whole page. */
const now = (): number => Math.floor(Date.now() / 1_000)

function tick(listener: () => void): () => void {
  const timer = setInterval(listener, 1_000)
  return () => clearInterval(timer)
}

export const useNow = (): number => useSyncExternalStore(tick, now)

/** A moment as it is spoken of; pointing at it gives date and zone. */
export function Ago({ at }: { readonly at: number | undefined }) {
  const seconds = useNow()
  if (at === undefined) return <span className="soft">–</span>
  return (
    <time dateTime={new Date(at * 1_000).toISOString()} title={dateTime(at)}>
      {ago(at, seconds)}
    </time>
  )
}
