import { uniswapV2, type UniswapV2Config } from 'weft/computes/uniswap-v2'
import type { ComputeSet } from '#domain/compute.ts'
import { WeftError } from '#domain/errors.ts'
import { parseSlotId } from '#domain/ids.ts'
import { systemClock } from '#io/clock/system.ts'
import { createSubmissionClient } from '#io/grpc/client.ts'
import { systemRandom } from '#io/keys/random.ts'
import { createSigner, parsePrivateKey } from '#io/keys/secp256k1.ts'
import { createSnapshotter, type Snapshotter } from '#roles/snapshotter/snapshotter.ts'
import { anchorChain, ipfsPlace, sourceChain } from './adapters.ts'
import { textOf } from './given-file.ts'
import { openMarket } from './market.ts'
import type { Wire } from './role.ts'

/** `prepare` may change the computes before they run; the devnet makes a liar with it. */
export function wireSnapshotter(prepare: (computes: ComputeSet) => ComputeSet = (computes) => computes): Wire<Snapshotter> {
  return async (settings, home, started) => {
    const chain = await anchorChain(settings, home)
    const source = await sourceChain(settings, chain)
    const ipfs = await ipfsPlace(settings, home, started)
    const { terms } = await openMarket(settings, { home, chain, clock: systemClock, ipfs: ipfs.node })
    const { namespace, windowUnit } = terms.rules
    const computes = prepare(
      uniswapV2(
        terms.computes === undefined ? readMarket(settings.market as string) : (terms.computes[0]?.config as unknown as UniswapV2Config),
      ),
    )
    const collector = createSubmissionClient({ endpoint: settings.collector })
    started.add('gRPC client', { stop: () => collector.close() })
    const snapshotter = createSnapshotter(
      { namespace, slotIds: settings.slots.map(parseSlotId), windowUnit },
      {
        chain,
        source,
        ipfs: ipfs.node,
        store: home.store,
        clock: systemClock,
        random: systemRandom,
        signer: createSigner(parsePrivateKey(settings.signerKey.reveal())),
        collector,
        computes,
        report: home.report,
      },
    )
    return {
      places: { ipfs: ipfs.node.addresses(), gateway: [ipfs.gatewayUrl] },
      handle: snapshotter,
      run: (signal) => snapshotter.run(signal),
    }
  }
}

const CONTRACTS = ['factory', 'router', 'weth', 'dai', 'usdc', 'usdt', 'daiWethPair', 'usdcWethPair', 'wethUsdtPair'] as const

/** The market's contracts and pairs. Throws `SETTINGS_INVALID` naming everything that is wrong with the file. */
export function readMarket(path: string): UniswapV2Config {
  const given = objectIn(path)
  if (given === undefined) throw new WeftError('SETTINGS_INVALID', { problems: [`--market (WEFT_MARKET): ${path} cannot be read as JSON`] })
  const isAddress = (value: unknown): boolean => typeof value === 'string' && /^0x[0-9a-fA-F]{40}$/.test(value)
  const problems: string[] = CONTRACTS.filter((name) => !isAddress(given[name])).map((name) => `${name} is not an address`)
  for (const name of ['whitelist', 'pairs']) {
    const list = given[name]
    if (!Array.isArray(list) || list.length === 0 || !list.every(isAddress)) problems.push(`${name} is not a list of addresses`)
  }
  if (given['feeOn'] !== 'trade' && given['feeOn'] !== 'token1') problems.push("feeOn is neither 'trade' nor 'token1'")
  if (problems.length > 0)
    throw new WeftError('SETTINGS_INVALID', { problems: problems.map((problem) => `--market (WEFT_MARKET) ${path}: ${problem}`) })
  return given as unknown as UniswapV2Config
}

/** Why it is none is not told: a parser quotes what it stumbled over, and the file may be that of a key. */
function objectIn(path: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(textOf(path))
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined
  } catch {
    return undefined
  }
}
