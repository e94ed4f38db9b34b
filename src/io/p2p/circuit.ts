import type { CircuitRelayService } from '@libp2p/circuit-relay-v2'
import type { Connection, Stream } from '@libp2p/interface'

/** The circuit relay server of libp2p, with the step that opens the second half of a circuit. */
type Server = CircuitRelayService & {
  onHop: (this: Server, stream: Stream, connection: Connection) => Promise<void>
  stopHop(...step: unknown[]): Promise<Stream | undefined>
}

/** The streams of one circuit as far as holding back needs them. */
interface Half {
  readonly readStatus: string
  pause(): void
  resume(): void
  send(bytes: { readonly byteLength: number }): boolean
  addEventListener(event: 'message', listener: (event: { readonly data: { readonly byteLength: number } }) => void): void
}

/**
 * Stops reading from one half of a circuit while more than `heldBytesMax` wait to be written to the other: libp2p joins the two by a queue
 * without a limit, so that a peer which does not read would cost the relay whatever another sends it. Whoever sends has to wait instead. Returns how many wait.
 */
export function holdBack(from: Half, to: Half, heldBytesMax: number): () => number {
  let heldBytes = 0
  const send = to.send.bind(to)
  from.addEventListener('message', ({ data }) => {
    heldBytes += data.byteLength
    if (heldBytes > heldBytesMax && from.readStatus === 'readable') from.pause()
  })
  to.send = (bytes) => {
    heldBytes -= bytes.byteLength
    if (heldBytes <= heldBytesMax && from.readStatus === 'paused') from.resume()
    return send(bytes)
  }
  return () => heldBytes
}

/** Called with the two ends of a circuit, and what waits between them, before anything goes through it. False ends it, and the peer that asked is told that it failed. */
export type OnCircuit = (ends: { readonly near: Stream; readonly far: Stream; heldBytes(): number }, from: Connection) => boolean

/**
 * Makes the server handle a peer that asks for a reservation or a circuit in libp2p's own way, with both directions of the circuit held
 * back. To be called before the server starts: it registers its handler then, and the node listens after that, so that nobody comes
 * before. Throws when the server does not have the two steps, which are no part of what libp2p promises.
 */
export function holdBackCircuits(service: CircuitRelayService, heldBytesMax: number, onCircuit: OnCircuit = () => true): void {
  const server = service as Server
  const { onHop } = Object.getPrototypeOf(server) as Server
  for (const [name, step] of Object.entries({ onHop, stopHop: server.stopHop }))
    if (typeof step !== 'function') throw new Error(`the relay server of this libp2p has no ${name}, so that circuits cannot be held back`)
  server.onHop = async (stream, connection) => {
    const once = Object.create(server, {
      stopHop: {
        async value(...step: unknown[]) {
          const far = await server.stopHop(...step)
          if (far === undefined) return undefined
          const [near, other] = [stream as unknown as Half, far as unknown as Half]
          const held = [holdBack(near, other, heldBytesMax), holdBack(other, near, heldBytesMax)]
          if (onCircuit({ near: stream, far, heldBytes: () => held.reduce((sum, bytes) => sum + bytes(), 0) }, connection)) return far
          far.abort(new Error('there is no room for another circuit'))
          return undefined
        },
      },
    }) as Server
    await onHop.call(once, stream, connection)
  }
}
