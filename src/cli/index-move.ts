import { buildCommand, buildRouteMap } from '@stricli/core'
import type { Given } from '#node/settings/settings.ts'
import { neededDataDir } from './data-dir.ts'
import { sizeInWords } from './storage.ts'

interface Flags {
  readonly dataDir?: string
}

const FLAGS = {
  dataDir: { kind: 'parsed', parse: String, optional: true, brief: 'Data directory of the api (WEFT_DATA_DIR)' },
} as const
const FILE = { kind: 'tuple', parameters: [{ brief: 'The file, in the CAR format of IPFS', parse: String, placeholder: 'FILE' }] } as const

const movedInWords = (path: string, { blocks, bytes, damaged }: { blocks: number; bytes: number; damaged: number }): string =>
  `${path}: ${blocks} blocks, ${sizeInWords(bytes)}${damaged > 0 ? `; ${damaged} that are not what their CIDs say were left out` : ''}\n`

const exportCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: Flags, path: string) {
    const { exportIndex } = await import('#node/index-move.ts')
    const moved = await exportIndex(path, { dataDir: neededDataDir(this.process.env as Given, flags.dataDir) })
    this.process.stdout.write(movedInWords(path, moved))
  },
  parameters: { flags: FLAGS, positional: FILE },
  docs: {
    brief: 'Write what an index is made from, batches and snapshots, to a file',
    fullDescription: 'Also while the api runs. Where they belong is on the chain, and not in the file.',
  },
})

const importCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: Flags, path: string) {
    const { importIndex } = await import('#node/index-move.ts')
    const moved = await importIndex(path, { dataDir: neededDataDir(this.process.env as Given, flags.dataDir) })
    this.process.stdout.write(`${movedInWords(path, moved)}Start the api: it reads from the chain which of them count.\n`)
  },
  parameters: { flags: FLAGS, positional: FILE },
  docs: {
    brief: 'Take over what the index of another api is made from',
    fullDescription:
      'Each block is hashed. The api then follows the chain from the block that created the market, and takes a batch only when it has the anchored roots and a snapshot only under its own CID: the file is believed in nothing, and saves the way to the peers. Refused while the api runs.',
  },
})

export const indexRoutes = buildRouteMap({
  routes: { export: exportCommand, import: importCommand },
  docs: { brief: 'Take what an index is made from to another machine' },
})
