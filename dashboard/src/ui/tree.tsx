import { useState } from 'react'
import { isByBlock, isMap, lastKeyOf, seriesPath, type Value } from '../data/value.ts'
import { declaredAt, type Schema, writerOf } from '../data/units.ts'
import { ends, integer, plural } from '../format.ts'

interface TreeProps {
  readonly value: Value
  /** What its compute declares of it: units, and what fields mean. */
  readonly schema?: Schema
  /** The path that is drawn elsewhere, as `seriesPath` writes it. */
  readonly plotted?: string | undefined
  /** Without it numbers are only read. */
  readonly onPlot?: (path: readonly string[]) => void
}

/** Levels that are open at first. */
const OPEN_LEVELS = 1
/** More entries are not open at first. */
const OPEN_LENGTH_MAX = 12
/** Entries of a list at a time. */
const SHOWN = 50

/** A value as a tree; each number in it can be drawn over time. */
export function Tree({ value, ...rest }: TreeProps) {
  return (
    <div className="tree">
      {isMap(value) || Array.isArray(value) ? <Entries value={value} path={[]} {...rest} /> : <Leaf value={value} path={[]} {...rest} />}
    </div>
  )
}

type NodeProps = TreeProps & { readonly path: readonly string[] }

function Entries({ value, path, ...rest }: NodeProps) {
  const [shown, setShown] = useState(SHOWN)
  const entries = Object.entries(value as object) as [string, Value][]
  return (
    <ul>
      {entries.slice(0, shown).map(([key, child]) => (
        <li key={key}>
          <Node value={child} path={[...path, key]} {...rest} />
        </li>
      ))}
      {entries.length > shown && (
        <li>
          <button type="button" className="button" onClick={() => setShown(shown + SHOWN)}>
            {integer(entries.length - shown)} more
          </button>
        </li>
      )}
    </ul>
  )
}

function Node(props: NodeProps) {
  const { value, path } = props
  if (!isMap(value) && !Array.isArray(value)) return <Leaf {...props} />
  const length = Object.keys(value).length
  if (length === 0) return <Leaf {...props} />
  if (isByBlock(value)) return <ByBlock {...props} value={value} />
  return (
    <Branch isOpen={path.length <= OPEN_LEVELS && length <= OPEN_LENGTH_MAX} title={path.at(-1) ?? ''} note={noteOf(value, length)}>
      {() => <Entries {...props} />}
    </Branch>
  )
}

/** A value as of each block of the epoch: the last one is what most come for. */
function ByBlock({ value, path, ...rest }: NodeProps & { readonly value: { readonly [key: string]: Value } }) {
  const last = lastKeyOf(value) ?? ''
  const blocks = plural(Object.keys(value).length, 'block')
  const final = value[last] as Value
  const isBranch = isMap(final) || Array.isArray(final)
  return (
    <>
      {!isBranch && <Leaf {...rest} value={final} path={[...path, last]} label={path.at(-1) ?? last} />}
      <div className={isBranch ? '' : 'by-block'}>
        <Branch isOpen={false} title={isBranch ? (path.at(-1) ?? '') : ''} note={isBranch ? blocks : `all ${blocks}`}>
          {() => <Entries {...rest} value={value} path={path} />}
        </Branch>
      </div>
    </>
  )
}

/** Entries of a list are known by their names, where they have one. */
function noteOf(value: Value, length: number): string {
  if (isMap(value) && typeof value['name'] === 'string') return value['name']
  return Array.isArray(value) ? plural(length, 'entry', 'entries') : plural(length, 'field')
}

/** What is closed is not drawn: a snapshot may have a hundred thousand fields. */
function Branch({ isOpen, title, note, children }: { isOpen: boolean; title: string; note: string; children: () => React.ReactNode }) {
  const [open, setOpen] = useState(isOpen)
  return (
    <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <span className="key">{title}</span> <span className="soft small">{note}</span>
      </summary>
      {open && children()}
    </details>
  )
}

function Leaf({ value, path, schema, plotted, onPlot, label }: NodeProps & { readonly label?: string }) {
  const key = label ?? path.at(-1)
  const isNumber = typeof value === 'number' || typeof value === 'bigint'
  return (
    <div className="leaf">
      {key !== undefined && (
        <span className="key" title={declaredAt(schema, path).description}>
          {key}
        </span>
      )}
      {!isNumber ? (
        <Text value={value} />
      ) : onPlot === undefined ? (
        <span title={String(value)}>{written(value, path, schema)}</span>
      ) : (
        <button
          type="button"
          className="plot"
          title={`${value}: draw ${path.join('.')} over time`}
          aria-pressed={plotted === seriesPath(path)}
          onClick={() => onPlot(path)}
        >
          {written(value, path, schema)}
        </button>
      )}
    </div>
  )
}

/** Integers beyond what a number holds keep all their digits. */
const written = (value: number | bigint, path: readonly string[], schema: Schema): string =>
  typeof value === 'bigint' && !Number.isSafeInteger(Number(value)) ? integer(value) : writerOf(path, schema)(Number(value))

function Text({ value }: { readonly value: Value }) {
  if (typeof value !== 'string') return <span className="soft">{Array.isArray(value) ? '[ ]' : isMap(value) ? '{ }' : String(value)}</span>
  if (value === '') return <span className="soft">empty text</span>
  return /^0x[0-9a-fA-F]{40,}$/.test(value) ? (
    <span className="mono" title={value}>
      {ends(value, 10, 8)}
    </span>
  ) : (
    <span>{value.length > 400 ? `${value.slice(0, 400)}…` : value}</span>
  )
}
