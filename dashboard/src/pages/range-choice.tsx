import { useState } from 'react'
import type { Range } from '../data/history.ts'
import { integer } from '../format.ts'

const LAST = [50, 200, 1_000] as const

/** Which epochs: the last so many, or from one to another. */
export function RangeChoice({ range, onRange }: { readonly range: Range; readonly onRange: (range: Range) => void }) {
  const [from, setFrom] = useState('')
  const [until, setUntil] = useState('')
  const submit = (event: React.FormEvent): void => {
    event.preventDefault()
    const chosen = { ...(from !== '' && { from: Number(from) }), ...(until !== '' && { to: Number(until) }) }
    onRange(from === '' && until === '' ? { last: LAST[1] } : chosen)
  }
  return (
    <div className="row range">
      <fieldset className="group">
        <legend className="sr">Epochs that are drawn</legend>
        <span className="soft small">Last</span>
        {LAST.map((last) => (
          <button key={last} type="button" className="button" aria-pressed={range.last === last} onClick={() => onRange({ last })}>
            {integer(last)}
          </button>
        ))}
        <span className="soft small">epochs</span>
      </fieldset>
      <form className="row" onSubmit={submit}>
        <EpochField label="From epoch" value={from} onValue={setFrom} />
        <EpochField label="To epoch" value={until} onValue={setUntil} />
        <button type="submit" className="button">
          Draw
        </button>
      </form>
    </div>
  )
}

function EpochField({
  label,
  value,
  onValue,
}: {
  readonly label: string
  readonly value: string
  readonly onValue: (value: string) => void
}) {
  return (
    <input
      className="field short"
      aria-label={label}
      placeholder={label}
      inputMode="numeric"
      pattern="[1-9][0-9]*"
      title="Number of an epoch"
      value={value}
      onChange={(event) => onValue(event.target.value.trim())}
    />
  )
}
