import { createServer, type Server as NetServer, type Socket } from 'node:net'
import { Metadata, type Server, ServerCredentials, ServerInterceptingCall, type ServerInterceptor, status } from '@grpc/grpc-js'
import { listenFailed } from '#domain/errors.ts'
import { PUSHBACK_TRAILER } from './service.ts'

/** What those who only begin may cost (G7). */
export interface DoorLimits {
  /** Above it the connection that was of no use for longest makes room. */
  readonly connectionsMax: number
  /** Calls whose request is not there yet, each up to the length of a message in memory. Above it the oldest makes room. */
  readonly unfinishedMax: number
  /** From the beginning of a call until its request is there. Its connection is closed then: only that gives all of it back. */
  readonly requestTimeoutMs: number
  /** Streams of requests, each with a half-sent message at most. */
  readonly streamsMax: number
  /** Without a message on a stream of requests: an epoch may be minutes. */
  readonly streamIdleMs: number
}

export const DOOR_LIMITS: DoorLimits = {
  connectionsMax: 512,
  // 128 MB, where all are 64 KiB and a byte is missing in each.
  unfinishedMax: 2_000,
  requestTimeoutMs: 10_000,
  streamsMax: 256,
  streamIdleMs: 15 * 60_000,
}

/** A request younger than this may be on its way: it is not the one that makes room. */
const YOUNG_MS = 1_000

/** The answer goes out some turns after it is given, and is cut off with the connection. */
const LINGER_MS = 100

/** When there will be room. */
function comingAgain(waitMs: number): Metadata {
  const trailers = new Metadata()
  trailers.set(PUSHBACK_TRAILER, String(Math.ceil(waitMs)))
  return trailers
}

export interface Door {
  /** For every method of the server. */
  readonly interceptor: ServerInterceptor
  /** Lets connections in, to the server. Resolves with the port. Throws `LISTEN_FAILED`. */
  open(server: Server, place: { readonly host: string; readonly port: number }): Promise<number>
  /** Lets none in any more. Resolves when those that are there have left, and makes them leave after `timeoutMs`. */
  close(timeoutMs: number): Promise<void>
  counts(): { readonly connections: number; readonly unfinished: number; readonly streams: number }
}

interface Visitor {
  readonly socket: Socket
  readonly sinceMs: number
  /** When a call of it was whole last. */
  usefulMs: number | undefined
}

/** A call whose request is not whole. */
interface Waiting {
  readonly sinceMs: number
  end(why: string): void
}

/** The way into a gRPC server. HTTP/2 lets anybody hold any number of half-sent calls for ever; this ends them, and whoever sends them. */
export function createDoor(limits: DoorLimits): Door {
  const visitors = new Map<string, Visitor>()
  const unfinished = new Set<Waiting>()
  const streams = new Set<Waiting>()
  let net: NetServer | undefined

  function enter(socket: Socket): boolean {
    const { remoteAddress, remotePort } = socket
    if (remoteAddress === undefined || remotePort === undefined) return false
    if (visitors.size >= limits.connectionsMax) leastUseful(visitors.values())?.socket.destroy()
    const name = `${remoteAddress} ${remotePort}`
    visitors.set(name, { socket, sinceMs: performance.now(), usefulMs: undefined })
    socket.once('close', () => visitors.delete(name))
    return true
  }

  /** Follows a call until its request is whole, or for as long as it lasts where requests are a stream. */
  const interceptor: ServerInterceptor = ({ requestStream }, call) => {
    const { remoteAddress, remotePort } = call.getConnectionInfo()
    const visitor = visitors.get(`${remoteAddress} ${remotePort}`)
    const line = requestStream ? streams : unfinished
    const max = requestStream ? limits.streamsMax : limits.unfinishedMax
    const timeoutMs = requestStream ? limits.streamIdleMs : limits.requestTimeoutMs
    let timer: NodeJS.Timeout | undefined
    const waiting: Waiting = {
      sinceMs: performance.now(),
      end(why) {
        leave()
        call.sendStatus({ code: status.DEADLINE_EXCEEDED, details: why })
        setTimeout(() => visitor?.socket.end(() => visitor.socket.destroy()), LINGER_MS).unref()
      },
    }
    const wait = () => {
      clearTimeout(timer)
      timer = setTimeout(() => waiting.end(`nothing came for ${timeoutMs} ms`), timeoutMs)
    }
    const leave = () => {
      clearTimeout(timer)
      line.delete(waiting)
    }
    const [oldest] = line
    // For so long the one that would make room may not be asked to.
    const youngMs = line.size >= max && oldest !== undefined ? oldest.sinceMs + YOUNG_MS - performance.now() : 0
    if (line.size >= max && youngMs <= 0) oldest?.end('others wait')
    return new ServerInterceptingCall(call, {
      start(next) {
        if (youngMs > 0) {
          const details = 'too many calls at once, send again a little later'
          call.sendStatus({ code: status.RESOURCE_EXHAUSTED, details, metadata: comingAgain(youngMs) })
          return
        }
        line.add(waiting)
        wait()
        next({
          onReceiveMessage(message, forward) {
            if (visitor !== undefined) visitor.usefulMs = performance.now()
            if (requestStream) wait()
            forward(message)
          },
          onReceiveHalfClose(forward) {
            leave()
            forward()
          },
          onCancel: leave,
        })
      },
      sendStatus(answer, next) {
        leave()
        next(answer)
      },
    })
  }

  return {
    interceptor,
    open(server, { host, port }) {
      const { injectConnection } = server.createConnectionInjector(ServerCredentials.createInsecure())
      const opening = Promise.withResolvers<number>()
      net = createServer({ noDelay: true }, (socket) => {
        socket.on('error', () => socket.destroy())
        if (enter(socket)) injectConnection(socket)
        else socket.destroy()
      })
      net.once('error', (cause) => opening.reject(listenFailed(`${host}:${port}`, cause)))
      net.listen({ host: host.replace(/^\[(.*)\]$/, '$1'), port }, () => {
        const address = net?.address()
        opening.resolve(typeof address === 'object' && address !== null ? address.port : port)
      })
      return opening.promise
    },
    async close(timeoutMs) {
      net?.close()
      const left = [...visitors.values()].map(({ socket }) => new Promise((resolve) => socket.once('close', resolve)))
      const cut = setTimeout(() => {
        for (const { socket } of visitors.values()) socket.destroy()
      }, timeoutMs)
      await Promise.all(left)
      clearTimeout(cut)
    },
    counts: () => ({ connections: visitors.size, unfinished: unfinished.size, streams: streams.size }),
  }
}

/** Who never had a whole call, the oldest of them; else who had none for longest. */
function leastUseful(visitors: Iterable<Visitor>): Visitor | undefined {
  let least: Visitor | undefined
  for (const visitor of visitors) if (least === undefined || isLessUseful(visitor, least)) least = visitor
  return least
}

function isLessUseful(one: Visitor, other: Visitor): boolean {
  if ((one.usefulMs === undefined) !== (other.usefulMs === undefined)) return one.usefulMs === undefined
  return (one.usefulMs ?? one.sinceMs) < (other.usefulMs ?? other.sinceMs)
}
