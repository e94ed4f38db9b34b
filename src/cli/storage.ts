import { buildCommand, buildRouteMap } from '@stricli/core'
import { WeftError } from '#domain/errors.ts'
import { type Given, SETTINGS } from '#node/settings/settings.ts'
import type { Held, Pruned, RoleStorage } from '#node/storage.ts'
import { dataDirHere, HOME_FLAGS, type HomeFlags } from './data-dir.ts'
import { integerIn } from './parse.ts'

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const

/** `98.3 kB`, in thousands. */
export function sizeInWords(bytes: number): string {
  const power = bytes < 1_000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3))
  return `${power === 0 ? bytes : (bytes / 1_000 ** power).toFixed(1)} ${UNITS[power]}`
}

function heldInWords({ kind, count, bytes, oldestEpoch }: Held): string {
  const from = oldestEpoch === undefined ? '' : `, from epoch ${oldestEpoch}`
  return `  ${kind.padEnd(14)} ${String(count).padStart(9)}  ${sizeInWords(bytes).padStart(9)}${from}`
}

function storageInWords({ role, usedBy, held }: RoleStorage): string {
  const running = usedBy === undefined ? '' : ` (runs, process ${usedBy}: what is in its store cannot be told)`
  return [`${role}${running}`, ...(held.length === 0 ? ['  nothing'] : held.map(heldInWords))].join('\n')
}

const showCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: HomeFlags) {
    const { storageOf } = await import('#node/storage.ts')
    const roles = await storageOf(await dataDirHere(this.process.env as Given, flags.dataDir))
    for (const role of roles) this.process.stdout.write(`${flags.json ? JSON.stringify(role) : storageInWords(role)}\n`)
  },
  parameters: { flags: HOME_FLAGS },
  docs: {
    brief: 'Say what a data directory holds, by role and kind',
    fullDescription:
      'Blocks of the IPFS node, CAR files in the folders that the role copies to, the size of its store on disk, and what the store has of each kind: how many, their bytes, the oldest epoch. `./weft storage` alone does the same. What is in the store of a role that runs is not told.',
  },
})

interface PruneFlags extends HomeFlags {
  readonly epochsKept?: number
  readonly ipfsEpochsKept?: number
  readonly dryRun: boolean
}

type KeptName = 'epochsKept' | 'ipfsEpochsKept'
const keptParser = (name: KeptName) => integerIn(SETTINGS[name].min, SETTINGS[name].max)

function keptFlag<Name extends KeptName>(name: Name) {
  const { doc, env, fallback } = SETTINGS[name]
  return { kind: 'parsed', parse: keptParser(name), optional: true, brief: `${doc} (${env}; default ${fallback})` } as const
}

/** As a role would read it. Throws `SETTINGS_INVALID`. */
function keptOf(name: KeptName, flag: number | undefined, env: Given): number {
  const text = env[SETTINGS[name].env]
  if (flag !== undefined || text === undefined) return flag ?? SETTINGS[name].fallback
  try {
    return keptParser(name)(text)
  } catch (failure) {
    throw new WeftError('SETTINGS_INVALID', { problems: [`${SETTINGS[name].env}: ${(failure as Error).message}`] }, failure)
  }
}

function prunedInWords({ role, blocks, blockBytes, guards, records, unfinished, adopted, over }: Pruned, isDryRun: boolean): string {
  const verb = isDryRun ? 'would go' : 'went'
  return [
    `${role}: ${blocks} blocks of ${sizeInWords(blockBytes)}, ${guards} guards, ${records} records and ${unfinished} unfinished files ${verb}`,
    ...(adopted > 0 ? [`  ${adopted} blocks were not known, and ${isDryRun ? 'would be' : 'are'} kept as those of the newest epoch`] : []),
    over === 0
      ? '  the role has not yet seen an epoch of which the chain can decide nothing more: run it first'
      : `  epochs after ${over} stay: the chain may still decide about them`,
  ].join('\n')
}

const pruneCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: PruneFlags) {
    const env = this.process.env as Given
    const dataDir = await dataDirHere(env, flags.dataDir)
    const kept = {
      epochsKept: keptOf('epochsKept', flags.epochsKept, env),
      ipfsEpochsKept: keptOf('ipfsEpochsKept', flags.ipfsEpochsKept, env),
    }
    const { prune } = await import('#node/storage.ts')
    const pruned = await prune(dataDir, { ...kept, isDryRun: flags.dryRun })
    for (const one of pruned) this.process.stdout.write(`${flags.json ? JSON.stringify(one) : prunedInWords(one, flags.dryRun)}\n`)
  },
  parameters: {
    flags: {
      ...HOME_FLAGS,
      epochsKept: keptFlag('epochsKept'),
      ipfsEpochsKept: keptFlag('ipfsEpochsKept'),
      dryRun: { kind: 'boolean', default: false, brief: 'Say what would go, and remove nothing' },
    },
  },
  docs: {
    brief: 'Remove now what nobody can need any more, from roles that do not run',
    fullDescription:
      'A running role does this by itself. Nothing goes of an epoch about which the chain may still decide, as far as the role has seen it. Refused while a role of the directory runs.',
  },
})

export const storageRoutes = buildRouteMap({
  routes: { show: showCommand, prune: pruneCommand },
  defaultCommand: 'show',
  docs: { brief: 'See what roles have on disk, and remove what is too old' },
})
