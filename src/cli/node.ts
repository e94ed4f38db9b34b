import { buildCommand } from '@stricli/core'
import type { Given } from '#node/settings/settings.ts'
import { stopSignal } from '#node/stop.ts'
import { CONFIG_FLAG } from './config.ts'
import { askForSigner } from './password.ts'

export const nodeCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, { config }: { readonly config: string }) {
    const { readConfig } = await import('#node/node-config.ts')
    const { readParts, runParts } = await import('#node/node.ts')
    const { beforeStart } = await import('#node/start.ts')
    const { createUnlocker } = await import('#node/key-files.ts')
    const file = readConfig(config)
    const parts = readParts(file, this.process.env as Given)
    const unlock = createUnlocker((what) => askForSigner(this.process, what))
    const unlocked = []
    // One after the other: each may ask.
    for (const part of parts) {
      const { role, settings } = part
      unlocked.push({ ...part, settings: await beforeStart({ role, dataDir: settings.dataDir }, unlock(settings)) })
    }
    await runParts(unlocked, stopSignal(), { log: { role: 'node', keepIn: file.dataDir } })
  },
  parameters: { flags: { config: CONFIG_FLAG } },
  docs: {
    brief: 'Run several roles in one process, as a file says',
    fullDescription:
      '`./weft init` writes the file, `./weft config schema` its form for editors. Each part is a role as it is alone, with a data directory of its own; they share the endpoints of chains. ' +
      'A part that ends by itself is told and, where that may help, started again; the others go on. Variables win over the file.',
  },
})
