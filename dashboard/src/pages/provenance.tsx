import { useLayoutEffect, useRef, useState } from 'react'
import { ask } from '../data/ask.ts'
import { useWork } from '../data/use-answer.ts'
import { ends, integer } from '../format.ts'
import { to } from '../router.ts'
import { Empty, Loaded, Panel } from '../ui/parts.tsx'

interface Node {
  readonly projectId: string
  readonly fromEpochId: number
  readonly toEpochId: number
  readonly level: number
  /** Sources that are not drawn. */
  readonly more: number
  readonly sources: readonly Node[]
}

/** Steps down. Two reach from a ranking over days to blocks of the source chain. */
const LEVELS = 2
/** Sources of one node that are drawn. */
const SOURCES_MAX = 8

/** What an aggregate was made from, and that from what, as a graph. */
export function Provenance({ projectId, epochId }: { readonly projectId: string; readonly epochId: number }) {
  const graph = useWork(
    `sources ${projectId} ${epochId}`,
    (signal) => nodeOf({ projectId, fromEpochId: epochId, toEpochId: epochId }, 0, signal),
    {
      isLive: false,
    },
  )
  return (
    <Panel title="Provenance" note={`of epoch ${integer(epochId)}: what it was made from, step by step`}>
      <Loaded of={graph}>
        {(root) =>
          root.sources.length === 0 ? (
            <Empty title="Its sources are not told">The computes that this api has do not say what it was made from.</Empty>
          ) : (
            <Drawing root={root} />
          )
        }
      </Loaded>
    </Panel>
  )
}

type Source = Pick<Node, 'projectId' | 'fromEpochId' | 'toEpochId'>

async function nodeOf(source: Source, level: number, signal: AbortSignal): Promise<Node> {
  const leaf = { ...source, level, more: 0, sources: [] }
  if (level === LEVELS) return leaf
  const { sources } = await ask('sources', { projectId: source.projectId, epochId: source.toEpochId }, signal)
  // An aggregate may be made from its own past: one step of that is enough.
  const others = sources.filter(({ projectId }) => projectId !== source.projectId)
  const drawn = await Promise.all(others.slice(0, SOURCES_MAX).map((other) => nodeOf(other, level + 1, signal)))
  return { ...leaf, more: others.length - drawn.length, sources: drawn }
}

const WIDTH = 250
const HEIGHT = 46
const GAP_X = 56
const GAP_Y = 10
/** Of sources below what was made of them. */
const INDENT = 22
const MORE_HEIGHT = 20

interface Placed {
  readonly node: Node
  readonly x: number
  readonly y: number
  readonly sources: readonly Placed[]
  /** Where the word about sources that are not drawn begins. */
  readonly moreY: number
  /** From what was made of it. */
  readonly way?: string
}
interface Laid {
  readonly placed: Placed
  readonly bottom: number
}

/** Sources, one below the other from `top` on, and what stands below them. */
function stack(node: Node, top: number, lay: (source: Node, top: number) => Laid) {
  let bottom = top
  const sources = node.sources.map((source) => {
    const laid = lay(source, bottom)
    bottom = laid.bottom
    return laid.placed
  })
  return { sources, moreY: bottom + 6, bottom: bottom + (node.more > 0 ? MORE_HEIGHT : 0) }
}

/** Sources stand right of what was made of them, which stands at their middle. */
function across(node: Node, top: number): Laid {
  const x = node.level * (WIDTH + GAP_X)
  if (node.sources.length === 0) return { placed: { node, x, y: top, sources: [], moreY: top }, bottom: top + HEIGHT + GAP_Y }
  const { sources, moreY, bottom } = stack(node, top, across)
  const y = ((sources[0]?.y ?? top) + (sources.at(-1)?.y ?? top)) / 2
  const [from, begin] = [x + WIDTH, y + HEIGHT / 2]
  const drawn = sources.map((source) => {
    const end = source.y + HEIGHT / 2
    const bend = (source.x - from) / 2
    return { ...source, way: `M${from} ${begin}C${from + bend} ${begin} ${source.x - bend} ${end} ${source.x} ${end}` }
  })
  return { placed: { node, x, y, sources: drawn, moreY }, bottom }
}

/** Sources stand below what was made of them, a step to the right: for screens that are not wide enough. */
function down(node: Node, top: number): Laid {
  const x = node.level * INDENT
  const { sources, moreY, bottom } = stack(node, top + HEIGHT + GAP_Y, down)
  const drawn = sources.map((source) => ({
    ...source,
    way: `M${x + INDENT / 2} ${top + HEIGHT}V${source.y + HEIGHT / 2}H${source.x}`,
  }))
  return { placed: { node, x, y: top, sources: drawn, moreY }, bottom }
}

const depthOf = ({ level, sources }: Node): number => Math.max(level, ...sources.map(depthOf))

function Drawing({ root }: { readonly root: Node }) {
  const host = useRef<HTMLElement>(null)
  const [room, setRoom] = useState(Number.POSITIVE_INFINITY)
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => entry && setRoom(entry.contentRect.width))
    if (host.current) observer.observe(host.current)
    return () => observer.disconnect()
  }, [])
  const depth = depthOf(root)
  const wide = depth * (WIDTH + GAP_X) + WIDTH + 2
  const isWide = wide <= room
  const { placed, bottom } = (isWide ? across : down)(root, 1)
  const width = isWide ? wide : depth * INDENT + WIDTH + 2
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
    <section ref={host} className="scroll graph" aria-label="Graph of sources" tabIndex={0}>
      <svg width={width} height={Math.max(bottom, HEIGHT) + 4} viewBox={`-1 0 ${width} ${Math.max(bottom, HEIGHT) + 4}`}>
        <title>{isWide ? 'Sources, right of what was made of them' : 'Sources, below what was made of them'}</title>
        <Lines of={placed} />
        <Boxes of={placed} />
      </svg>
    </section>
  )
}

function Lines({ of: { sources } }: { readonly of: Placed }) {
  return sources.map((source) => (
    <g key={`${source.node.projectId} ${source.node.fromEpochId}`}>
      <path d={source.way} />
      <Lines of={source} />
    </g>
  ))
}

function Boxes({ of: { node, x, y, moreY, sources } }: { readonly of: Placed }) {
  const [type = '', ...rest] = node.projectId.split(':')
  const source = rest.slice(0, -1).join(':')
  const epochs =
    node.fromEpochId === node.toEpochId
      ? `epoch ${integer(node.toEpochId)}`
      : `epochs ${integer(node.fromEpochId)}–${integer(node.toEpochId)}`
  return (
    <>
      {sources.map((child) => (
        <Boxes key={`${child.node.projectId} ${child.node.fromEpochId}`} of={child} />
      ))}
      <a href={to('projects', node.projectId)}>
        <title>{node.projectId}</title>
        <rect x={x} y={y} width={WIDTH} height={HEIGHT} rx="7" />
        <text x={x + 12} y={y + 19}>
          {ends(type, 20, 11)}
        </text>
        <text x={x + 12} y={y + 36} className="soft">
          {source === '' ? epochs : `${ends(source)} · ${epochs}`}
        </text>
      </a>
      {node.more > 0 && (
        <text x={(sources[0]?.x ?? x) + 12} y={moreY} className="soft">
          and {integer(node.more)} more
        </text>
      )}
    </>
  )
}
