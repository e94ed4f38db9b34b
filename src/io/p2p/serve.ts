import type { Stream } from '@libp2p/interface'
import type { SubmissionId } from '#domain/ids.ts'
import type { Rejection } from '#domain/rejection.ts'
import type { Receipt } from '#domain/submission.ts'
import { type CollectStep, createCollectReader } from '#wire/collect-frame.ts'
import type { FrameStep } from '#wire/length-prefix.ts'
import { createDeliveryReader, encodeReceipt, parseDelivery } from '#wire/submit-frame.ts'
import type { Inbox } from './inbox.ts'
import { createTickWriter } from './tick-writer.ts'

/** The receiving end of one stream. Event listeners here must not throw: libp2p would end the process for it. */

/** How long a peer may take to read the last receipts before the stream is reset. */
const CLOSE_TIMEOUT_MS = 5_000

/** A deployed collector does not listen for answers. */
function respondNothing(): void {
  return
}

/** Sends what is written, then ends both directions: whatever else the peer sends is dropped unread. */
export function endStream(stream: Stream): void {
  stream
    .closeRead()
    .then(() => stream.close({ signal: AbortSignal.timeout(CLOSE_TIMEOUT_MS) }))
    .catch((cause) => stream.abort(new Error('the stream did not close in time', { cause })))
}

/**
 * One stream of `/weft/submit/1.0.0`: frames go to the inbox, receipts come back. The first broken frame, or the peer's own end, is the
 * last thing read; the stream ends when every frame before it has its receipt.
 */
export function serveSubmit(stream: Stream, peer: string, inbox: Inbox): void {
  const reader = createDeliveryReader()
  const writer = createTickWriter(stream)
  let isReading = true
  let unansweredCount = 0

  function answer(receipt: Receipt): void {
    unansweredCount -= 1
    writer.write(encodeReceipt(receipt))
    endWhenAnswered()
  }

  function endWhenAnswered(): void {
    if (isReading || unansweredCount > 0) return
    writer.flush()
    endStream(stream)
  }

  function stopReading(code: Rejection | undefined): void {
    isReading = false
    if (code !== undefined) {
      inbox.count(code)
      writer.write(encodeReceipt({ submissionId: '' as SubmissionId, code, reason: '' }))
    }
    endWhenAnswered()
  }

  /** False when nothing more is to be read. */
  function take(step: FrameStep): boolean {
    const delivery = step.kind === 'frame' ? parseDelivery(step.bytes) : undefined
    if (delivery === undefined || delivery === 'frame_oversized') {
      stopReading(step.kind === 'oversized' || delivery === 'frame_oversized' ? 'frame_oversized' : 'frame_malformed')
      return false
    }
    unansweredCount += 1
    inbox.offer({ peer, protocol: 'weft', ...delivery, respond: answer })
    return true
  }

  stream.addEventListener('message', (event) => {
    if (isReading) reader.push(event.data.subarray()).every(take)
  })
  stream.addEventListener('remoteCloseWrite', () => {
    if (isReading) stopReading(reader.isBetweenFrames() ? undefined : 'frame_malformed')
  })
}

/** One stream of `/collect`: messages go to the inbox, nothing is ever answered. */
export function serveCollect(stream: Stream, peer: string, inbox: Inbox): void {
  const reader = createCollectReader()

  function take(step: CollectStep): void {
    if (step.kind === 'message')
      inbox.offer({ peer, protocol: 'collect', submissionId: step.submissionId, payload: step.payload, respond: respondNothing })
    else inbox.count(step.kind)
  }

  stream.addEventListener('message', (event) => {
    for (const step of reader.push(event.data.subarray())) take(step)
    if (reader.isEnded()) endStream(stream)
  })
  stream.addEventListener('remoteCloseWrite', () => {
    for (const step of reader.finish()) take(step)
    endStream(stream)
  })
}
