import type { Connection, Stream } from '@libp2p/interface'
import { WeftError } from '#domain/errors.ts'
import type { Receipt } from '#domain/submission.ts'
import type { FrameStep } from '#wire/length-prefix.ts'
import { createReceiptReader, encodeDelivery, parseReceipt } from '#wire/submit-frame.ts'
import { onMessage } from './lean-layers.ts'
import type { SubmissionLink } from './port.ts'
import { createTickWriter } from './tick-writer.ts'

export interface LinkParts {
  readonly address: string
  readonly connection: Connection
  readonly stream: Stream
}

/** How long the other side may take to say goodbye. */
const CLOSE_TIMEOUT_MS = 2_000

/** Closes the connection, by force when the peer does not answer. */
export async function closeConnection(connection: Connection): Promise<void> {
  try {
    await connection.close({ signal: AbortSignal.timeout(CLOSE_TIMEOUT_MS) })
  } catch (cause) {
    connection.abort(new Error('the connection did not close in time', { cause }))
  }
}

/** The sending end of one `/weft/submit/1.0.0` stream, and of the connection made for it. */
export function createSubmitLink({ address, connection, stream }: LinkParts): SubmissionLink {
  const reader = createReceiptReader()
  const writer = createTickWriter(stream)
  const waiting = new Map<string, PromiseWithResolvers<Receipt>>()
  const ending = Promise.withResolvers<void>()
  let endReason: string | undefined

  function end(reason: string): void {
    if (endReason !== undefined) return
    endReason = reason
    for (const { reject } of waiting.values()) reject(new WeftError('LINK_FAILED', { address, detail: reason }))
    waiting.clear()
    ending.resolve()
    connection.abort(new Error(reason))
  }

  function take(step: FrameStep): boolean {
    const receipt = step.kind === 'frame' ? parseReceipt(step.bytes) : undefined
    if (receipt === undefined) {
      end('the peer sent something that is not a receipt')
      return false
    }
    waiting.get(receipt.submissionId)?.resolve(receipt)
    waiting.delete(receipt.submissionId)
    return true
  }

  onMessage(stream, (bytes) => {
    if (endReason === undefined) reader.push(bytes.subarray()).every(take)
  })
  stream.addEventListener('remoteCloseWrite', () => end('the peer ended the stream'))
  stream.addEventListener('close', () => end('the connection was lost'))

  return {
    ended: ending.promise,
    send(delivery) {
      if (endReason !== undefined) return Promise.reject(new WeftError('LINK_FAILED', { address, detail: endReason }))
      const known = waiting.get(delivery.submissionId)
      if (known !== undefined) return known.promise
      const receipt = Promise.withResolvers<Receipt>()
      waiting.set(delivery.submissionId, receipt)
      writer.write(encodeDelivery(delivery))
      return receipt.promise
    },
    async close() {
      writer.flush()
      await closeConnection(connection)
      end('closed here')
    },
  }
}
