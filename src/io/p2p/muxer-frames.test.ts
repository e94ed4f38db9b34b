import { deepStrictEqual } from 'node:assert/strict'
import { yamux } from '@chainsafe/libp2p-yamux'
import { type MessageStream, type Stream, type StreamMuxer, StreamMessageEvent } from '@libp2p/interface'
import { test } from 'vitest'
import { createSeededRandom } from '#io/keys/random.ts'
import { onMessage } from './lean-layers.ts'
import { leanYamux } from './lean-muxer.ts'
import { createOpeningTurns } from './opening-turns.ts'
import { turn } from './scripted.test-stream.ts'

/**
 * Whatever frames come, however they are cut, and whatever this side does meanwhile: the lean muxer gives the same bytes to the same streams as the library's own, ends
 * as it does, and answers the same but for how often it says that a stream may be sent more. `FUZZ_INPUTS` says how many conversations are tried, `FUZZ_SEED` where they begin.
 */

const COUNT = Number(process.env['FUZZ_INPUTS'] ?? 20_000)
const FIRST_SEED = Number(process.env['FUZZ_SEED'] ?? 1)
const LIMIT_MS = Math.max(120_000, COUNT * 10)
const HEADER_BYTES = 12
/** Of each stream, far below what the library begins with: its edge is to be met often. */
const WINDOW_BYTES = 64
/** Streams that a peer may open: one more is refused. */
const STREAMS_MAX = 3
const INIT = { enableKeepAlive: false, maxInboundStreams: STREAMS_MAX, maxOutboundStreams: STREAMS_MAX }

const [DATA, WINDOW_UPDATE, PING, GO_AWAY] = [0, 1, 2, 3]
const [SYN, ACK, FIN, RST] = [1, 2, 4, 8]

function frame(type: number, how: { readonly flags?: number; readonly id: number; readonly length: number }, body?: Uint8Array): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES + (body?.length ?? 0))
  bytes[1] = type
  bytes.writeUInt16BE(how.flags ?? 0, 2)
  bytes.writeUInt32BE(how.id, 4)
  bytes.writeUInt32BE(how.length, 8)
  if (body !== undefined) bytes.set(body, HEADER_BYTES)
  return bytes
}

function createChance(seed: number) {
  const { fraction } = createSeededRandom(seed)
  const below = (limit: number): number => Math.floor(fraction() * limit)
  return { below, oneOf: <Item>(items: readonly Item[]): Item => items[below(items.length)] as Item }
}
type Chance = ReturnType<typeof createChance>

type YamuxStream = Stream & {
  readonly streamId: number
  recvWindow: number
  recvWindowCapacity: number
  sendWindowCapacity: number
  maxMessageSize: number
}

type Muxer = Omit<StreamMuxer, 'streams'> & { readonly streams: readonly YamuxStream[] }

/** What a stream does in the middle of what comes, at its so manieth message. */
type Reaction = 'pause' | 'resume' | 'stop' | 'end' | 'abort' | 'answer' | 'more'
const REACTIONS: readonly Reaction[] = ['pause', 'resume', 'stop', 'end', 'abort', 'answer', 'more']

interface Kind {
  readonly create: typeof leanYamux
  readonly listen: typeof onMessage
  readonly isReadAgain: boolean
}

/** Each frame that needs one waits for a turn, which comes before anything else is done. */
const waitingTurns: (() => void)[] = []
const turns = createOpeningTurns(1, (run) => void waitingTurns.push(run))
const LEAN: Kind = { create: (init) => leanYamux(init, undefined, turns), listen: onMessage, isReadAgain: true }
const OWN: Kind = {
  create: yamux as typeof leanYamux,
  listen: (stream, take) => stream.addEventListener('message', ({ data }) => take(data)),
  // It would answer what comes then before what it is at.
  isReadAgain: false,
}

/** One muxer on a connection of which the test plays everything else. */
function createSide({ create, listen, isReadAgain }: Kind, { direction, reactions }: Script) {
  const said: string[] = []
  const log = Object.assign(() => undefined, { trace: () => undefined, error: () => undefined, newScope: () => log })
  const connection = Object.assign(new EventTarget(), {
    direction,
    log,
    isFull: false,
    send(bytes: { subarray(): Uint8Array }) {
      const sent = Buffer.from(bytes.subarray())
      // How often it is told what may be sent differs on purpose.
      const isUpdate = sent[1] === WINDOW_UPDATE && sent.readUInt16BE(2) === 0
      if (!isUpdate) said.push(sent[1] === WINDOW_UPDATE ? sent.toString('hex', 0, 8) : sent.toString('hex'))
      return isUpdate || !connection.isFull
    },
    isOver: false,
    abort(failure: Error) {
      connection.isOver = true
      said.push(`connection: ${failure.name}`)
    },
  })
  const muxer = create(INIT)().createStreamMuxer(connection as unknown as MessageStream) as unknown as Muxer
  const streams: YamuxStream[] = []
  const came = new Map<string, string>()
  let chunks: Uint8Array[] = []
  let messages = 0

  function attempt(what: string, act: () => unknown): void {
    const failed = (failure: Error) => void said.push(`${what}: ${failure.name}`)
    try {
      const result = act()
      if (result instanceof Promise) result.catch(failed)
      else if (result !== undefined) said.push(`${what}: ${String(result)}`)
    } catch (failure) {
      failed(failure as Error)
    }
  }

  function giveNext(): void {
    const chunk = chunks.shift()
    if (chunk !== undefined && !connection.isOver) connection.dispatchEvent(new StreamMessageEvent(chunk as never))
  }

  const acts: Readonly<Record<Reaction, (stream: YamuxStream) => unknown>> = {
    pause: (stream) => stream.pause(),
    resume: (stream) => stream.resume(),
    stop: (stream) => stream.closeRead(),
    end: (stream) => stream.close(),
    abort: (stream) => stream.abort(new Error('enough')),
    answer: (stream) => stream.send(Buffer.from(`${messages}`)),
    // As when a layer below, that was paused, is read again: what it held comes when all before it has been taken.
    more: () => {
      if (isReadAgain) giveNext()
    },
  }

  function take(stream: YamuxStream): void {
    const name = `${stream.direction} ${stream.id}`
    Object.assign(stream, { recvWindow: WINDOW_BYTES, recvWindowCapacity: WINDOW_BYTES, sendWindowCapacity: WINDOW_BYTES })
    stream.maxMessageSize = WINDOW_BYTES - HEADER_BYTES
    streams.push(stream)
    for (const type of ['close', 'remoteCloseWrite', 'end']) stream.addEventListener(type as 'close', () => said.push(`${name} ${type}`))
    listen(stream, (bytes) => {
      came.set(name, `${came.get(name) ?? ''}${Buffer.from(bytes.subarray()).toString('hex')}`)
      messages += 1
      const reaction = reactions[messages % reactions.length]
      if (reaction !== undefined) attempt(`${name} ${reaction}`, () => acts[reaction](stream))
    })
  }
  muxer.addEventListener('stream', ({ detail }) => take(detail as YamuxStream))

  return {
    streams,
    muxer,
    attempt,
    give(next: readonly Uint8Array[]) {
      chunks = [...next]
      while (chunks.length > 0) giveNext()
      while (waitingTurns.length > 0) waitingTurns.shift()?.()
    },
    open: () => attempt('open', async () => take((await muxer.createStream()) as YamuxStream)),
    act(index: number, reaction: Reaction) {
      const stream = streams[index]
      if (stream !== undefined) attempt(`${index} ${reaction}`, () => acts[reaction](stream))
    },
    send(index: number, length: number) {
      const stream = streams[index]
      if (stream !== undefined) attempt(`${index} send`, () => stream.send(new Uint8Array(length).fill(length)))
    },
    fill: (isFull: boolean) => {
      connection.isFull = isFull
      if (!isFull) connection.dispatchEvent(new Event('drain'))
    },
    leave: () => attempt('leave', () => muxer.close()),
    state: () => ({
      status: muxer.status,
      open: muxer.streams.map(({ streamId }) => streamId),
      streams: streams.map(
        ({ id, status, readStatus, writeStatus, remoteWriteStatus, readBufferLength, writeBufferLength, sendWindowCapacity }) => ({
          ...{ id, status, readStatus, writeStatus, remoteWriteStatus, readBufferLength, writeBufferLength, sendWindowCapacity },
        }),
      ),
      came: Object.fromEntries(came),
      said,
    }),
  }
}
type Side = ReturnType<typeof createSide>

interface Script {
  readonly direction: 'inbound' | 'outbound'
  readonly reactions: readonly (Reaction | undefined)[]
}

/** Any frame, of those streams that there may be. What a stream may still be sent is asked of the one that says it more seldom. */
function createFrames({ below, oneOf }: Chance, lean: Side, theirFirst: number) {
  const left = new Map<number, number>()
  const ids = [theirFirst, theirFirst + 2, theirFirst + 4, theirFirst + 6, 3 - theirFirst, 5 - theirFirst]
  let counter = 0
  return function any(): Buffer {
    const id = below(40) === 0 ? oneOf([0, 0xffffffff, 999]) : oneOf(ids)
    const flags = below(4) > 0 ? 0 : oneOf([SYN, SYN, SYN, ACK, FIN, RST, SYN | FIN, FIN | RST, SYN | ACK, below(0x10000)])
    const kind = below(60)
    if (kind === 0) return frame(PING, { flags: oneOf([SYN, SYN, SYN, ACK, 0]), id: 0, length: below(100) })
    if (kind === 1) return below(4) > 0 ? frame(PING, { flags: SYN, id: 0, length: 7 }) : frame(GO_AWAY, { id: 0, length: below(4) })
    if (kind === 2 && below(4) === 0) return Buffer.from(Array.from({ length: HEADER_BYTES }, () => below(256)))
    if (kind < 15) return frame(WINDOW_UPDATE, { flags, id, length: oneOf([0, 1, 20, 64, 200]) })
    const known = left.get(id) ?? lean.muxer.streams.find(({ streamId }) => streamId === id)?.recvWindowCapacity ?? WINDOW_BYTES / 2
    const length = below(60) === 0 ? WINDOW_BYTES + 1 : Math.min(known, oneOf([0, 1, 5, 12, 30, WINDOW_BYTES]))
    left.set(id, Math.max(0, known - length))
    counter += 1
    return frame(DATA, { flags, id, length }, new Uint8Array(length).fill(counter))
  }
}

function cut(bytes: Uint8Array, { below }: Chance): Uint8Array[] {
  const places = Array.from({ length: below(5) }, () => below(bytes.length + 1)).sort((one, other) => one - other)
  return [...places, bytes.length].map((place, index) => bytes.subarray(places[index - 1] ?? 0, place))
}

async function converse(seed: number): Promise<void> {
  const chance = createChance(seed)
  const { below, oneOf } = chance
  const direction = oneOf(['inbound', 'outbound'] as const)
  const reactions = Array.from({ length: 7 }, () => (below(3) === 0 ? oneOf(REACTIONS) : undefined))
  const [lean, own] = [LEAN, OWN].map((kind) => createSide(kind, { direction, reactions })) as [Side, Side]
  const both = (act: (side: Side) => void): void => [lean, own].forEach(act)
  const theirFirst = direction === 'inbound' ? 1 : 2
  const opening = frame(WINDOW_UPDATE, { flags: SYN, id: theirFirst, length: 0 })
  both((side) => side.give([opening]))
  for (let step = 0; step < 6; step += 1) {
    const any = createFrames(chance, lean, theirFirst)
    const chunks = cut(Buffer.concat(Array.from({ length: below(8) }, any)), chance)
    both((side) => side.give(chunks))
    const kind = below(8)
    const [index, reaction, length] = [below(4), oneOf(REACTIONS), oneOf([0, 1, 20, 52, 64, 65, 150])]
    if (kind === 0) both((side) => side.open())
    else if (kind === 1) both((side) => side.act(index, reaction))
    else if (kind < 5) both((side) => side.send(index, length))
    else if (kind === 5) both((side) => side.fill(length > 50))
    else if (kind === 6 && below(10) === 0) both((side) => side.leave())
    await turn()
    deepStrictEqual(lean.state(), own.state())
  }
}

test(
  'whatever frames come, the lean muxer gives, ends and answers as the library does',
  async () => {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + COUNT; seed += 1) {
      await converse(seed).catch((cause: unknown) => {
        throw new Error(`FUZZ_SEED=${seed} FUZZ_INPUTS=1`, { cause })
      })
    }
  },
  LIMIT_MS,
)
