import { buildCommand } from '@stricli/core'
import type { Batch } from '#domain/batch.ts'
import { WeftError } from '#domain/errors.ts'
import { type Address, parseAddress } from '#domain/ids.ts'
import { printable } from '#domain/printable.ts'
import { stopSignal } from '#node/stop.ts'
import { ASKED_FLAGS, type AskedFlags, openAsked } from './asked.ts'
import { integerIn } from './parse.ts'

interface Flags extends AskedFlags {
  readonly chainId?: number
  readonly contract?: Address
  readonly after?: readonly string[]
}

/** What the words say of where and over what; a devnet or network says the rest. */
interface Place {
  readonly gateways: readonly string[]
  readonly domain: { readonly chainId: number; readonly protocolState: Address } | undefined
  stop(): Promise<void>
}

/** Files and a contract need no network: nothing is looked for then. */
async function placeOf(process: NodeJS.Process, flags: Flags, isOffline: boolean): Promise<Place> {
  const { chainId, contract, gateway = [] } = flags
  if ((chainId === undefined) !== (contract === undefined))
    throw new WeftError('SETTINGS_INVALID', { problems: ['--chain-id and --contract say together over what submissions are signed'] })
  const domain = chainId === undefined || contract === undefined ? undefined : { chainId, protocolState: contract }
  const isNamed = flags.dataDir !== undefined || flags.network !== undefined || flags.rpc !== undefined
  if (!isNamed && (isOffline || gateway.length > 0)) return { gateways: gateway, domain, stop: async () => undefined }
  const { places, gateways, stop } = await openAsked(process, flags)
  const own = { chainId: places.anchorChainId, protocolState: parseAddress(places.protocolState) }
  return { gateways, domain: domain ?? own, stop }
}

export const verifyBatchCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: Flags, word: string) {
    const { checkBatchOf, earlierBatch, isFile, readBatch, requireFileOrCid } = await import('#node/batch.ts')
    const signal = stopSignal()
    const { after = [] } = flags
    for (const each of [word, ...after]) requireFileOrCid(each)
    const { gateways, domain, stop } = await placeOf(this.process, flags, [word, ...after].every(isFile))
    const say = (text: string): void => void (flags.json || this.process.stdout.write(`${text}\n`))
    try {
      const read = await readBatch(word, gateways, signal)
      const earlier: Batch[] = []
      for (const each of after) earlier.push(earlierBatch(await readBatch(each, gateways, signal), each))
      say(printable(word))
      const findings = await checkBatchOf({ ...read, domain, earlier }, ({ check, ok, detail }) => {
        say(`  ${ok === undefined ? '·' : ok ? '✔' : '✘'} ${check.padEnd(17)} ${printable(detail)}`)
      })
      const failed = findings.filter(({ ok }) => ok === false).map(({ check }) => check)
      if (flags.json) this.process.stdout.write(`${JSON.stringify({ ok: failed.length === 0, failed, checks: findings })}\n`)
      else say(failed.length === 0 ? 'it agrees with itself' : `wrong: ${failed.join(', ')}`)
      this.process.exitCode = failed.length === 0 ? 0 : 1
    } finally {
      await stop()
    }
  },
  parameters: {
    flags: {
      ...ASKED_FLAGS,
      chainId: {
        kind: 'parsed',
        parse: integerIn(1, Number.MAX_SAFE_INTEGER),
        optional: true,
        brief: 'Chain id over which its submissions are signed; with --contract',
      },
      contract: {
        kind: 'parsed',
        parse: parseAddress,
        optional: true,
        brief: "ProtocolState over which its submissions are signed; without it, the devnet's or that of --network",
      },
      after: {
        kind: 'parsed',
        parse: String,
        optional: true,
        variadic: true,
        brief: 'File or CID of an earlier batch of the epoch, in order: its tree may continue theirs; may be given several times',
      },
      json: { kind: 'boolean', default: false, brief: 'Print one JSON object: ok, failed, checks' },
    },
    positional: {
      kind: 'tuple',
      parameters: [{ brief: 'File of a batch, or its CID', parse: String, placeholder: 'batch' }],
    },
  },
  docs: {
    brief: 'Look at a batch file by itself, of any version of the protocol',
    fullDescription:
      'Form, CID, structure, the order that it follows, whether it is written again byte for byte, both roots, each signature, and the votes: a tick, a cross with what is wrong, or a dot where there is nothing to hold it against. Nothing of it says that the batch is on chain: `./weft verify PROJECT EPOCH` does. Exit code 0 without a cross.',
  },
})
