import { connect } from 'node:net'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { RELAY_V2_HOP_CODEC } from '@libp2p/circuit-relay-v2'
import { identify } from '@libp2p/identify'
import type { Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { createLibp2p } from 'libp2p'
import { identity } from './suite.ts'

/** The circuit is open: a STATUS with OK. */
const TAKEN = Uint8Array.of(4, 0x08, 2, 0x28, 100)
/** Handshakes take less than this much of the dialer's bytes. */
const HANDSHAKE_BYTES = 2_000

/**
 * `swaps`: brings whoever comes to somebody else. `drops`: takes everything once the handshake is done, and brings nothing on. `corrupts`: changes
 * what it brings from then on. `delays`: brings everything, each piece later. `cuts`: ends it then. `stalls`: brings nothing
 * from the first byte on.
 */
export type Lie = 'swaps' | 'drops' | 'corrupts' | 'delays' | 'cuts' | 'stalls'

/** A relay that takes every circuit, and does with it what it likes. `portOf`: where it brings a circuit. */
export async function createLyingRelay(lie: Lie, { portOf, delayMs = 300 }: { readonly portOf: () => number; readonly delayMs?: number }) {
  const node = await createLibp2p({
    privateKey: await generateKeyPairFromSeed('Ed25519', identity(66)),
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify() },
  })
  let taken = 0

  function bring(stream: Stream): void {
    let isOpen = false
    let bytes = 0
    const socket = connect(portOf(), '127.0.0.1')
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => stream.status === 'open' && stream.send(Uint8Array.from(chunk as Buffer)))
    stream.addEventListener('close', () => socket.destroy())
    stream.addEventListener('message', ({ data }) => {
      if (!isOpen) {
        isOpen = true
        taken += 1
        stream.send(TAKEN)
        return
      }
      const piece = Uint8Array.from(data.subarray())
      bytes += piece.length
      const isLying = bytes > HANDSHAKE_BYTES
      if (lie === 'delays') setTimeout(() => socket.write(piece), delayMs)
      else if (lie === 'cuts' && isLying) stream.abort(new Error('cut'))
      else if (lie === 'corrupts' && isLying) socket.write(piece.map((byte) => byte ^ 1))
      else if (lie !== 'stalls' && (lie !== 'drops' || !isLying)) socket.write(piece)
    })
  }
  await node.handle(RELAY_V2_HOP_CODEC, bring, { runOnLimitedConnection: true })
  return {
    address: String(node.getMultiaddrs()[0]),
    /** Circuits that it took. */
    taken: () => taken,
    stop: () => node.stop(),
  }
}
