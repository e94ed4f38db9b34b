import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import type { Connection, Stream, StreamMuxer } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { COLLECT_PROTOCOL, encodeCollect } from '#wire/collect-frame.ts'
import { createSubmissionHost } from './host.ts'
import { ScriptedStream } from './scripted.test-stream.ts'
import { answer, identity, idOf } from './suite.ts'
import { running } from './running.test-world.ts'
import { boundUnusedStreams } from './unused-streams.ts'

const { keep, stopping } = running()
afterEach(() => void vi.restoreAllMocks())

/** A peer without any of our code that opens streams as Go does: not a byte is sent before the first message. */
async function deployedPeer(address: string) {
  const peer = keep(await createLibp2p({ transports: [tcp()], connectionEncrypters: [noise()], streamMuxers: [yamux()] }))
  const connection = await peer.dial(multiaddr(address))
  const { muxer } = connection as Connection & { readonly muxer: StreamMuxer }
  return {
    open: async (): Promise<Stream> => muxer.createStream(),
    /** One that is in use. */
    openUsed: () => connection.newStream(COLLECT_PROTOCOL),
  }
}

const line = (text: string): Buffer => Buffer.concat([Uint8Array.of(text.length + 1), Buffer.from(`${text}\n`)])

/** The first message on an unused stream, with the negotiation in front of it. */
function use(stream: Stream, submissionId: string): void {
  stream.send(Buffer.concat([line('/multistream/1.0.0'), line(COLLECT_PROTOCOL), encodeCollect(submissionId, '{}')]))
}

/** From now on every time limit set by `AbortSignal.timeout` is ours to let pass. */
function holdTimeouts() {
  const asked: { readonly limitMs: number; readonly passed: AbortController }[] = []
  vi.spyOn(AbortSignal, 'timeout').mockImplementation((limitMs) => {
    const passed = new AbortController()
    asked.push({ limitMs, passed })
    return passed.signal
  })
  return {
    count: () => asked.length,
    pass(durationMs: number): void {
      for (const { limitMs, passed } of asked) if (limitMs <= durationMs) passed.abort(new Error('timed out'))
    },
  }
}

describe('a stream that is open and unused', () => {
  test('stays so for an hour, and takes the first message then', async () => {
    const host = keep(await createSubmissionHost({ identity: identity(1) }))
    const seen = answer(host, () => undefined, stopping.signal)
    const peer = await deployedPeer(host.addresses()[0] as string)
    const timeouts = holdTimeouts()
    const stream = await peer.open()
    await expect.poll(timeouts.count).toBeGreaterThan(0)
    timeouts.pass(60 * 60_000)
    use(stream, idOf(1))
    await expect.poll(() => seen.map(({ submissionId }) => submissionId)).toEqual([idOf(1)])
  })

  test('G7: is one of so many for a connection; the next is reset, those before stay, and used ones do not count', async () => {
    const host = keep(await createSubmissionHost({ identity: identity(1), unusedStreams: { perConnectionMax: 2 } }))
    const seen = answer(host, () => undefined, stopping.signal)
    const peer = await deployedPeer(host.addresses()[0] as string)
    for (let used = 0; used < 5; used += 1) await peer.openUsed()
    const streams = [await peer.open(), await peer.open(), await peer.open()] as const
    await expect.poll(() => streams.map(({ status }) => status)).toEqual(['open', 'open', 'reset'])
    use(streams[0], idOf(1))
    await expect.poll(() => seen.length).toBe(1)
    const next = await peer.open()
    use(next, idOf(2))
    use(streams[1], idOf(3))
    await expect.poll(() => seen.map(({ submissionId }) => submissionId).sort()).toEqual([idOf(1), idOf(2), idOf(3)])
  })

  test('G7, G11: is one of so many for all connections; the one that is unused for longest makes room', async () => {
    const host = keep(await createSubmissionHost({ identity: identity(1), unusedStreams: { totalMax: 2 } }))
    const seen = answer(host, () => undefined, stopping.signal)
    const address = host.addresses()[0] as string
    const [hoarder, other] = [await deployedPeer(address), await deployedPeer(address)]
    const used = await hoarder.openUsed()
    const hoarded = [await hoarder.open(), await hoarder.open()] as const
    // Its own streams come in order, so that both are there when this one is answered.
    await hoarder.openUsed()
    await expect.poll(() => hoarded.map(({ status }) => status)).toEqual(['reset', 'open'])
    expect(used.status).toBe('open')
    const stream = await other.open()
    use(stream, idOf(1))
    await expect.poll(() => seen.length).toBe(1)
    expect(stream.status).toBe('open')
  })

  test('G7: is forgotten when it is gone, with all that served it, though its connection lasts', async () => {
    setFlagsFromString('--expose-gc')
    const collectGarbage = runInNewContext('gc') as () => void
    const muxer = new EventTarget() as unknown as StreamMuxer
    const bounded = boundUnusedStreams(() => ({ protocol: '', createStreamMuxer: () => muxer }))({}).createStreamMuxer({} as never)
    bounded.addEventListener('stream', () => undefined)
    function comeAndGo(): WeakRef<ScriptedStream> {
      const stream = new ScriptedStream()
      bounded.dispatchEvent(new CustomEvent('stream', { detail: stream }) as never)
      stream.abort()
      return new WeakRef(stream)
    }
    const gone = comeAndGo()
    await new Promise(setImmediate)
    collectGarbage()
    expect(gone.deref()).toBeUndefined()
  })
})
