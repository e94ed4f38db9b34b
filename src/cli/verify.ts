import { buildCommand } from '@stricli/core'
import { WeftError } from '#domain/errors.ts'
import { parseEpochId } from '#domain/ids.ts'
import { printable } from '#domain/printable.ts'
import { type Given, isHttpUrl, rpcInWords } from '#node/settings.ts'
import { stopSignal } from '#node/stop.ts'
import type { VerifyPlaces } from '#node/verify.ts'
import { givenDataDir } from './data-dir.ts'
import { CONTRACT_FLAGS, type ContractFlags, PLACE_FLAGS, placesOf, rpcUrlOf } from './operator.ts'

/** Which network is asked. */
export interface AskedFlags extends Pick<ContractFlags, 'network'> {
  readonly dataDir?: string
  readonly json: boolean
  readonly rpc?: string
  readonly gateway?: readonly string[]
}

interface Flags extends AskedFlags {
  readonly show: boolean
  readonly windowUnit?: 'blocks' | 'seconds'
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
  dataDir: {
    kind: 'parsed',
    parse: String,
    optional: true,
    brief: 'Data directory of a devnet that runs or was kept (WEFT_DATA_DIR); default: the one started last',
  },
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

export const verifyCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: Flags, project: string, epochText: string) {
    const epoch = epochText === 'latest' ? epochText : parseEpochId(epochText)
    const { openAnchor, readFileFrom, verifyOn } = await import('#node/verify.ts')
    const { meantPoint } = await import('#node/data-point.ts')
    const signal = stopSignal()
    const { windowUnit } = flags
    const { places, gateways, stop } = await openAsked(this.process, flags)
    const say = (text: string): void => void this.process.stdout.write(`${text}\n`)
    let data: Uint8Array | undefined
    try {
      const chain = await openAnchor(places)
      const point = await meantPoint({ project, epoch }, chain, readFileFrom(gateways, signal))
      if (!flags.json) say(`${printable(point.projectId)}, epoch ${point.epochId}, against ${rpcInWords(places.anchorRpcUrl)}`)
      const proof = await verifyOn(chain, {
        ...point,
        windowUnit,
        gateways,
        signal,
        onData: (bytes) => {
          data = bytes
        },
        onStep: (step) => {
          if (!flags.json) say(`  ${step.ok ? '✔' : '✘'} ${step.step.padEnd(17)} ${printable(step.detail)}`)
        },
      })
      const shown = flags.show && proof.ok && data !== undefined ? { data: textOf(data) } : {}
      if (flags.json) say(JSON.stringify({ ...proof, ...point, ...shown }))
      else say([proof.ok ? 'verified' : `not verified: ${proof.failed}`, ...Object.values(shown)].join('\n'))
      this.process.exitCode = proof.ok ? 0 : 1
    } finally {
      await stop()
    }
  },
  parameters: {
    flags: {
      ...ASKED_FLAGS,
      windowUnit: {
        kind: 'enum',
        values: ['blocks', 'seconds'],
        optional: true,
        brief: "Unit of the market's snapshot window, where it has no manifest; default: seconds",
      },
      show: { kind: 'boolean', default: false, withNegated: false, brief: 'Print the data when it is proved' },
      json: { kind: 'boolean', default: false, brief: 'Print one JSON object: ok, status, failed, steps, projectId, epochId, data' },
    },
    positional: {
      kind: 'tuple',
      parameters: [
        { brief: 'Project id, or a part of one that no other project of the epoch has', parse: String, placeholder: 'projectId' },
        { brief: 'Epoch id, or `latest`: the newest in which the project is final', parse: String, placeholder: 'epochId' },
      ],
    },
  },
  docs: {
    brief: 'Prove one data point, byte by byte',
    fullDescription:
      'Bytes, CID, batch, signatures, votes, both Merkle roots, the on-chain batch and its attestations. It trusts the anchor chain endpoint and nothing else. Exit code 0 when every step holds, 1 otherwise: what is pending or disputed is not proved.',
  },
})

export function httpUrl(text: string): string {
  if (!isHttpUrl(text)) throw new SyntaxError(`'${text}' is no http or https URL`)
  return text
}

/** What would move a terminal's cursor is shown, not done. Snapshots are JSON, in which no such character stands for itself. */
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes).replace(/(?![\n\t])\p{C}/gu, '�')
