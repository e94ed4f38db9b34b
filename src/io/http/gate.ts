import type { Server } from 'node:http'
import { WeftError } from '#domain/errors.ts'

/** Who may come in: so many connections of an address, so many questions at once. */

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

/** Lets through so many at once; the others are told to come again. */
export interface Gate {
  through<Value>(work: () => Value | Promise<Value>): Promise<Value>
}

export function createGate(lengthMax: number): Gate {
  let inside = 0
  return {
    async through(work) {
      if (inside >= lengthMax) throw new WeftError('QUEUE_FULL', { queue: 'questions', lengthMax })
      inside += 1
      try {
        return await work()
      } finally {
        inside -= 1
      }
    },
  }
}
