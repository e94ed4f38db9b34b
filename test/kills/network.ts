import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { openWorld, type WeftRole, type World } from '../e2e/world.ts'

/** A collector, a relay and a sequencer as processes, each of which may be killed at any moment and is found again where it was. */

export const VICTIMS = ['collector', 'relay', 'sequencer'] as const
export type Victim = (typeof VICTIMS)[number]

export interface Network {
  readonly world: World
  readonly roles: Readonly<Record<Victim, WeftRole>>
  /** `host:port` of the collector, over all its lives. */
  readonly grpc: string
  /** SIGKILL, then a new process on what it has left. Resolves when that is ready. */
  kill(victim: Victim): Promise<void>
  close(): Promise<void>
}

/** More than what happens in an epoch takes on a busy machine, at the pace of the blocks here. */
export const WINDOW_BLOCKS = 150
/** Windows are chain time, so the chain's time is what makes a run short. */
const BLOCK_EVERY_MS = 200

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { readonly port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Mines until the signal aborts. */
async function tick(world: World, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await world.mine(1)
    await sleep(BLOCK_EVERY_MS, undefined, { signal }).catch(() => undefined)
  }
}

export async function openNetwork(options: { readonly chainId: number; readonly slots: number }): Promise<Network> {
  const world = await openWorld({ ...options, windowBlocks: WINDOW_BLOCKS })
  const stopping = new AbortController()
  const ticking = tick(world, stopping.signal)
  const close = async () => {
    stopping.abort()
    await ticking
    await world.close()
  }
  try {
    const [grpcPort, relayPort, p2pPort] = [await freePort(), await freePort(), await freePort()]
    const grpc = `127.0.0.1:${grpcPort}`
    const relay = await world.startRelay(undefined, ['--p2p-listen', `/ip4/127.0.0.1/tcp/${relayPort}`])
    const relays = ['--relays', relay.places['p2p']?.[0] ?? '', '--p2p-listen', `/ip4/127.0.0.1/tcp/${p2pPort}`]
    const sequencer = await world.startSequencer(undefined, relays)
    const direct = sequencer.places['p2p']?.[0] ?? ''
    // The relay goes first, so that its end is felt; what it cannot bring goes the direct way.
    const ways = { places: { p2p: [`${relay.places['p2p']?.[0]}/p2p-circuit/p2p/${direct.split('/p2p/')[1]}`, direct] } }
    const startCollector = (dataDir?: string) => world.startCollector(ways, dataDir, ['--grpc-listen', grpc])
    const roles = { collector: await startCollector(), relay, sequencer }
    const again: Record<Victim, (dataDir: string) => Promise<WeftRole>> = {
      collector: startCollector,
      relay: (dataDir) => world.startRelay(dataDir, ['--p2p-listen', `/ip4/127.0.0.1/tcp/${relayPort}`]),
      sequencer: (dataDir) => world.startSequencer(dataDir, relays),
    }
    return {
      world,
      roles,
      grpc,
      async kill(victim) {
        roles[victim].child.kill('SIGKILL')
        await roles[victim].ended()
        roles[victim] = await again[victim](roles[victim].dataDir)
      },
      close,
    }
  } catch (failure) {
    await close()
    throw failure
  }
}
