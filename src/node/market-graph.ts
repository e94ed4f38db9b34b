import { planProjects } from '#roles/snapshotter/plan.ts'
import type { MarketComputes } from './computes.ts'

/** What builds on what in a market. */
export interface GraphNode {
  readonly kind: 'preload' | 'snapshot' | 'SingleProject' | 'MultiProject'
  /** Task type of a preload, else project type. */
  readonly name: string
  /** In an epoch; of a preload one. */
  readonly projects: number
  /** What it needs, by its place in the list: such come before it. */
  readonly needs: readonly number[]
}

/** Preloads, then base projects, then aggregates, each after what it needs: a plan is checked for that (`graphProblems`). */
export function graphOf({ computes }: Pick<MarketComputes, 'computes'>, namespace: string): readonly GraphNode[] {
  const projects = planProjects(computes, namespace)
  const nodes: GraphNode[] = computes.preloads.map(({ taskType }) => ({ kind: 'preload', name: taskType, projects: 1, needs: [] }))
  const placeOf = (name: string): number => nodes.findIndex((node) => node.name === name)
  for (const compute of [...computes.snapshots, ...computes.aggregates]) {
    const isBase = 'preloads' in compute
    nodes.push({
      kind: isBase ? 'snapshot' : compute.aggregateOn,
      name: compute.projectType,
      projects: projects.filter((project) => project.compute === compute).length,
      needs: (isBase ? compute.preloads : compute.baseProjectTypes).map(placeOf),
    })
  }
  return nodes
}

const inWords = ({ kind, projects }: GraphNode): string => (kind === 'preload' ? kind : `${kind} ×${projects}`)

/** For a terminal: each below the last thing that it needs, which is the one that has the most below it; what else it needs beside it. */
export function graphText(nodes: readonly GraphNode[]): string {
  const parentOf = nodes.map(({ needs }) => (needs.length === 0 ? -1 : Math.max(...needs)))
  const lines: string[] = []
  const draw = (index: number, before: string, mark: string, below: string): void => {
    const node = nodes[index] as GraphNode
    const others = node.needs.filter((need) => need !== parentOf[index]).map((need) => nodes[need]?.name)
    lines.push(`${before}${mark}${node.name}  ${inWords(node)}${others.length === 0 ? '' : `, with ${others.join(', ')}`}`)
    drawAll(index, `${before}${below}`)
  }
  const drawAll = (parent: number, before: string): void => {
    const children = nodes.flatMap((_, index) => (parentOf[index] === parent ? [index] : []))
    for (const [position, child] of children.entries()) {
      const isLast = position === children.length - 1
      if (parent === -1) draw(child, '', '', '')
      else draw(child, before, isLast ? '└─ ' : '├─ ', isLast ? '   ' : '│  ')
    }
  }
  drawAll(-1, '')
  return lines.join('\n')
}

const edgesOf = (nodes: readonly GraphNode[], arrow: string): string[] =>
  nodes.flatMap(({ needs }, index) => needs.map((need) => `  n${need} ${arrow} n${index}`))
const quoted = (text: string): string => text.replace(/["\\]/g, (mark) => `\\${mark}`)

export function graphDot(nodes: readonly GraphNode[]): string {
  const named = nodes.map((node, index) => `  n${index} [label="${quoted(node.name)}\\n${inWords(node)}"]`)
  return ['digraph market {', '  rankdir=LR', '  node [shape=box]', ...named, ...edgesOf(nodes, '->'), '}'].join('\n')
}

export function graphMermaid(nodes: readonly GraphNode[]): string {
  const named = nodes.map((node, index) => `  n${index}["${node.name.replaceAll('"', '#quot;')}<br/>${inWords(node)}"]`)
  return ['graph LR', ...named, ...edgesOf(nodes, '-->')].join('\n')
}
