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

export function createGate({ lengthMax, perHolderMax }: { readonly lengthMax: number; readonly perHolderMax: number }): Gate {
  /** Whose they are, one entry each. */
  const inside: string[] = []
  return {
    async through(holder, work) {
      if (inside.length >= lengthMax) throw new WeftError('QUEUE_FULL', { queue: 'questions', lengthMax })
      if (inside.filter((each) => each === holder).length >= perHolderMax)
        throw new WeftError('QUEUE_FULL', { queue: `questions of ${holder}`, lengthMax: perHolderMax })
      inside.push(holder)
      try {
        return await work()
      } finally {
        inside.splice(inside.indexOf(holder), 1)
      }
    },
  }
}
