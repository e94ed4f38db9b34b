import type { NatsConnection } from '@nats-io/transport-node'

/** The way to the servers, which the library finds again by itself. */
export interface Link {
  /** Whether one is reached now. */
  isThere(): boolean
  /** Aborts when the server of now is gone, with what it alone had. */
  gone(): AbortSignal
}

export function watchLink(connection: Pick<NatsConnection, 'status' | 'isClosed'>): Link {
  let isThere = true
  let going = new AbortController()
  const watch = async (): Promise<void> => {
    for await (const { type } of connection.status()) {
      if (type === 'reconnect') isThere = true
      if (type !== 'disconnect') continue
      isThere = false
      going.abort()
      going = new AbortController()
    }
  }
  void watch()
  return { isThere: () => isThere && !connection.isClosed(), gone: () => going.signal }
}
