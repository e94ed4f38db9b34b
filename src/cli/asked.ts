import { isWeftError, WeftError } from '#domain/errors.ts'
import type { EpochId } from '#domain/ids.ts'
import { printable } from '#domain/printable.ts'
import { problemOfUrl } from '#node/pin-places.ts'
import { isHttpUrl, problemsInRpc, rpcInWords } from '#node/rpc-urls.ts'
import { type Given, SETTINGS } from '#node/settings/settings.ts'
import type { VerifyPlaces } from '#node/verify.ts'
import { givenDataDir, nodeHere } from './data-dir.ts'
import { CONTRACT_FLAGS, type ContractFlags, PLACE_FLAGS, placesOf, rpcUrlOf } from './operator.ts'

/** Where commands that read a network find it: what flags name, the node here, or a devnet. */

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

/** Those of the node's own parts, where they were last: what is not theirs any more serves nothing that hashes to what is asked for. */
async function gatewaysOf(dataDir: string): Promise<readonly string[]> {
  const { homesIn } = await import('#node/homes.ts')
  const { announcedAt } = await import('#node/home.ts')
  try {
    return homesIn(dataDir).flatMap((home) => announcedAt(home)['gateway'] ?? [])
  } catch (failure) {
    if (isWeftError(failure, 'DATA_DIR_EMPTY')) return []
    throw failure
  }
}

/**
 * The flags, and for what neither they nor variables name the node whose `weft.json` lies here, unless a data directory says that a devnet is
 * meant. The folder may be somebody else's, and so what it says: whatever is taken from there is told. Throws `SETTINGS_INVALID`.
 */
export async function withNodeHere<Flags extends AskedFlags>(process: NodeJS.Process, flags: Flags, file?: string): Promise<Flags> {
  const env = process.env as Given
  const node = givenDataDir(env, flags.dataDir) === undefined ? await nodeHere(file) : undefined
  if (node === undefined) return flags
  const rpc = flags.rpc ?? env[SETTINGS.anchorRpcUrl.env]
  const network = flags.network ?? env[SETTINGS.network.env]
  const gateway = flags.gateway === undefined ? [...node.gateways, ...(await gatewaysOf(node.dataDir))] : []
  const here = {
    ...(rpc === undefined && node.anchorRpcUrl && { rpc: node.anchorRpcUrl }),
    ...(network === undefined && node.network && { network: node.network }),
    ...(gateway.length > 0 && { gateway }),
  }
  checkHere(here, node.file)
  const told = [
    here.network && `network ${here.network}`,
    here.rpc && `endpoint ${rpcInWords(here.rpc)}`,
    here.gateway && `gateways ${here.gateway.map((url) => new URL(url).origin).join(', ')}`,
  ].filter((each) => each !== undefined)
  if (told.length > 0) process.stderr.write(`as ${printable(`${node.file} says: ${told.join('; ')}`)}\n`)
  return { ...flags, gateway: flags.gateway ?? [], ...(rpc && { rpc }), ...(network && { network }), ...here }
}

/** What a flag would be refused for. Throws `SETTINGS_INVALID`. */
function checkHere({ rpc, gateway = [] }: Pick<AskedFlags, 'rpc' | 'gateway'>, file: string): void {
  const ofRpc = rpc === undefined ? [] : problemsInRpc(rpc).map((problem) => `settings.anchorRpcUrl: ${problem}`)
  const ofGateways = gateway.flatMap((url, index) => {
    const problem = problemOfUrl(url, { isSecret: false })
    return problem === undefined ? [] : [`settings.gateways: URL ${index + 1} ${problem}`]
  })
  const problems = [...ofRpc, ...ofGateways].map((problem) => `${file}: ${problem}`)
  if (problems.length > 0) throw new WeftError('SETTINGS_INVALID', { problems })
}

/** The network of an endpoint and a network file where flags or the node here name them, else a devnet. Throws `SETTINGS_INVALID`, and as `openDevnet`. */
export async function openAsked(process: NodeJS.Process, given: AskedFlags, file?: string): Promise<Opened> {
  const flags = await withNodeHere(process, given, file)
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
  if (gateway.length === 0)
    problems.push('--gateway is needed: a trustless IPFS gateway of somebody who has the market’s content, as a role prints its own')
  if (network === undefined || problems.length > 0) throw new WeftError('SETTINGS_INVALID', { problems })
  const { chainId: anchorChainId, protocolState, dataMarket } = network
  const places = { anchorRpcUrl, anchorChainId, protocolState, dataMarket }
  return { places, gateways: gateway, stop: async () => undefined }
}

/** Of every command that asks a network. */
export const ASKED_FLAGS = {
  dataDir: {
    kind: 'parsed',
    parse: String,
    optional: true,
    brief:
      'Data directory of a devnet that runs or was kept (WEFT_DATA_DIR); default: the network of the node whose weft.json lies here, or else the devnet started last',
  },
  rpc: PLACE_FLAGS.rpc,
  network: CONTRACT_FLAGS.network,
  gateway: {
    kind: 'parsed',
    parse: gatewayUrl,
    optional: true,
    variadic: true,
    brief: 'Trustless IPFS gateway; may be given several times, and they are asked in that order',
  },
} as const

export function httpUrl(text: string): string {
  if (!isHttpUrl(text)) throw new SyntaxError(`'${text}' is no http or https URL`)
  return text
}

/** Not repeated: it may hold a key. */
function gatewayUrl(text: string): string {
  const problem = problemOfUrl(text, { isSecret: false })
  if (problem !== undefined) throw new SyntaxError(`a gateway ${problem}`)
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
