import type { Stream } from '@libp2p/interface'
import { limitFunction } from 'p-limit'
import { WeftError } from '#domain/errors.ts'
import type { SubmissionId } from '#domain/ids.ts'
import type { Rejection } from '#domain/rejection.ts'
import type { Receipt } from '#domain/submission.ts'
import { COLLECT_PROTOCOL, COLLECT_WRITE_BYTES_MAX, encodeCollect } from '#wire/collect-frame.ts'
import { decodeSubmission, encodeCollectJson } from '#wire/submission-proto.ts'
import { closeWithin } from './ending.ts'
import { linkFailed } from './libp2p.ts'
import type { SubmissionLink } from './port.ts'
import { closeConnection, type LinkParts } from './submit-link.ts'

/** Streams written at once: a deployed listener keeps one goroutine per stream and one read per message. */
const STREAMS_AT_ONCE_MAX = 16
/** A listener that never closes its side must not keep the stream for ever; what it wanted to read it has read by then. */
const LINGER_MS = 5_000

/** What a deployed listener could not read is refused here in its place; sent, it would be lost without a word. */
function refusal(submissionId: string, code: Rejection, reason: string): Receipt {
  return { submissionId: submissionId as SubmissionId, code, reason }
}

/**
 * A link to a peer that speaks `/collect` only. Each message goes in one write on a stream of its own that is closed behind it,
 * because such a peer takes one read for one message (spec/02 §3). It never answers, so `send` resolves with `unacknowledged`.
 */
export function createCollectLink({ address, connection, stream }: LinkParts): SubmissionLink {
  const ending = Promise.withResolvers<void>()
  /** The stream that negotiation opened. Closing it empty would make a deployed listener read a message of no bytes. */
  let spare: Stream | undefined = stream

  connection.addEventListener('close', () => ending.resolve())

  function nextStream(): Promise<Stream> | Stream {
    const first = spare
    spare = undefined
    return first?.status === 'open' ? first : connection.newStream(COLLECT_PROTOCOL, { runOnLimitedConnection: true })
  }

  const write = limitFunction(
    async (bytes: Uint8Array): Promise<void> => {
      const open = await nextStream()
      open.send(bytes)
      await closeWithin(open, LINGER_MS)
    },
    { concurrency: STREAMS_AT_ONCE_MAX },
  )

  return {
    ended: ending.promise,
    async send({ submissionId, payload }) {
      if (connection.status !== 'open') throw new WeftError('LINK_FAILED', { address, detail: 'the connection was lost' })
      const submission = decodeSubmission(payload)
      if (submission === undefined) return refusal(submissionId, 'submission_malformed', '')
      const bytes = encodeCollect(submissionId, encodeCollectJson(submission))
      if (bytes.length > COLLECT_WRITE_BYTES_MAX) return refusal(submissionId, 'frame_oversized', 'a /collect peer reads 1024 bytes')
      try {
        await write(bytes)
        return 'unacknowledged'
      } catch (cause) {
        throw linkFailed(address, cause)
      }
    },
    async close() {
      spare?.abort(new Error('not needed'))
      await closeConnection(connection)
      ending.resolve()
    },
  }
}
