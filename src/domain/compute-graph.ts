import type { ComputeSet } from './compute.ts'
import { meant, nearest } from './nearest.ts'

/** What is wrong with how computes build upon one another. */
export interface GraphProblem {
  /** The project type, or the task type of a preload, that it is told of. */
  readonly about: string
  /** A sentence that begins with it. */
  readonly problem: string
  /** Nothing leads to it: its author meant something else, but whoever runs the rest is not hindered. */
  readonly isIdle?: true
}

/** All at once: what is named and does not exist, what builds on itself, what comes too early, and what nothing leads to. */
export function graphProblems({ preloads, snapshots, aggregates }: ComputeSet): readonly GraphProblem[] {
  const problems: GraphProblem[] = []
  const tell = (about: string, rest: string): void => void problems.push({ about, problem: `${about} ${rest}` })
  const tasks = preloads.map(({ taskType }) => taskType)
  for (const compute of snapshots)
    for (const task of compute.preloads)
      if (!tasks.includes(task)) tell(compute.projectType, `needs preload ${task}, ${absent(task, tasks)}`)
  const needed = new Set(snapshots.flatMap((compute) => compute.preloads))
  for (const task of tasks)
    if (!needed.has(task)) problems.push({ about: task, problem: `${task} is a preload that nothing needs`, isIdle: true })

  const bases = new Map(aggregates.map(({ projectType, baseProjectTypes }) => [projectType, baseProjectTypes]))
  const types = [...snapshots, ...aggregates].map(({ projectType }) => projectType)
  const before = new Set(snapshots.map(({ projectType }) => projectType))
  for (const { projectType, baseProjectTypes } of aggregates) {
    if (baseProjectTypes.length === 0) tell(projectType, 'builds on nothing')
    for (const base of baseProjectTypes) {
      if (before.has(base)) continue
      const way = wayBack(base, projectType, bases)
      if (way !== undefined) tell(projectType, `builds on itself: ${[projectType, ...way].join(' on ')}`)
      else if (types.includes(base)) tell(projectType, `builds on ${base}, which comes later`)
      else tell(projectType, `builds on ${base}, ${absent(base, types)}`)
    }
    before.add(projectType)
  }
  return problems
}

const absent = (name: string, known: readonly string[]): string => `which does not exist${meant(nearest(name, known)).replace(/[.?]$/, '')}`

/** From a type down to another, both included; `undefined` when it does not build on it. */
function wayBack(from: string, to: string, bases: ReadonlyMap<string, readonly string[]>): readonly string[] | undefined {
  const seen = new Set<string>()
  const ways: string[][] = [[from]]
  for (let way = ways.pop(); way !== undefined; way = ways.pop()) {
    const last = way.at(-1) as string
    if (last === to) return way
    if (seen.has(last)) continue
    seen.add(last)
    for (const base of bases.get(last) ?? []) ways.push([...way, base])
  }
  return undefined
}
