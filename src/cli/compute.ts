import { buildCommand, buildRouteMap } from '@stricli/core'
import { WeftError } from '#domain/errors.ts'
import type { EpochId } from '#domain/ids.ts'
import { printable } from '#domain/printable.ts'
import type { RunRow } from '#node/compute-run.ts'
import { stopSignal } from '#node/stop.ts'
import { COMPUTE_FLAGS, type ComputeFlags, withComputes } from './compute-place.ts'
import { harmless } from './asked.ts'
import { type AskedEpochs, epochsIn } from './read.ts'

interface RunFlags extends ComputeFlags {
  readonly epoch: AskedEpochs
  readonly diff: boolean
  readonly json: boolean
  readonly cache?: string
  readonly source?: string
}

/** Whether nothing is wrong with it. */
const isFine = ({ text, reason, nondeterministic, compared }: RunRow): boolean =>
  (text !== undefined || reason === 'nothing_happened') && nondeterministic === undefined && (compared?.differences.length ?? 0) === 0

function* inWords({ projectId, epochId, snapshotCid, text, reason, detail, nondeterministic, compared }: RunRow): Generator<string> {
  yield `${printable(projectId)}, epoch ${epochId}: ${snapshotCid ?? `${reason}: ${printable(detail ?? '')}`}`
  if (text !== undefined) yield harmless(text)
  if (nondeterministic !== undefined) yield `  ✘ another one each time: ${printable(nondeterministic)}`
  if (compared === undefined) return
  if (compared.differences.length === 0) yield `  ✔ the same as ${compared.with}`
  else yield `  ✘ other than ${compared.with}, ${compared.snapshotCid}`
  for (const difference of compared.differences) yield `      ${printable(difference)}`
}

const runCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: RunFlags, name: string) {
    const signal = stopSignal()
    const { runComputes } = await import('#node/compute-run.ts')
    const { CACHE_FOLDER } = await import('#node/compute-place.ts')
    const added = flags.source === undefined ? undefined : { projectType: name, source: flags.source }
    await withComputes(this.process, { flags, signal, added }, async (place, opened) => {
      const newest = flags.epoch === 'latest' ? await place.newest() : undefined
      if (flags.epoch === 'latest' && newest === undefined)
        throw new WeftError('SETTINGS_INVALID', { problems: ['--epoch latest needs a devnet: say which'] })
      const epochIds = flags.epoch === 'latest' ? [newest as EpochId] : flags.epoch
      const asked = { name, epochIds, folder: flags.cache ?? CACHE_FOLDER, isCompared: flags.diff, signal }
      this.process.exitCode = 0
      for await (const row of runComputes(place, opened, asked)) {
        if (!isFine(row)) this.process.exitCode = 1
        this.process.stdout.write(flags.json ? `${JSON.stringify(row)}\n` : `${[...inWords(row)].join('\n')}\n`)
      }
    })
  },
  parameters: {
    flags: {
      ...COMPUTE_FLAGS,
      epoch: { kind: 'parsed', parse: epochsIn, brief: 'Epoch id, several: `100..199`, or `latest` of a devnet' },
      diff: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief: 'Compare each snapshot, field by field, with what was finalized, or else with the run before',
      },
      source: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief: 'Only this data source, configured or not: the name is then a project type, and the set must take such a source',
      },
      cache: { kind: 'parsed', parse: String, optional: true, brief: 'Folder for what is read and computed; default: .weft/computes' },
      json: {
        kind: 'boolean',
        default: false,
        brief:
          'Print a JSON object per project and epoch: projectId, epochId, snapshotCid, text, reason, detail, nondeterministic, compared',
      },
    },
    positional: {
      kind: 'tuple',
      parameters: [{ brief: 'Project type, or a part of project ids', parse: String, placeholder: 'name' }],
    },
  },
  docs: {
    brief: 'Run computes for past epochs, each twice, and print what they give',
    fullDescription:
      'On the source chain of a devnet, or of --rpc. What is read is kept by block hash: a second run asks the source nothing. Each epoch is computed here and in a process of its own with another time zone, locale and order, and the first byte that differs is shown. Exit code 1 when a project fails, differs, or is another one each time.',
  },
})

export const computeRoutes = buildRouteMap({ routes: { run: runCommand }, docs: { brief: 'Run computes on past epochs' } })
