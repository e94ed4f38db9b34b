import { type Address, isSubmissionId } from '#domain/ids.ts'
import { createReceiptReader, encodeReceipt, parseReceipt } from '#wire/submit-frame.ts'
import type { Answer, Passed } from './port.ts'

/** What goes between listeners and boxes, in messages that a broker takes. Both ends are ours, of one version. */

const PROTOCOLS = ['weft', 'collect'] as const
const ID_BYTES = 4
const SIGNER_BYTES = 42
const UUID_BYTES = 36
const NOTHING = new Uint8Array(0)
const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** Of each the listener's id, protocol, submission id, signer, the length of the peer's id, that, the length of the payload, and that. */
export function encodePassed(deliveries: readonly Passed[], messageBytesMax: number): readonly Uint8Array[] {
  return packed(
    messageBytesMax,
    deliveries.map(({ id, protocol, submissionId, signer, peer, payload }) => {
      const sender = encoder.encode(peer)
      const bytes = new Uint8Array(ID_BYTES + 1 + UUID_BYTES + SIGNER_BYTES + 2 + sender.length + 4 + payload.length)
      const view = new DataView(bytes.buffer)
      view.setUint32(0, id)
      bytes[ID_BYTES] = PROTOCOLS.indexOf(protocol)
      let at = ID_BYTES + 1
      encoder.encodeInto(submissionId, bytes.subarray(at))
      at += UUID_BYTES
      encoder.encodeInto(signer, bytes.subarray(at))
      at += SIGNER_BYTES
      view.setUint16(at, sender.length)
      bytes.set(sender, at + 2)
      at += 2 + sender.length
      view.setUint32(at, payload.length)
      bytes.set(payload, at + 4)
      return bytes
    }),
  )
}

/** `undefined` for what no listener of this version sends. */
export function decodePassed(message: Uint8Array): readonly Passed[] | undefined {
  const view = new DataView(message.buffer, message.byteOffset, message.length)
  const deliveries: Passed[] = []
  try {
    for (let at = 0; at < message.length; ) {
      const id = view.getUint32(at)
      const protocol = PROTOCOLS[view.getUint8(at + ID_BYTES)]
      at += ID_BYTES + 1
      const submissionId = decoder.decode(message.subarray(at, at + UUID_BYTES))
      at += UUID_BYTES
      const signer = decoder.decode(message.subarray(at, at + SIGNER_BYTES)) as Address
      at += SIGNER_BYTES
      const senderEnd = at + 2 + view.getUint16(at)
      const peer = decoder.decode(message.subarray(at + 2, senderEnd))
      at = senderEnd + 4 + view.getUint32(senderEnd)
      if (protocol === undefined || at > message.length || !isSubmissionId(submissionId)) return undefined
      // Its own: one that waits would hold all of the message.
      const payload = new Uint8Array(message.subarray(senderEnd + 4, at))
      deliveries.push({ id, protocol, submissionId, signer, peer, payload })
    }
  } catch (failure) {
    // Torn in the middle of a number.
    if (!(failure instanceof RangeError)) throw failure
    return undefined
  }
  return deliveries
}

/** Of each the listener's id, and the receipt as `/weft/submit` frames it; nothing of what waits. */
export function encodeAnswers(answers: readonly Answer[], messageBytesMax: number): readonly Uint8Array[] {
  return packed(
    messageBytesMax,
    answers.map(({ id, receipt }) => {
      const frame = receipt === undefined ? NOTHING : encodeReceipt(receipt)
      const bytes = new Uint8Array(ID_BYTES + 4 + frame.length)
      const view = new DataView(bytes.buffer)
      view.setUint32(0, id)
      view.setUint32(ID_BYTES, frame.length)
      bytes.set(frame, ID_BYTES + 4)
      return bytes
    }),
  )
}

export function decodeAnswers(message: Uint8Array): readonly Answer[] {
  const view = new DataView(message.buffer, message.byteOffset, message.length)
  const answers: Answer[] = []
  for (let at = 0; at + ID_BYTES + 4 <= message.length; ) {
    const id = view.getUint32(at)
    const from = at + ID_BYTES + 4
    at = from + view.getUint32(at + ID_BYTES)
    const receipt = receiptIn(message.subarray(from, at))
    if (receipt !== undefined) answers.push({ id, receipt })
    else if (at === from) answers.push({ id })
  }
  return answers
}

function receiptIn(bytes: Uint8Array) {
  const [step] = createReceiptReader().push(bytes)
  return step?.kind === 'frame' ? parseReceipt(step.bytes) : undefined
}

/** As many as fit into one message; one that fits into none has its own. */
function packed(messageBytesMax: number, items: readonly Uint8Array[]): readonly Uint8Array[] {
  const messages: Uint8Array[] = []
  for (let from = 0; from < items.length; ) {
    let [end, length] = [from, 0]
    while (end < items.length && (end === from || length + (items[end] as Uint8Array).length <= messageBytesMax))
      length += (items[end++] as Uint8Array).length
    const message = new Uint8Array(length)
    let at = 0
    for (const item of items.slice(from, end)) {
      message.set(item, at)
      at += item.length
    }
    messages.push(message)
    from = end
  }
  return messages
}
