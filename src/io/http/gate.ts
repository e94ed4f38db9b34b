import type { Server } from 'node:http'
import { blockOf } from '#domain/address-block.ts'

/** Who may come in: so many connections of an address, and nobody who asks nothing. */

/** Closes the connections of an address beyond its share. */
export function limitPerAddress(server: Server, connectionsMax: number): void {
  const perAddress = new Map<string, number>()
  server.on('connection', (socket) => {
    const address = blockOf(socket.remoteAddress ?? '')
    const count = perAddress.get(address) ?? 0
    if (count >= connectionsMax) return socket.destroy()
    perAddress.set(address, count + 1)
    socket.once('close', () => {
      const left = (perAddress.get(address) ?? 1) - 1
      if (left > 0) perAddress.set(address, left)
      else perAddress.delete(address)
    })
  })
}

/** Closes connections that are answered and do not ask again in time: what else comes on them, empty lines for example, is no question. */
export function limitIdle(server: Server, idleMs: number): void {
  const states = new WeakMap<object, { underWay: number; timer?: NodeJS.Timeout }>()
  server.on('request', ({ socket }, response) => {
    const state = states.get(socket) ?? { underWay: 0 }
    if (!states.has(socket)) socket.once('close', () => clearTimeout(state.timer))
    states.set(socket, state)
    clearTimeout(state.timer)
    state.underWay += 1
    response.once('close', () => {
      state.underWay -= 1
      if (state.underWay === 0 && !socket.destroyed) state.timer = setTimeout(() => socket.destroy(), idleMs)
    })
  })
}
