import { WeftError } from '#domain/errors.ts'
import type { AddedSource } from '#node/added-source.ts'
import type { ComputePlace } from '#node/compute-place.ts'
import type { openNamed } from '#node/compute-twice.ts'
import { problemsInRpc } from '#node/rpc-urls.ts'
import type { Given } from '#node/settings/settings.ts'
import { DEVNET_FLAG, givenDataDir } from './data-dir.ts'
import { integerIn } from './parse.ts'

/** Where `./weft compute`, `./weft backfill` and `./weft market graph` find computes, and a chain to run them on. */

export interface ComputeFlags {
  readonly computes?: readonly string[]
  readonly market?: string
  readonly dataDir?: string
  readonly rpc?: string
  readonly epochSize: number
  readonly firstBlock: number
  readonly blockTime: number
  readonly namespace: string
}

export const WHICH_FLAGS = {
  computes: {
    kind: 'parsed',
    parse: String,
    variadic: ',',
    optional: true,
    brief: 'Folders of compute sets, separated by commas, each configured by its config.json; default: those of the devnet',
  },
  market: {
    kind: 'parsed',
    parse: String,
    optional: true,
    brief: 'JSON file that names compute sets with their configuration, instead of a devnet’s',
  },
  dataDir: DEVNET_FLAG,
} as const

export const COMPUTE_FLAGS = {
  ...WHICH_FLAGS,
  dataDir: { ...DEVNET_FLAG, brief: 'Data directory of a devnet that runs (WEFT_DATA_DIR); default: the one started last' },
  rpc: {
    kind: 'parsed',
    parse: String,
    optional: true,
    brief: 'JSON-RPC endpoint of a source chain, instead of a devnet; history is then what was run',
  },
  epochSize: { kind: 'parsed', parse: integerIn(1, 255), default: '10', brief: 'With --rpc: source blocks per epoch' },
  firstBlock: {
    kind: 'parsed',
    parse: integerIn(0, Number.MAX_SAFE_INTEGER),
    default: '1',
    brief: 'With --rpc: block with which epoch 1 begins',
  },
  blockTime: { kind: 'parsed', parse: integerIn(1, 86_400), default: '12', brief: 'With --rpc: seconds between two blocks' },
  namespace: { kind: 'parsed', parse: String, default: 'RUN', brief: 'With --rpc: the end of project ids' },
} as const

/** With what is to be stopped. Throws `SETTINGS_INVALID`, `DATA_DIR_UNKNOWN`, and as the chains do. */
export async function openPlace(
  process: NodeJS.Process,
  flags: ComputeFlags,
  signal: AbortSignal,
): Promise<{ readonly place: ComputePlace; stop(): Promise<void> }> {
  const { placeInDevnet, placeOnChain } = await import('#node/compute-place.ts')
  const { computes: folders = [], rpc, market } = flags
  if (rpc !== undefined) {
    const problems = problemsInRpc(rpc).map((problem) => `--rpc: ${problem}`)
    if (problems.length > 0) throw new WeftError('SETTINGS_INVALID', { problems })
    const form = { epochSize: flags.epochSize, firstBlock: flags.firstBlock, blockTimeSeconds: flags.blockTime, namespace: flags.namespace }
    return { place: placeOnChain(rpc, form, { folders, market }), stop: async () => undefined }
  }
  if (market !== undefined)
    throw new WeftError('SETTINGS_INVALID', { problems: ['--market goes with --rpc: a devnet has a market of its own'] })
  const { openDevnet } = await import('#devnet/kept.ts')
  const { endpoints, stop } = await openDevnet(givenDataDir(process.env as Given, flags.dataDir))
  try {
    return { place: await placeInDevnet(endpoints, { folders, gateways: Object.values(endpoints.gateways), signal }), stop }
  } catch (failure) {
    await stop()
    throw failure
  }
}

/** With the place and its computes, all of which is stopped afterwards. Rejects as `openPlace`, and as `work`. */
export async function withComputes(
  process: NodeJS.Process,
  { flags, signal, added }: { readonly flags: ComputeFlags; readonly signal: AbortSignal; readonly added?: AddedSource | undefined },
  work: (place: ComputePlace, opened: ReturnType<typeof openNamed>) => Promise<void>,
): Promise<void> {
  const { openNamed } = await import('#node/compute-twice.ts')
  const { place: found, stop } = await openPlace(process, flags, signal)
  const place = added === undefined ? found : { ...found, named: { ...found.named, added } }
  try {
    const opened = openNamed(place.named)
    try {
      await work(place, opened)
    } finally {
      await opened.stop()
    }
  } finally {
    await stop()
  }
}
