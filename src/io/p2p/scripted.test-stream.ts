import type { Connection, Stream } from '@libp2p/interface'

/** One stream, of which the test plays the other side. */
export class ScriptedStream extends EventTarget {
  status = 'open'
  writeStatus = 'writable'
  /** What waits for the other side. */
  writeBufferLength = 0
  protocol: string
  readonly written: Uint8Array[] = []
  /** What was done to it, in order: `closeRead`, `close`, `abort`. */
  readonly done: string[] = []
  closeFails: Error | undefined
  sendFails: Error | undefined
  /** False: the other side keeps its half, and with it the whole, when ours is ended. */
  isEndedByPeer = true
  /** Close resolves when this does. */
  closing: Promise<void> = Promise.resolve()

  constructor(protocol = '') {
    super()
    this.protocol = protocol
  }

  send(bytes: Uint8Array): boolean {
    if (this.sendFails !== undefined) throw this.sendFails
    this.done.push('send')
    this.written.push(Uint8Array.from(bytes))
    return true
  }

  async closeRead(): Promise<void> {
    this.done.push('closeRead')
  }

  async close(): Promise<void> {
    this.done.push('close')
    if (this.closeFails !== undefined) throw this.closeFails
    await this.closing
    if (!this.isEndedByPeer) return
    this.status = 'closed'
    this.dispatchEvent(new Event('close'))
  }

  abort(): void {
    this.done.push('abort')
    this.status = 'aborted'
    this.writeStatus = 'closed'
    this.dispatchEvent(new Event('close'))
  }

  /** It is gone and nothing was said about it: with its connection, or reset by the other side. */
  lose(status: 'closed' | 'reset' = 'closed'): void {
    this.status = status
    this.writeStatus = 'closed'
    this.dispatchEvent(new Event('close'))
  }

  /** The other side writes. */
  receive(bytes: Uint8Array): void {
    this.dispatchEvent(Object.assign(new Event('message'), { data: { subarray: () => bytes } }))
  }

  /** The other side ends its half. */
  endRemote(): void {
    this.dispatchEvent(new Event('remoteCloseWrite'))
  }

  asStream(): Stream {
    return this as unknown as Stream
  }
}

/** One connection, whose streams are scripted. */
export class ScriptedConnection extends EventTarget {
  status = 'open'
  readonly done: string[] = []
  readonly opened: ScriptedStream[] = []
  closeFails: Error | undefined
  newStreamFails: Error | undefined
  /** Prepares each stream that is opened. */
  prepare: (stream: ScriptedStream) => void = () => undefined

  async newStream(protocol: string): Promise<Stream> {
    if (this.newStreamFails !== undefined) throw this.newStreamFails
    const stream = new ScriptedStream(protocol)
    this.prepare(stream)
    this.opened.push(stream)
    return stream.asStream()
  }

  async close(): Promise<void> {
    this.done.push('close')
    if (this.closeFails !== undefined) throw this.closeFails
    this.end()
  }

  abort(): void {
    this.done.push('abort')
    this.end()
  }

  /** It is gone, for whatever reason. */
  end(): void {
    if (this.status === 'closed') return
    this.status = 'closed'
    this.dispatchEvent(new Event('close'))
  }

  asConnection(): Connection {
    return this as unknown as Connection
  }
}

/** The rest of this turn of the event loop, with what it writes. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
