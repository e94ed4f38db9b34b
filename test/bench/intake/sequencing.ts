import type { BucketLimits } from '#domain/buckets.ts'
import { createRecovererPool } from '#io/keys/recoverer-pool.ts'
import { recoverer } from '#io/keys/secp256k1.ts'
import { createSubmissionHost, type SubmissionHost } from '#io/p2p/host.ts'
import type { EpochId } from '#domain/ids.ts'
import { parseSignature } from '#wire/eip712.ts'
import { key, openWorld, type World } from '../seal/world.ts'
import { ownCpuUs, serveSteps } from './child.ts'

/**
 * The process that is measured: a whole sequencer with its libp2p host, SQLite with fsync and signed receipts. Its chain is the fake one, for none of what
 * intake does asks a chain, and its IPFS node keeps batches in memory.
 */

export interface Usage {
  /** Microseconds of all threads since the start, without those of collections that were asked for. */
  readonly cpuUs: number
  readonly rssBytes: number
  /** Wall clock. */
  readonly atMs: number
  /** Connections' refusals by code. */
  readonly refused: Readonly<Record<string, number>>
  readonly receipts: Readonly<Record<string, number>>
}

let world: World
let host: SubmissionHost
/** CPU of collections that were asked for, in µs: of a heap with thousands of peers each takes as much as the work of a thousand submissions, and none is part of it. */
let collectingUs = 0

function collect(): void {
  const beforeUs = ownCpuUs()
  globalThis.gc?.()
  collectingUs += ownCpuUs() - beforeUs
}

function usage(): Usage {
  return {
    cpuUs: ownCpuUs() - collectingUs,
    rssBytes: process.memoryUsage().rss,
    atMs: performance.now(),
    refused: host.counts() as Record<string, number>,
    receipts: world.sequencer.stats().receipts as Record<string, number>,
  }
}

/** CPU of a bare recovery in this process, in µs: the slower and the faster of the machine's moods are in the same run. */
async function floor({ count }: { readonly count: number }): Promise<{ readonly us: number }> {
  await world.release(1)
  const signed = Iterator.from(world.votes(1))
    .take(500)
    .toArray()
    .map(({ digest, signature }) => ({ digest, signature: parseSignature(signature) as Uint8Array }))
  const before = process.threadCpuUsage()
  for (let done = 0; done < count; done += signed.length)
    for (const { digest, signature } of signed) if (recoverer.recover(digest, signature) !== key.address) throw new Error('wrong signer')
  const { user, system } = process.threadCpuUsage(before)
  return { us: (user + system) / count }
}

export interface Opening {
  readonly slots: number
  readonly projects: number
  readonly windowBlocks: number
  readonly relays: readonly string[]
  /** In hex. Peers know the sequencer by it. */
  readonly seed: string
  readonly listen: readonly string[]
  /** Of each peer. */
  readonly limits: BucketLimits
}

await serveSteps({
  async open({ seed, relays, listen, limits, ...size }: Opening) {
    host = await createSubmissionHost({ identity: Uint8Array.fromHex(seed), relays, listen, limits })
    world = await openWorld({
      ...size,
      // Releases are seen within their second, and following is no work to speak of.
      pollMs: 200,
      form: 'dag-cbor',
      anchoring: 'roots',
      isSigned: true,
      recoverer: createRecovererPool(),
      receiptSigner: key,
      listener: host,
    })
    const { chainId, protocolState, dataMarket } = world.chain
    return { market: { chainId, protocolState, dataMarket, windowBlocks: size.windowBlocks } }
  },
  addresses: () => ({ addresses: host.addresses() }),
  floor,
  async release({ epoch }: { epoch: number }) {
    await world.release(epoch)
    const { hash, number, contractNumber, timestamp } = await world.chain.head()
    return { hash, number, contractNumber, timestamp }
  },
  recorded: ({ epoch }: { epoch: number }) => ({ accepted: world.sequencer.epoch(epoch as EpochId)?.accepted }),
  usage({ isCollected }: { isCollected?: boolean }) {
    if (isCollected === true) collect()
    return usage()
  },
})
