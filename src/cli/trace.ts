import { buildCommand } from '@stricli/core'
import { type EpochId, parseEpochId } from '#domain/ids.ts'
import { printable } from '#domain/printable.ts'
import type { TraceStep } from '#domain/trace.ts'
import type { Given } from '#node/settings/settings.ts'
import { dataDirHere, HOME_FLAGS, type HomeFlags } from './data-dir.ts'

/** `03:59:01.250  computed        bafk…`; a step without a time leaves its place empty. */
function stepInWords({ step, atMs, reason, detail }: TraceStep): string {
  const at = atMs === undefined ? '' : new Date(atMs).toISOString().slice(11, 23)
  return `  ${at.padEnd(12)}  ${step.padEnd(14)}  ${[reason, printable(detail)].filter(Boolean).join(': ')}`.trimEnd()
}

/** So many that ended alike are shown: of a hundred slots the odd one is to be seen. `--json` has all. */
const ALIKE_MAX = 6

/** The steps of a role in lines. */
export function stepsInWords(steps: readonly TraceStep[]): readonly string[] {
  const seen = new Map<string, number>()
  const isShown = ({ step, reason = '' }: TraceStep): boolean => {
    const kind = reason === '' ? step : `${step} (${reason})`
    seen.set(kind, (seen.get(kind) ?? 0) + 1)
    return (seen.get(kind) ?? 0) <= ALIKE_MAX
  }
  const lines = steps.filter(isShown).map(stepInWords)
  const more = [...seen].filter(([, count]) => count > ALIKE_MAX).map(([kind, count]) => `${count - ALIKE_MAX} more ${kind}`)
  return more.length === 0 ? lines : [...lines, `${' '.repeat(16)}and ${more.join(', ')}: --json has all`]
}

/** How long after the release, where both are known. */
function tookInWords(steps: readonly TraceStep[], releasedMs: number | undefined): string {
  const lastMs = Math.max(...steps.map(({ atMs }) => atMs ?? Number.NEGATIVE_INFINITY))
  return releasedMs === undefined || lastMs <= releasedMs ? '' : `, ${((lastMs - releasedMs) / 1_000).toFixed(1)} s after the release`
}

export const traceCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: HomeFlags, project: string, epochId: EpochId) {
    const { traceIn } = await import('#node/trace.ts')
    const dataDir = await dataDirHere(this.process.env as Given, flags.dataDir)
    const trace = await traceIn(dataDir, { project, epochId })
    const say = (line: string): void => void this.process.stdout.write(`${line}\n`)
    this.process.exitCode = trace.roles.length === 0 ? 1 : 0
    if (flags.json) return say(JSON.stringify(trace))
    say(`${printable(trace.projectId)}, epoch ${trace.epochId}`)
    if (trace.roles.length === 0) return say('no role here has anything of it on record')
    const releasedMs = trace.roles.flatMap(({ steps }) => steps).find(({ step }) => step === 'released')?.atMs
    for (const { role, steps } of trace.roles) {
      say(`${role}${tookInWords(steps, releasedMs)}`)
      for (const line of stepsInWords(steps)) say(line)
    }
  },
  parameters: {
    flags: {
      ...HOME_FLAGS,
      json: { kind: 'boolean', default: false, brief: 'Print one JSON object: projectId, epochId, and the steps of each role' },
    },
    positional: {
      kind: 'tuple',
      parameters: [
        { brief: 'Project id, or a part of it that one project has', parse: String, placeholder: 'project' },
        { brief: 'Epoch id', parse: (text: string) => parseEpochId(text), placeholder: 'epoch' },
      ],
    },
  },
  docs: {
    brief: 'Show what each role here did with a project, when and why',
    fullDescription:
      'Reads what the roles in a data directory, or in that of a devnet, have on disk, whether they run or not: released, computed, handed over, taken, acknowledged, recorded, batched, attested, and where it ended otherwise the reason. `./weft explain` knows every reason. Times are UTC; that of the release is the block’s. Exit code 1 when no role knows anything.',
  },
})
