import { WeftError } from '#domain/errors.ts'
import type { EpochId } from '#domain/ids.ts'
import { isHttpUrl } from '#node/rpc-urls.ts'
import type { Given } from '#node/settings/settings.ts'
import type { VerifyPlaces } from '#node/verify.ts'
import { DEVNET_FLAG, givenDataDir } from './data-dir.ts'
import { CONTRACT_FLAGS, type ContractFlags, PLACE_FLAGS, placesOf, rpcUrlOf } from './operator.ts'

/** Where commands that read a network find it: a devnet, or what flags name. */

/** Which network is asked. */
export interface AskedFlags extends Pick<ContractFlags, 'network'> {
  readonly dataDir?: string
  readonly json: boolean
  readonly rpc?: string
  readonly gateway?: readonly string[]
}

interface Opened {
  readonly places: VerifyPlaces
  readonly gateways: readonly string[]
  /** URL of the HTTP routes of a devnet's sequencer. */
  readonly sequencer?: string | undefined
  stop(): Promise<void>
}

/** A devnet, unless an endpoint is named: then the network whose file is given. Throws `SETTINGS_INVALID`, and as `openDevnet`. */
export async function openAsked(process: NodeJS.Process, flags: AskedFlags): Promise<Opened> {
  const { gateway = [] } = flags
  if (flags.rpc === undefined && flags.network === undefined) {
    const { openDevnet } = await import('#devnet/kept.ts')
    const { endpoints, stop } = await openDevnet(givenDataDir(process.env as Given, flags.dataDir))
    return { places: endpoints, gateways: [...gateway, ...Object.values(endpoints.gateways)], sequencer: endpoints.sequencerHttp, stop }
  }
  const anchorRpcUrl = rpcUrlOf(process, flags)
  const { network } = placesOf(process, flags)
  const problems: string[] = []
  if (network === undefined) problems.push('--network is needed: the network.json that `./weft deploy` wrote')
  if (gateway.length === 0) problems.push('--gateway is needed: a trustless IPFS gateway, for example https://ipfs.io')
  if (network === undefined || problems.length > 0) throw new WeftError('SETTINGS_INVALID', { problems })
  const { chainId: anchorChainId, protocolState, dataMarket } = network
  const places = { anchorRpcUrl, anchorChainId, protocolState, dataMarket }
  return { places, gateways: gateway, stop: async () => undefined }
}

/** Of every command that asks a network. */
export const ASKED_FLAGS = {
  dataDir: DEVNET_FLAG,
  rpc: PLACE_FLAGS.rpc,
  network: CONTRACT_FLAGS.network,
  gateway: {
    kind: 'parsed',
    parse: httpUrl,
    optional: true,
    variadic: true,
    brief: 'Trustless IPFS gateway; may be given several times, and they are asked in that order',
  },
} as const

export function httpUrl(text: string): string {
  if (!isHttpUrl(text)) throw new SyntaxError(`'${text}' is no http or https URL`)
  return text
}

/** What would move a terminal's cursor is shown, not done. Snapshots are JSON, in which no such character stands for itself. */
export const harmless = (text: string): string => text.replace(/(?![\n\t])\p{C}/gu, '�')

/** Of who looks for the latest epoch of a project: it may take a while, and is no part of the answer. */
export const toldLookBack =
  ({ stderr }: NodeJS.Process) =>
  (from: EpochId): void =>
    void stderr.write(`looking back, from epoch ${from} …\n`)

export const WINDOW_UNIT_FLAG = {
  kind: 'enum',
  values: ['blocks', 'seconds'],
  optional: true,
  brief: "Unit of the market's snapshot window, where it has no manifest; default: seconds",
} as const
