import { buildCommand } from '@stricli/core'
import type { Backup } from '#node/backup.ts'
import type { Given } from '#node/settings/settings.ts'
import { CONFIG_FLAG } from './config.ts'
import { givenDataDir } from './data-dir.ts'
import { sizeInWords } from './storage.ts'

interface PlaceFlags {
  readonly dataDir?: string
  readonly config: string
}

const PLACE_FLAGS = {
  dataDir: {
    kind: 'parsed',
    parse: String,
    optional: true,
    brief: 'Data directory of a role, or of several (WEFT_DATA_DIR); default: that of the file of `weft node`',
  },
  config: CONFIG_FLAG,
} as const

const FOLDER = { kind: 'tuple', parameters: [{ brief: 'The folder of the backup', parse: String, placeholder: 'FOLDER' }] } as const

async function dataDirOf(env: Given, { dataDir, config }: PlaceFlags): Promise<string> {
  const given = givenDataDir(env, dataDir)
  if (given !== undefined) return given
  const { readConfig } = await import('#node/node-config.ts')
  return readConfig(config).dataDir
}

function partsInWords({ parts }: Backup): string {
  const width = Math.max(...parts.map(({ role }) => role.length))
  return parts
    .map(({ name, role, files, blocks }) => {
      const kept = blocks.count === 0 ? '' : `, ${blocks.count} blocks of ${sizeInWords(blocks.bytes)}`
      return `  ${role.padEnd(width)}  ${name === '' ? '' : `in ${name}: `}store and ${Object.keys(files).length - 1} files${kept}\n`
    })
    .join('')
}

export const backupCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: PlaceFlags & { readonly blocks: boolean }, folder: string) {
    const { backup } = await import('#node/backup.ts')
    const dataDir = await dataDirOf(this.process.env as Given, flags)
    const made = await backup(folder, { dataDir, blocks: flags.blocks })
    this.process.stdout.write(
      `${folder}: what ${dataDir} must keep\n${partsInWords(made)}Not in it: weft.json, keys and passwords. Keep them at two other places.\n`,
    )
  },
  parameters: {
    flags: {
      ...PLACE_FLAGS,
      blocks: {
        kind: 'boolean',
        default: true,
        brief: 'With the blocks of IPFS nodes: own snapshots and batches, which perhaps nobody else has',
      },
    },
    positional: FOLDER,
  },
  docs: {
    brief: 'Copy what roles must keep, also while they run',
    fullDescription:
      'Stores with their guards and outboxes, identities, manifests, and blocks of IPFS nodes; not the index of an api, which is read from the chain again. The folder has its name when it is whole. It holds identities: for nobody else to read.',
  },
})

export const restoreCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: PlaceFlags, folder: string) {
    const { restore } = await import('#node/backup.ts')
    const dataDir = await dataDirOf(this.process.env as Given, flags)
    const restored = await restore(folder, { dataDir })
    this.process.stdout.write(
      `${dataDir}: restored from ${folder}\n${partsInWords(restored)}What ran on the original must be stopped for good. At its first start a role signs nothing for epochs that are released by then, since the backup does not know what was signed after it was made; it logs \`restored\` and begins with the next one.\n`,
    )
  },
  parameters: { flags: PLACE_FLAGS, positional: FOLDER },
  docs: {
    brief: 'Make a data directory of a backup',
    fullDescription:
      'Into a folder that is empty or does not exist, and that nobody uses. A backup that is changed, not whole, or of a newer Weft is refused, and then nothing is restored.',
  },
})
