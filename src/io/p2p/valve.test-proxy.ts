import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A way to a listening peer that can be shut: what the peer says is not taken from its socket any more, as if nobody read it. */
export interface Valve {
  /** The address of the peer, by way of the valve. */
  readonly address: string
  shut(): void
  open(): void
  stop(): Promise<void>
}

/** `address`: `/ip4/…/tcp/<port>/p2p/<id>`. */
export async function createValve(address: string): Promise<Valve> {
  const port = Number(/\/tcp\/(\d+)/.exec(address)?.[1])
  const sockets = new Set<Socket>()
  const fromPeer: Socket[] = []
  const server = createServer((outer) => {
    const inner = connect(port, '127.0.0.1')
    fromPeer.push(inner)
    for (const socket of [outer, inner]) sockets.add(socket)
    outer.on('data', (bytes) => inner.write(bytes))
    inner.on('data', (bytes) => outer.write(bytes))
    outer.on('close', () => inner.destroy())
    inner.on('close', () => outer.destroy())
    for (const socket of [outer, inner]) socket.on('error', () => socket.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    address: address.replace(/\/tcp\/\d+/, `/tcp/${(server.address() as AddressInfo).port}`),
    shut() {
      for (const socket of fromPeer) socket.pause()
    },
    open() {
      for (const socket of fromPeer) socket.resume()
    },
    async stop() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
