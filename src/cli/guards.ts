import { buildCommand, buildRouteMap } from '@stricli/core'
import type { Given } from '#node/settings/settings.ts'
import { printable } from '#domain/printable.ts'
import { neededDataDir } from './data-dir.ts'

interface Flags {
  readonly dataDir?: string
}

const FLAGS = {
  dataDir: { kind: 'parsed', parse: String, optional: true, brief: 'Data directory of the validator (WEFT_DATA_DIR)' },
} as const
const FILE = { kind: 'tuple', parameters: [{ brief: 'The file', parse: String, placeholder: 'FILE' }] } as const

const exportCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: Flags & { readonly minimal: boolean }, path: string) {
    const { exportTo } = await import('#node/guards.ts')
    const dataDir = neededDataDir(this.process.env as Given, flags.dataDir)
    const { guards, signedUpTo, validator } = await exportTo(path, { dataDir, isMinimal: flags.minimal })
    const upTo = signedUpTo === undefined ? '' : `, nothing more up to epoch ${signedUpTo}`
    this.process.stdout.write(`${path}: what ${validator} has signed, ${guards.length} batches${upTo}. It must not run here any more.\n`)
  },
  parameters: {
    flags: {
      ...FLAGS,
      minimal: { kind: 'boolean', default: false, brief: 'Only the newest epoch: the other machine signs nothing up to it' },
    },
    positional: FILE,
  },
  docs: {
    brief: 'Write down what a validator has signed, to move it to another machine',
    fullDescription:
      'Refused while the validator runs. Stop it for good first: two machines that sign with one key are what the file protects from.',
  },
})

const importCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: Flags, path: string) {
    const { importFrom } = await import('#node/guards.ts')
    const { added, known, conflicts } = await importFrom(path, { dataDir: neededDataDir(this.process.env as Given, flags.dataDir) })
    this.process.stdout.write(`${path}: ${added} batches added, ${known} known before, ${conflicts.length} in conflict\n`)
    for (const batch of conflicts)
      this.process.stdout.write(`  signed otherwise here: ${printable(batch)}. Nothing is signed for it any more.\n`)
  },
  parameters: { flags: FLAGS, positional: FILE },
  docs: {
    brief: 'Take over what a validator has signed on another machine',
    fullDescription:
      'Adds to what is here and loosens nothing: where both say something else about a batch, nothing is signed for it any more. Refused for the file of another validator, chain or market, and while the validator runs.',
  },
})

export const guardsRoutes = buildRouteMap({
  routes: { export: exportCommand, import: importCommand },
  docs: { brief: 'Move what a validator must not sign twice between machines' },
})
