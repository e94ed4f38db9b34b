import { JetStreamApiCodes, JetStreamApiError, PubHeaders } from '@nats-io/jetstream'
import { expect, test } from 'vitest'
import { jetStreamLog } from './jetstream-log.ts'
import type { JetStreamContext } from './jetstream.ts'
import { watchLink } from './link.ts'

/** What servers do over minutes: they know a message again by its id for two of them, and a lost answer may take longer than that. */

/** Of which nothing is heard. */
async function* nothing(): AsyncGenerator<never> {
  yield* []
}

const moved = () =>
  new JetStreamApiError({
    code: 400,
    err_code: JetStreamApiCodes.StreamWrongLastSequence,
    description: 'wrong last sequence',
  })

/** A stream whose answers to the first append are lost, and that has forgotten its id by the next. */
function forgetful({ writes }: { readonly writes: 'ours' | 'another' }): { readonly context: JetStreamContext; readonly ids: string[] } {
  const ids: string[] = []
  const context = {
    options: { space: 'forgetful', partitions: 1 },
    places: 'nowhere',
    link: watchLink({ status: nothing, isClosed: () => false }),
    signal: new AbortController().signal,
    js: {
      async publish(_subject: string, _bytes: Uint8Array, { msgID }: { readonly msgID: string }) {
        ids.push(msgID)
        throw ids.length === 1 ? new Error('timeout') : moved()
      },
    },
    jsm: {
      streams: {
        info: async () => ({ config: { metadata: { partitions: '1' } } }),
        getMessage: async () => ({
          header: new Map([[PubHeaders.MsgIdHdr, writes === 'ours' ? ids[0] : 'of somebody else']]),
        }),
      },
    },
  }
  return { context: context as unknown as JetStreamContext, ids }
}

test('G1: an append whose answer was lost for longer than servers know its id is there, and not written again', async () => {
  const { context, ids } = forgetful({ writes: 'ours' })
  const log = await jetStreamLog(0, context)
  expect(await log.append(Uint8Array.of(1), 7)).toBe(8)
  expect(ids[1], 'told by the same id').toBe(ids[0])
})

test('S28: where another one has written in its place it is refused', async () => {
  const log = await jetStreamLog(0, forgetful({ writes: 'another' }).context)
  await expect(log.append(Uint8Array.of(1), 7)).rejects.toMatchObject({ code: 'LOG_MOVED', facts: { position: 7 } })
})

/** A stream with one entry for each consumer that is made, of which no more comes, nor that it is gone. */
function silent() {
  const statuses: ((type: 'disconnect' | 'reconnect') => void)[] = []
  const begins: number[] = []
  async function* status() {
    for (;;) yield { type: await new Promise<'disconnect' | 'reconnect'>((resolve) => statuses.push(resolve)) }
  }
  const consume = async () => {
    const stopped = Promise.withResolvers<void>()
    return {
      status: nothing,
      stop: stopped.resolve,
      close: async () => stopped.resolve(),
      async *[Symbol.asyncIterator]() {
        yield { seq: begins.at(-1), data: new Uint8Array(1) }
        await stopped.promise
      },
    }
  }
  const context = {
    options: { space: 'silent', partitions: 1 },
    places: 'nowhere',
    signal: new AbortController().signal,
    link: watchLink({ status: status as never, isClosed: () => false }),
    js: {
      consumers: {
        async get(_stream: string, { opt_start_seq }: { readonly opt_start_seq: number }) {
          begins.push(opt_start_seq)
          return { consume }
        },
      },
    },
    jsm: { streams: { info: async () => ({ config: { metadata: { partitions: '1' } } }) } },
  }
  return { context: context as unknown as JetStreamContext, begins, tell: (type: 'disconnect' | 'reconnect') => statuses.shift()?.(type) }
}

test('S27: a reader whose server is gone, with all that this alone knew of the reader, reads on at another from where it was', async () => {
  const { context, begins, tell } = silent()
  const log = await jetStreamLog(0, context)
  const enough = new AbortController()
  const read: number[] = []
  for await (const { position } of log.read(4, enough.signal)) {
    read.push(position)
    if (read.length === 2) enough.abort()
    else tell('disconnect')
  }
  expect([begins, read]).toEqual([
    [5, 6],
    [5, 6],
  ])
})
