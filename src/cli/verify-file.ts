import { WeftError } from '#domain/errors.ts'
import type { Address, Hash } from '#domain/ids.ts'
import { printable } from '#domain/printable.ts'
import type { EndpointSaid } from '#node/agreement.ts'
import type { ProvenBlock } from '#node/proof.ts'
import { placesOf, rpcUrlOf } from './operator.ts'
import { type AskedFlags, harmless, openAsked, withNodeHere } from './asked.ts'

export interface FileFlags extends AskedFlags {
  readonly blockHash?: Hash
  readonly agree?: number
  readonly dataMarket?: Address
  readonly show: boolean
}

/** What is known without the file: which market is meant, and which block is the chain's. */
interface Known {
  readonly dataMarket: Address
  readonly anchorChainId: number | undefined
  readonly blockHash: Hash
}

/** `./weft verify FILE`: the proof in a file, against a block that is named or that endpoints agree on. */
export async function verifyFile(process: NodeJS.Process, flags: FileFlags, path: string): Promise<void> {
  const { blockIn, checkOffline, readProof } = await import('#node/proof.ts')
  const say = (text: string): void => void (flags.json || process.stdout.write(`${text}\n`))
  const tick = (ok: boolean, name: string, detail: string): void => say(`  ${ok ? '✔' : '✘'} ${name.padEnd(17)} ${printable(detail)}`)
  const proof = readProof(path)
  const block = blockIn(proof)
  const said: EndpointSaid[] = []
  say(`${printable(path)}`)
  // What has no form rests on no block: the first step says what is wrong with it, whatever is trusted.
  const known =
    block === undefined
      ? NOTHING
      : await knownOf(process, flags, block, (each) => {
          said.push(each)
          tick(each.ok, 'endpoint', `${each.endpoint} ${each.detail}`)
        })
  const checked = await checkOffline(proof, known, ({ step, ok, detail }) => tick(ok, step, detail))
  const { data, ...told } = checked
  const shown = flags.show && data !== undefined ? { data: harmless(new TextDecoder().decode(data)) } : {}
  if (flags.json) process.stdout.write(`${JSON.stringify({ ...told, endpoints: said, ...shown })}\n`)
  else say([checked.ok ? 'verified' : `not verified: ${checked.failed}`, ...Object.values(shown)].join('\n'))
  process.exitCode = checked.ok ? 0 : 1
}

const NOTHING: Known = { dataMarket: '' as Address, anchorChainId: undefined, blockHash: '' as Hash }

async function knownOf(
  process: NodeJS.Process,
  given: FileFlags,
  block: ProvenBlock,
  onSaid: (said: EndpointSaid) => void,
): Promise<Known> {
  const { agreedHash } = await import('#node/proof.ts')
  const flags = await withNodeHere(process, given)
  const { agree } = flags
  const isOfDevnet = flags.blockHash === undefined && flags.rpc === undefined && flags.network === undefined
  if (isOfDevnet) {
    const { places, stop } = await openAsked(process, flags)
    try {
      const blockHash = await agreedHash(block, { rpcUrl: places.anchorRpcUrl, agree, onSaid })
      return { dataMarket: places.dataMarket as Address, anchorChainId: places.anchorChainId, blockHash }
    } finally {
      await stop()
    }
  }
  const { network, dataMarket = network?.dataMarket } = placesOf(process, flags)
  if (dataMarket === undefined)
    throw new WeftError('SETTINGS_INVALID', {
      problems: [
        `--data-market or --network is needed: the market that is meant, for anybody may deploy one; the file is about ${block.dataMarket}`,
      ],
    })
  const blockHash = flags.blockHash ?? (await agreedHash(block, { rpcUrl: rpcUrlOf(process, flags), agree, onSaid }))
  return { dataMarket, anchorChainId: network?.chainId, blockHash }
}
