import { buildCommand } from '@stricli/core'
import { WeftError } from '#domain/errors.ts'
import type { ComputesNamed } from '#node/compute-twice.ts'
import { stopSignal } from '#node/stop.ts'
import { COMPUTE_FLAGS, openPlace, WHICH_FLAGS } from './compute-place.ts'

interface Flags {
  readonly computes?: readonly string[]
  readonly market?: string
  readonly dataDir?: string
  readonly json: boolean
  readonly dot: boolean
  readonly mermaid: boolean
}

const isSet = (brief: string) => ({ kind: 'boolean', default: false, withNegated: false, brief }) as const

/** Stands for the devnet's addresses where there is no devnet: a picture has none of them. */
function standIns(): NonNullable<ComputesNamed['own']> {
  const address = (index: number): string => `0x${index.toString(16).padStart(40, '0')}`
  const names = ['factory', 'router', 'weth', 'dai', 'usdc', 'usdt']
  const single = names.map((name, index) => [name, address(index + 1)] as const)
  return { places: { ...Object.fromEntries(single), pairs: [address(8)], whitelist: [address(3)] } }
}

/** Of files alone, or of a devnet. */
async function namedBy(process: NodeJS.Process, flags: Flags): Promise<{ readonly named: ComputesNamed; readonly namespace: string }> {
  const { computes: folders = [], market } = flags
  if (market !== undefined || (folders.length > 0 && flags.dataDir === undefined)) {
    const { readMarketList } = await import('#node/market-file.ts')
    return { named: { folders, sets: market === undefined ? [] : readMarketList(market), own: standIns() }, namespace: 'GRAPH' }
  }
  const { place, stop } = await openPlace(process, { ...flags, ...GRAPH_FORM }, stopSignal())
  await stop()
  return place
}

/** Of no account in a picture. */
const GRAPH_FORM = { epochSize: 1, firstBlock: 1, blockTime: 1, namespace: COMPUTE_FLAGS.namespace.default }

export const graphCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: Flags) {
    if ([flags.json, flags.dot, flags.mermaid].filter(Boolean).length > 1)
      throw new WeftError('SETTINGS_INVALID', { problems: ['of --json, --dot and --mermaid one is enough'] })
    const { openNamed } = await import('#node/compute-twice.ts')
    const { graphDot, graphMermaid, graphOf, graphText } = await import('#node/market-graph.ts')
    const { named, namespace } = await namedBy(this.process, flags)
    const opened = openNamed(named)
    try {
      const nodes = graphOf(opened, namespace)
      const draw = flags.dot ? graphDot : flags.mermaid ? graphMermaid : graphText
      this.process.stdout.write(`${flags.json ? JSON.stringify({ nodes }) : draw(nodes)}\n`)
    } finally {
      await opened.stop()
    }
  },
  parameters: {
    flags: {
      ...WHICH_FLAGS,
      json: isSet('Print one JSON object: nodes, each with kind, name, projects and the places in the list of what it needs'),
      dot: isSet('Print it for Graphviz'),
      mermaid: isSet('Print it for Mermaid, as Markdown pages show it'),
    },
  },
  docs: {
    brief: 'Draw what builds on what among the computes of a market',
    fullDescription:
      'Of a devnet, of folders, or of a market file. What is unknown, in a circle, or led to by nothing is refused, all of it at once with file and line, here as wherever computes start.',
  },
})
