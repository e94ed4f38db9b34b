import { type KeyboardEvent, useEffect, useRef, useState } from 'react'
import uPlot from 'uplot'
import { axisLabels, clockTime, dayTime, integer } from '../format.ts'
import { to } from '../router.ts'
import type { ProofOf } from './parts.tsx'

export interface ChartPoint {
  readonly epochId: number
  /** Seconds since the Unix epoch. */
  readonly at: number
  readonly value: number
}

interface ChartProps {
  /** What is drawn, for those who do not see it. */
  readonly label: string
  readonly points: readonly ChartPoint[]
  readonly write: (value: number) => string
  /** Each point's proof is that of this project, in the point's epoch. */
  readonly projectId?: string
  readonly height?: number
  readonly kind?: 'line' | 'bars'
}

/** One series over time. The pointer or the arrow keys read it, a click or Enter opens the proof of what is read. */
export function Chart({ label, points, write, projectId, height = 220, kind = 'line' }: ChartProps) {
  const host = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>(undefined)
  const [index, setIndex] = useState<number>()
  const theme = useTheme()

  // biome-ignore lint/correctness/useExhaustiveDependencies: another theme is another drawing; data come in below
  useEffect(() => {
    if (host.current === null) return
    const drawn = draw(host.current, { points, write, height, kind, onIndex: setIndex })
    plot.current = drawn
    const observer = new ResizeObserver(([entry]) => entry && drawn.setSize({ width: Math.floor(entry.contentRect.width), height }))
    observer.observe(host.current)
    return () => {
      observer.disconnect()
      drawn.destroy()
      plot.current = undefined
    }
  }, [points, theme, height, kind])

  const read = points[Math.min(index ?? points.length - 1, points.length - 1)]
  const proof = read !== undefined && projectId !== undefined ? { projectId, epochId: read.epochId } : undefined
  const move = (event: KeyboardEvent): void => {
    const next = nextIndex(event.key, index ?? points.length - 1, points.length)
    if (event.key === 'Enter') open(proof)
    if (next === undefined) return
    event.preventDefault()
    setIndex(next)
    const at = points[next]
    if (at !== undefined && plot.current !== undefined)
      plot.current.setCursor({ left: plot.current.valToPos(at.at, 'x'), top: plot.current.valToPos(at.value, 'y') }, false)
  }
  if (read === undefined) return null
  return (
    <div>
      <div className="chart-read">
        <strong>{write(read.value)}</strong>
        <span>epoch {integer(read.epochId)}</span>
        <span>{clockTime(read.at)}</span>
        {proof !== undefined && <a href={to('verify', proof.projectId, proof.epochId)}>Proof</a>}
      </div>
      <div
        ref={host}
        className="chart"
        style={{ height: `${height}px` }}
        role="slider"
        tabIndex={0}
        aria-label={`${label}, epochs ${points[0]?.epochId} to ${points.at(-1)?.epochId}`}
        aria-valuemin={points[0]?.epochId ?? 0}
        aria-valuemax={points.at(-1)?.epochId ?? 0}
        aria-valuenow={read.epochId}
        aria-valuetext={`epoch ${read.epochId}, ${dayTime(read.at)}: ${write(read.value)}`}
        onKeyDown={move}
        onClick={() => open(proof)}
      />
    </div>
  )
}

function open(proof: ProofOf | undefined): void {
  if (proof !== undefined) window.location.hash = to('verify', proof.projectId, proof.epochId)
}

function nextIndex(key: string, index: number, length: number): number | undefined {
  const steps: Readonly<Record<string, number>> = { ArrowLeft: -1, ArrowRight: 1, PageUp: 10, PageDown: -10, Home: -length, End: length }
  const step = steps[key]
  return step === undefined ? undefined : Math.max(0, Math.min(length - 1, index + step))
}

/** Changes whenever colours do. */
function useTheme(): number {
  const [count, setCount] = useState(0)
  useEffect(() => {
    const changed = (): void => setCount((before) => before + 1)
    const system = window.matchMedia('(prefers-color-scheme: dark)')
    system.addEventListener('change', changed)
    window.addEventListener('weft:theme', changed)
    return () => {
      system.removeEventListener('change', changed)
      window.removeEventListener('weft:theme', changed)
    }
  }, [])
  return count
}

/** A colour of the style sheet as a canvas takes it: only a drawn element knows which side of `light-dark()` holds. */
function colourOf(host: HTMLElement, name: string): string {
  host.style.color = `var(${name})`
  const { color } = getComputedStyle(host)
  host.style.color = ''
  return color
}

interface DrawOptions extends Required<Pick<ChartProps, 'points' | 'write' | 'height' | 'kind'>> {
  readonly onIndex: (index: number | undefined) => void
}

function draw(host: HTMLElement, { points, write, height, kind, onIndex }: DrawOptions): uPlot {
  const [ink, line, accent] = [colourOf(host, '--ink-soft'), colourOf(host, '--line'), colourOf(host, '--step-final')]
  const font = `11px ${getComputedStyle(host).fontFamily}`
  const axis: uPlot.Axis = { stroke: ink, font, grid: { stroke: line, width: 1 }, ticks: { show: false } }
  const bars = uPlot.paths.bars?.({ size: [0.7, 40] })
  const series: uPlot.Series = {
    stroke: accent,
    width: 1.75,
    points: { show: points.length < 2 },
    ...(kind === 'bars' && bars ? { paths: bars, fill: accent, width: 0 } : { fill: `color-mix(in srgb, ${accent} 10%, transparent)` }),
  }
  const options: uPlot.Options = {
    width: Math.max(120, host.clientWidth),
    height,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 8 } },
    scales: { x: { time: true, range: (_, from, to) => timesOf(from, to) }, y: { range: (_, min, max) => rangeOf(min, max, kind) } },
    axes: [
      { ...axis, grid: { show: false }, values: (_, splits) => splits.map(dayClock(points)), space: 90, size: 34, gap: 10 },
      {
        ...axis,
        values: (_, splits, __, ___, step) => axisLabels(splits, step, write),
        size: (drawn, values) => labelWidth(drawn, values, font),
        gap: 8,
      },
    ],
    series: [{}, series],
    hooks: { setCursor: [({ cursor }) => onIndex(cursor.idx ?? undefined)] },
  }
  return new uPlot(options, [points.map(({ at }) => at), points.map(({ value }) => value)], host)
}

/** A single epoch stands in the middle of its minute: it has no time before or after it to be drawn between. */
const timesOf = (from: number, to: number): uPlot.Range.MinMax => (from === to ? [from - 30, to + 30] : [from, to])

/** Amounts stand on zero; what moves a little around a level is shown moving. */
function rangeOf(min: number, max: number, kind: 'line' | 'bars'): uPlot.Range.MinMax {
  if (kind === 'bars') return [Math.min(0, min), max === 0 ? 1 : max * 1.08]
  const room = (max - min || Math.abs(max) * 0.1 || 1) * 0.15
  return [min >= 0 ? Math.max(0, min - room) : min - room, max + room]
}

const DAY_SECONDS = 86_400

function dayClock(points: readonly ChartPoint[]): (seconds: number) => string {
  const span = (points.at(-1)?.at ?? 0) - (points[0]?.at ?? 0)
  return span > DAY_SECONDS ? dayTime : clockTime
}

function labelWidth({ ctx }: uPlot, values: string[] | null, font: string): number {
  ctx.save()
  ctx.font = font
  const widest = Math.max(0, ...(values ?? []).map((value) => ctx.measureText(value).width))
  ctx.restore()
  return Math.ceil(widest) + 14
}
