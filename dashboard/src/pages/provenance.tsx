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

/** What an aggregate was made from, and that from what, as a graph: sources stand right of what was made of them. */
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
            <Empty title="Its sources are not told">The computes of this market do not say what it was made from.</Empty>
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

interface Placed {
  readonly node: Node
  readonly x: number
  readonly y: number
  readonly sources: readonly Placed[]
}

/** Leaves stand one below the other; what is made of several stands at their middle. */
function place(node: Node, top: number): { readonly placed: Placed; readonly bottom: number } {
  const x = node.level * (WIDTH + GAP_X)
  if (node.sources.length === 0) return { placed: { node, x, y: top, sources: [] }, bottom: top + HEIGHT + GAP_Y }
  let bottom = top
  const sources = node.sources.map((source) => {
    const at = place(source, bottom)
    bottom = at.bottom
    return at.placed
  })
  const middle = ((sources[0]?.y ?? top) + (sources.at(-1)?.y ?? top)) / 2
  return { placed: { node, x, y: middle, sources }, bottom: bottom + (node.more > 0 ? 20 : 0) }
}

const depthOf = ({ level, sources }: Node): number => Math.max(level, ...sources.map(depthOf))

function Drawing({ root }: { readonly root: Node }) {
  const depth = depthOf(root)
  const { placed, bottom } = place(root, 1)
  const width = depth * (WIDTH + GAP_X) + WIDTH + 2
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
    <section className="scroll graph" aria-label="Graph of sources" tabIndex={0}>
      <svg width={width} height={Math.max(bottom, HEIGHT) + 4} viewBox={`-1 0 ${width} ${Math.max(bottom, HEIGHT) + 4}`}>
        <title>Sources, right of what was made of them</title>
        <Lines of={placed} />
        <Boxes of={placed} />
      </svg>
    </section>
  )
}

function Lines({ of: { x, y, sources } }: { readonly of: Placed }) {
  const [from, begin] = [x + WIDTH, y + HEIGHT / 2]
  return sources.map((source) => {
    const end = source.y + HEIGHT / 2
    const bend = (source.x - from) / 2
    return (
      <g key={`${source.node.projectId} ${source.node.fromEpochId}`}>
        <path d={`M${from} ${begin}C${from + bend} ${begin} ${source.x - bend} ${end} ${source.x} ${end}`} />
        <Lines of={source} />
      </g>
    )
  })
}

function Boxes({ of: { node, x, y, sources } }: { readonly of: Placed }) {
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
        <text x={(sources.at(-1)?.x ?? x) + 12} y={(sources.at(-1)?.y ?? y) + HEIGHT + 16} className="soft">
          and {integer(node.more)} more
        </text>
      )}
    </>
  )
}
