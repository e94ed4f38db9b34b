import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { DeliverPolicy, JetStreamApiCodes, JetStreamApiError, PubHeaders, RetentionPolicy, StorageType } from '@nats-io/jetstream'
import { WeftError } from '#domain/errors.ts'
import type { JetStreamContext } from './jetstream.ts'
import { patiently } from './patiently.ts'
import { plain } from './plain.ts'
import type { Log, LogEntry } from './port.ts'

/** A partition's log is a stream of one subject: its sequence is the position. */

const ACK_TIMEOUT_MS = 2_000
/** An append is tried until it is answered: without an answer nobody knows whether it is there. */
const FOR_EVER_MS = Number.POSITIVE_INFINITY
const READ_AHEAD = 256
/** A reader whose server is gone notices when two heartbeats are missing; there are two in this time. */
const READ_EXPIRES_MS = 2_000
const READ_AGAIN_MS = 250

const isCode = (failure: unknown, ...codes: readonly number[]): boolean =>
  failure instanceof JetStreamApiError && codes.includes(failure.code)

/** Makes the stream when there is none. Throws `PARTITIONS_DIFFER`, `LOG_UNREACHABLE`. */
export async function jetStreamLog(partition: number, context: JetStreamContext): Promise<Log> {
  const { js, jsm, link, options, messageBytesMax, signal } = context
  const stream = `weft-${options.space}-${partition}`
  const subject = `weft.${options.space}.log.${partition}`

  async function info() {
    try {
      return await jsm.streams.info(stream)
    } catch (failure) {
      if (!isCode(failure, JetStreamApiCodes.StreamNotFound)) throw failure
      return jsm.streams.add({
        name: stream,
        subjects: [subject],
        storage: StorageType.File,
        retention: RetentionPolicy.Limits,
        num_replicas: options.replicas,
        deny_delete: true,
        metadata: { partitions: String(options.partitions) },
      })
    }
  }

  const { config } = await patiently(info, context)
  const agreed = config.metadata?.['partitions'] ?? ''
  if (agreed !== String(options.partitions)) throw new WeftError('PARTITIONS_DIFFER', { asked: options.partitions, agreed })

  /** Whether the entry is the one that an attempt without an answer has written. */
  async function isOurs(position: number, msgID: string): Promise<boolean> {
    try {
      const message = await jsm.streams.getMessage(stream, { seq: position })
      return message?.header.get(PubHeaders.MsgIdHdr) === msgID
    } catch (failure) {
      if (isCode(failure, JetStreamApiCodes.NoMessageFound)) return false
      throw failure
    }
  }

  return {
    entryBytesMax: messageBytesMax,
    end: async () => (await patiently(() => jsm.streams.info(stream), context)).state.last_seq,
    async append(bytes, after) {
      const msgID = randomUUID()
      const attempt = async (): Promise<number> => {
        try {
          const { seq } = await js.publish(subject, bytes, { msgID, expect: { lastSequence: after }, timeout: ACK_TIMEOUT_MS })
          return seq
        } catch (failure) {
          if (!isCode(failure, JetStreamApiCodes.StreamWrongLastSequence, JetStreamApiCodes.StreamWrongLastSequenceUnknown)) throw failure
          if (await isOurs(after + 1, msgID)) return after + 1
          throw new WeftError('LOG_MOVED', { log: stream, position: after }, failure)
        }
      }
      return patiently(attempt, context, FOR_EVER_MS)
    },
    async *read(after, reading) {
      const ending = AbortSignal.any([signal, reading])
      for (let position = after; !ending.aborted; ) {
        try {
          // The library asks for ever after a consumer that went with its server.
          for await (const entry of readOnce(position, AbortSignal.any([ending, link.gone()]))) {
            position = entry.position
            yield entry
          }
        } catch (failure) {
          if (ending.aborted) return
          // The server that had the consumer is gone: another makes one, from here.
          if (failure instanceof WeftError) throw failure
        }
        await pause(READ_AGAIN_MS, undefined, { signal: ending }).catch(() => undefined)
      }
    },
    async forget(upTo) {
      await patiently(() => jsm.streams.purge(stream, { seq: upTo + 1 }), context)
    },
  }

  async function* readOnce(after: number, ending: AbortSignal): AsyncGenerator<LogEntry> {
    const consumer = await js.consumers.get(stream, { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: after + 1 })
    const messages = await consumer.consume({ max_messages: READ_AHEAD, expires: READ_EXPIRES_MS })
    const stop = (): void => messages.stop()
    ending.addEventListener('abort', stop, { once: true })
    // The server that has the consumer may be gone for good: another one makes a new one.
    const watch = async (): Promise<void> => {
      for await (const { type } of messages.status()) if (type === 'heartbeats_missed') stop()
    }
    watch().catch(stop)
    try {
      if (ending.aborted) return
      for await (const message of messages) {
        if (ending.aborted) return
        yield { position: message.seq, bytes: plain(message.data) }
      }
    } finally {
      ending.removeEventListener('abort', stop)
      // Not waited for: the connection may be gone.
      messages.close().catch(() => undefined)
    }
  }
}
