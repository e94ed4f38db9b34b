import { buildCommand } from '@stricli/core'
import { WeftError } from '#domain/errors.ts'
import { type EpochId, parseEpochId } from '#domain/ids.ts'
import { printable } from '#domain/printable.ts'
import type { Data } from '#node/data.ts'
import { stopSignal } from '#node/stop.ts'
import { ASKED_FLAGS, type AskedFlags, harmless, httpUrl, openAsked, toldLookBack } from './asked.ts'
import { integerIn } from './parse.ts'

/** `./weft get`, `projects` and `released`: what a market holds, printed. `./weft epochs` is the role that releases them. */

/** Epochs that one range names. */
const RANGE_MAX = 1_000
/** Epochs that are listed. */
const LISTED_MAX = 50

interface Flags extends AskedFlags {
  readonly api?: string
}

const READ_FLAGS = {
  ...ASKED_FLAGS,
  api: {
    kind: 'parsed',
    parse: httpUrl,
    optional: true,
    brief: 'URL of an api to ask, which is believed; without it, chain and IPFS are read',
  },
} as const
const json = (brief: string) => ({ kind: 'boolean', default: false, brief }) as const

/** Reads from the api, or from chain and IPFS. */
async function reading(process: NodeJS.Process, flags: Flags, work: (data: Data) => Promise<void>): Promise<void> {
  const signal = stopSignal()
  if (flags.api !== undefined) {
    const { createApiData } = await import('#node/api-data.ts')
    return work(createApiData(flags.api, signal))
  }
  const { openAnchor } = await import('#node/verify.ts')
  const { createChainData } = await import('#node/chain-data.ts')
  const { places, gateways, stop } = await openAsked(process, flags)
  try {
    await work(createChainData(await openAnchor(places), { gateways, signal, onLookBack: toldLookBack(process) }))
  } finally {
    await stop()
  }
}

export type AskedEpochs = 'latest' | readonly [EpochId, ...EpochId[]]

/** `latest`, an epoch, or several from one to another. */
export function epochsIn(text: string): AskedEpochs {
  if (text === 'latest') return text
  const [from, to = from, ...more] = text.split('..').map((part) => parseEpochId(part)) as [EpochId, EpochId?, ...EpochId[]]
  if (more.length > 0 || to < from || to - from >= RANGE_MAX)
    throw new WeftError('SETTINGS_INVALID', { problems: [`${text}: 1 to ${RANGE_MAX} epochs, as in 100..199`] })
  return Array.from({ length: to - from + 1 }, (_, index) => (from + index) as EpochId) as unknown as AskedEpochs
}

export const getCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: Flags, project: string, epochText: string) {
    const asked = epochsIn(epochText)
    const { stdout, stderr } = this.process
    await reading(this.process, flags, async (data) => {
      const { projectId, epochId } = await data.meant({ project, epoch: asked === 'latest' ? asked : asked[0] })
      this.process.exitCode = 0
      for await (const point of data.points(projectId, asked === 'latest' ? [epochId] : asked)) {
        if (point.text === undefined) this.process.exitCode = 1
        if (flags.json) stdout.write(`${JSON.stringify(point)}\n`)
        else {
          // Beside the data, so that these can go on to another program.
          stderr.write(
            `${printable(projectId)}, epoch ${point.epochId}: ${point.status}${point.why === undefined ? '' : `, ${printable(point.why)}`}\n`,
          )
          if (point.text !== undefined) stdout.write(`${harmless(point.text)}\n`)
        }
      }
    })
  },
  parameters: {
    flags: { ...READ_FLAGS, json: json('Print a JSON object per epoch: projectId, epochId, status, snapshotCid, text, why') },
    positional: {
      kind: 'tuple',
      parameters: [
        { brief: 'Project id, or a part of one that no other project has', parse: String, placeholder: 'projectId' },
        { brief: 'Epoch id, `latest`, or several: `100..199`, 1000 at most', parse: String, placeholder: 'epochs' },
      ],
    },
  },
  docs: {
    brief: 'Print the data of a project',
    fullDescription:
      'The snapshot goes to the output, its status beside it. Bytes are what their CID says; that the CID is final, and by whose votes, `./weft verify` proves. Exit code 1 when an epoch has no data.',
  },
})

/** One that a busy epoch missed is in an earlier one. */
const NONE_NOW = 'no project of the newest ended epoch has this in its id: `./weft get PART latest` looks in earlier ones as well\n'

export const projectsCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: Flags, search?: string) {
    await reading(this.process, flags, async (data) => {
      const projects = await data.projects(search ?? '')
      if (flags.json) this.process.stdout.write(`${JSON.stringify({ projects })}\n`)
      else for (const projectId of projects) this.process.stdout.write(`${printable(projectId)}\n`)
      if (projects.length === 0) this.process.stderr.write(flags.api === undefined ? NONE_NOW : 'no project has this in its id\n')
      this.process.exitCode = projects.length === 0 ? 1 : 0
    })
  },
  parameters: {
    flags: { ...READ_FLAGS, json: json('Print one JSON object: projects') },
    positional: {
      kind: 'tuple',
      parameters: [{ brief: 'Part of a project id, in any case', parse: String, placeholder: 'search', optional: true }],
    },
  },
  docs: {
    brief: 'List projects',
    fullDescription:
      'From chain and IPFS those of the newest ended epoch that has any, or else of the newest that has; from an api all that it knows. Exit code 1 when there is none.',
  },
})

interface EpochsFlags extends Flags {
  readonly last: number
}

export const releasedCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: EpochsFlags) {
    await reading(this.process, flags, async (data) => {
      const epochs = await data.epochs(flags.last)
      if (flags.json) return void this.process.stdout.write(`${JSON.stringify({ epochs })}\n`)
      for (const { epochId, end, releasedAt, status, batches } of epochs) {
        const time = releasedAt === 0 ? '-' : new Date(releasedAt * 1_000).toISOString()
        const count = `${batches} batch${batches === 1 ? '' : 'es'}`
        this.process.stdout.write(
          `${String(epochId).padStart(10)}  ${time.padEnd(24)}  to block ${String(end).padEnd(10)}  ${count.padEnd(12)}  ${printable(status)}\n`,
        )
      }
    })
  },
  parameters: {
    flags: {
      ...READ_FLAGS,
      last: { kind: 'parsed', parse: integerIn(1, LISTED_MAX), default: '10', brief: 'How many' },
      json: json(
        'Print one JSON object: epochs, each with epochId, end (its last source block), releasedAt (Unix seconds), status, batches',
      ),
    },
  },
  docs: { brief: 'List the newest epochs, and what became of them' },
})
