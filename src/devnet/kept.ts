import { join } from 'node:path'
import { readBlockFolder } from '#io/ipfs/block-folder.ts'
import { ipfsFolder } from '#node/adapters.ts'
import { serveGateway } from '#node/gateway.ts'
import { createStarted } from '#node/stop.ts'
import { startAnvil } from './anvil.ts'
import { CHAIN_STATE, type DevnetEndpoints, findDevnet, findKept, latestDevnet } from './registry.ts'

export interface OpenDevnet {
  readonly endpoints: DevnetEndpoints
  stop(): Promise<void>
}

/**
 * A devnet to ask: the one in the folder given, or the one started last, of those that run and those that were kept. Of one that has ended and was kept, the anchor chain and the
 * gateways are started again on what they left; nothing is written there. Throws `DATA_DIR_UNKNOWN`, `CHILD_PROCESS_FAILED`.
 */
export async function openDevnet(given?: string): Promise<OpenDevnet> {
  const dataDir = given ?? latestDevnet()
  const kept = dataDir === undefined ? undefined : findKept(dataDir)
  if (dataDir === undefined || kept === undefined) return { endpoints: findDevnet(dataDir), stop: async () => undefined }
  const started = createStarted()
  try {
    const anchor = await startAnvil({ chainId: kept.anchorChainId, flags: ['--load-state', join(dataDir, CHAIN_STATE)] })
    started.add('anvil', anchor)
    const gateways: Record<string, string> = {}
    for (const name of Object.keys(kept.gateways)) {
      const gateway = await serveGateway({ blocks: readBlockFolder(join(ipfsFolder(join(dataDir, name)), 'blocks')) })
      started.add('IPFS gateway', gateway)
      gateways[name] = gateway.url
    }
    // Its sequencer and its source chain run no more: where that was another devnet may have one.
    return {
      endpoints: { ...kept, dataDir, anchorRpcUrl: anchor.rpcUrl, sourceRpcUrl: '', gateways, sequencerHttp: '', api: '' },
      stop: () => started.stop(),
    }
  } catch (failure) {
    await started.stop()
    throw failure
  }
}
