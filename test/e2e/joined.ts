import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { devAccount } from '#devnet/accounts.ts'
import type { DevnetEndpoints } from '#devnet/registry.ts'
import { runWeft, type WeftProcess } from './world.ts'

/** Starts one more snapshotter, with the honest one's key, beside the devnet that works on `network`; its own data go to `own`. */
export function joinNetwork({
  network,
  own,
  slots,
}: {
  readonly network: string
  readonly own: string
  /** As the setting takes them. */
  readonly slots: string
}): WeftProcess {
  const devnet = JSON.parse(readFileSync(join(network, 'devnet.json'), 'utf8')) as DevnetEndpoints
  const contracts = ['--anchor-chain-id', String(devnet.anchorChainId), '--protocol-state', devnet.protocolState]
  const flags = {
    '--data-dir': own,
    '--data-market': devnet.dataMarket,
    '--anchor-rpc-url': devnet.anchorRpcUrl,
    '--source-rpc-url': devnet.sourceRpcUrl,
    '--collector': devnet.collectors[0] ?? '',
    '--ipfs-peers': ipfsOfSequencer(network),
    '--slots': slots,
    '--status-listen': '127.0.0.1:0',
  }
  return runWeft(['snapshotter', ...contracts, ...Object.entries(flags).flat()], {
    WEFT_SIGNER_KEY: devAccount('honest snapshotter').keyText,
  })
}

/** Slots of the devnet's network for whoever joins it, with the honest snapshotter's key: its own are held by the devnet's processes. As `--slots` takes them. */
export async function mintSlots({
  network,
  own,
  count,
}: {
  readonly network: string
  readonly own: string
  readonly count: number
}): Promise<string> {
  const { anchorRpcUrl, protocolState } = JSON.parse(readFileSync(join(network, 'devnet.json'), 'utf8')) as DevnetEndpoints
  const place = ['--rpc', anchorRpcUrl, '--protocol-state', protocolState, '--data-dir', join(own, 'mint')]
  const what = ['--count', String(count), '--signer', devAccount('honest snapshotter').address]
  const minting = runWeft(['slots', 'mint', ...place, ...what, '--yes', '--json'], { WEFT_DEPLOYER_KEY: devAccount('owner').keyText })
  if ((await minting.ended()) !== 0) throw new Error(minting.output())
  const minted = JSON.parse(/^\{.*\}$/m.exec(minting.output())?.[0] ?? '') as { readonly slotIds: readonly number[] }
  return minted.slotIds.join(',')
}

function ipfsOfSequencer(network: string): string {
  const path = readdirSync(network, { recursive: true, encoding: 'utf8' }).find((name) => name.endsWith('sequencer/endpoints.json'))
  if (path === undefined) throw new Error(`no sequencer in ${network}`)
  return (JSON.parse(readFileSync(join(network, path), 'utf8')) as { readonly ipfs: readonly string[] }).ipfs[0] ?? ''
}
