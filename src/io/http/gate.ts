import type { Server } from 'node:http'
import { WeftError } from '#domain/errors.ts'

/** Who may come in: so many connections of an address, so many questions at once, and nobody who asks nothing. */

/** Closes the connections of an address beyond its share. */
export function limitPerAddress(server: Server, connectionsMax: number): void {
  const perAddress = new Map<string, number>()
  server.on('connection', (socket) => {
    const address = socket.remoteAddress ?? ''
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

/** Lets through so many at once, and so many of each holder; the others are told to come again. */
export interface Gate {
  through<Value>(holder: string, work: () => Value | Promise<Value>): Promise<Value>
}

export function createGate({
  queue,
  lengthMax,
  perHolderMax,
}: {
  readonly queue: string
  readonly lengthMax: number
  readonly perHolderMax: number
}): Gate {
  let inside = 0
  const perHolder = new Map<string, number>()
  return {
    async through(holder, work) {
      const held = perHolder.get(holder) ?? 0
      if (inside >= lengthMax) throw new WeftError('QUEUE_FULL', { queue, lengthMax })
      if (held >= perHolderMax) throw new WeftError('QUEUE_FULL', { queue: `${queue} of ${holder}`, lengthMax: perHolderMax })
      inside += 1
      perHolder.set(holder, held + 1)
      try {
        return await work()
      } finally {
        inside -= 1
        const left = (perHolder.get(holder) ?? 1) - 1
        if (left > 0) perHolder.set(holder, left)
        else perHolder.delete(holder)
      }
    },
  }
}
