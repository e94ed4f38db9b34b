import type { Stream } from '@libp2p/interface'
import type { SubmissionId } from '#domain/ids.ts'
import type { Rejection } from '#domain/rejection.ts'
import type { Sender } from '#domain/standing.ts'
import type { Receipt } from '#domain/submission.ts'
import { type CollectStep, createCollectReader } from '#wire/collect-frame.ts'
import type { FrameStep } from '#wire/length-prefix.ts'
import { createDeliveryReader, encodeReceipt, parseDelivery } from '#wire/submit-frame.ts'
import { createBacklog } from './backlog.ts'
import { closeWithin } from './ending.ts'
import type { Holding } from './holdings.ts'
import type { Inbox } from './inbox.ts'
import { onMessage } from './lean-layers.ts'
import { createPace, type Source } from './pace.ts'
import { createTickWriter } from './tick-writer.ts'

/** The receiving end of one stream. Event listeners here must not throw: libp2p would end the process for it. */

/** How long a peer may take to read the last receipts, and to end its own side, before the stream is reset. */
const CLOSE_TIMEOUT_MS = 5_000

/** What a stream takes by itself, with what listens to it: a peer may have hundreds. */
const STREAM_BYTES = 12 * 1024

/** From where a stream comes, and where its deliveries go. */
export interface Serving {
  readonly sender: Sender
  readonly inbox: Inbox
  readonly source: Source
  /** Where what it makes us hold is counted. */
  readonly hold: (giveUp: () => void) => Holding
  /** A frame that has begun and is not whole after this long ends its stream. */
  readonly frameTimeoutMs: number
}

/** Sends what is written, then ends both directions: whatever else the peer sends is dropped unread. Of one that is gone there is nothing to end. */
export function endStream(stream: Stream): void {
  if (stream.status !== 'open') return
  stream
    .closeRead()
    .then(() => closeWithin(stream, CLOSE_TIMEOUT_MS))
    .catch((cause) => stream.abort(new Error('the stream did not close', { cause })))
}

/**
 * One stream of `/weft/submit/1.0.0`: frames go to the inbox, receipts come back. The first broken frame, or the peer's own end, is the
 * last thing read; the stream ends when every frame before it has its receipt.
 */
export function serveSubmit(stream: Stream, { sender, inbox, source, hold, frameTimeoutMs }: Serving): void {
  const pace = createPace(inbox, sender, { ...source, goOn })
  // Of one that was reset nobody waits for receipts, and what had none comes again; what came over one that ended well, or with its connection, is taken all the same.
  stream.addEventListener('close', () => {
    if (stream.status === 'aborted' || stream.status === 'reset') {
      holding.end()
      return drop()
    }
    endWhenRead()
    note()
  })
  const reader = createDeliveryReader()
  const holding = hold(() => {
    // One that does not read would not read why either; nor is there anything to say on one that has ended.
    const isDeaf = stream.writeBufferLength > 0 || isEnding
    if (stream.status === 'open' && isDeaf) return stream.abort(new Error('there is no room for what the peer does not read'))
    drop()
    stopReading('inbox_full')
  })
  const writer = createTickWriter(stream, note)
  // The library sends what waits in a microtask of its own, which comes before this one.
  stream.addEventListener('drain', () => queueMicrotask(note))
  const backlog = createBacklog(read, pace.isHolding)
  let isReading = true
  /** The peer has: what it sent before is read all the same. */
  let hasEnded = false
  /** We have: all that the peer is owed is written. */
  let isEnding = false
  let unansweredCount = 0

  function note(): void {
    const ownBytes = stream.status === 'open' ? STREAM_BYTES + stream.writeBufferLength : 0
    holding.set(ownBytes + backlog.heldBytes() + reader.heldBytes() + pace.heldBytes())
  }

  /** What has no turn yet is not wanted any more, nor what follows it. */
  function drop(): void {
    isReading = false
    backlog.end()
    unansweredCount -= pace.drop()
  }

  function answer(receipt: Receipt): void {
    unansweredCount -= 1
    if (receipt.code === 'accepted') holding.know()
    writer.write(encodeReceipt(receipt))
    endWhenAnswered()
  }

  function endWhenAnswered(): void {
    if (isReading || isEnding || unansweredCount > 0) return
    isEnding = true
    writer.flush()
    endStream(stream)
  }

  function stopReading(code: Rejection | undefined): void {
    isReading = false
    patience.end()
    // The peer need not end its side, and would have it held.
    backlog.end()
    reader.end()
    note()
    if (code !== undefined) {
      inbox.count(code, sender)
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
    pace.give({ peer: sender.peer, protocol: 'weft', ...delivery, respond: answer })
    return true
  }

  function read(piece: Uint8Array): boolean {
    const steps = reader.push(piece)
    if (steps.length > 0) patience.end()
    if (steps.every(take) && !reader.isBetweenFrames()) patience.begin()
    return steps.length > 0
  }

  function endWhenRead(): void {
    if (!isReading || !backlog.isEmpty()) return
    if (hasEnded) stopReading(reader.isBetweenFrames() ? undefined : 'frame_malformed')
    // What is cut with the connection is not held against the peer.
    else if (stream.status !== 'open') stopReading(undefined)
  }

  function goOn(): void {
    patience.renew()
    backlog.goOn()
    endWhenRead()
    note()
    if (!pace.isHolding()) source.goOn()
  }

  const patience = createPatience(stream, frameTimeoutMs, () => {
    // What follows cannot come while the connection is not read, for whichever of its streams.
    if (source.isStopped()) patience.begin()
    else stopReading('frame_malformed')
  })

  onMessage(stream, (bytes) => {
    if (!isReading) return
    backlog.push(bytes.subarray())
    note()
  })
  stream.addEventListener('remoteCloseWrite', () => {
    hasEnded = true
    endWhenRead()
  })
  note()
}

/**
 * One stream of `/collect`: messages go to the inbox, nothing is ever answered. Whatever becomes of the stream, those that came are taken, for nobody sends them again; where there is
 * no room for what waits, they are counted.
 */
export function serveCollect(stream: Stream, { sender, inbox, source, hold, frameTimeoutMs }: Serving): void {
  const pace = createPace(inbox, sender, { ...source, goOn })
  const reader = createCollectReader()
  const holding = hold(() => {
    // Those that are not read, and the one that is not whole.
    let lost = reader.push(backlog.end()).filter(({ kind }) => kind === 'message').length + (reader.isBetweenMessages() ? 0 : 1)
    // Nobody would hear why, and the room is wanted at once. Before its connection is read again, which may hold more of it.
    stream.abort(new Error('there is no room for what waits'))
    for (lost += pace.drop(); lost > 0; lost -= 1) inbox.count('inbox_full', sender)
  })

  /** A deployed collector does not listen for answers. */
  function respond({ code }: Receipt): void {
    if (code === 'accepted') holding.know()
  }

  function take(step: CollectStep): void {
    if (step.kind === 'message') {
      const { submissionId, payload } = step
      pace.give({ peer: sender.peer, protocol: 'collect', submissionId, payload, respond })
    } else inbox.count(step.kind, sender)
  }

  const backlog = createBacklog(read, pace.isHolding)
  let isReading = true
  /** The peer has: what it sent before is read all the same. */
  let hasEnded = false

  function note(): void {
    holding.set((stream.status === 'open' ? STREAM_BYTES : 0) + backlog.heldBytes() + reader.heldBytes() + pace.heldBytes())
  }

  function end(): void {
    isReading = false
    for (const step of reader.finish()) take(step)
    patience.end()
    backlog.end()
    endStream(stream)
    note()
  }

  function read(piece: Uint8Array): boolean {
    const steps = reader.push(piece)
    for (const step of steps) take(step)
    if (steps.length > 0) patience.end()
    if (reader.isEnded()) end()
    else if (!reader.isBetweenMessages()) patience.begin()
    return steps.length > 0
  }

  function endWhenRead(): void {
    if (!backlog.isEmpty()) return
    if (stream.status !== 'open') reader.finish()
    else if (isReading && hasEnded) end()
  }

  function goOn(): void {
    patience.renew()
    backlog.goOn()
    endWhenRead()
    note()
    if (!pace.isHolding()) source.goOn()
  }

  const patience = createPatience(stream, frameTimeoutMs, () => {
    if (source.isStopped()) patience.begin()
    else end()
  })

  onMessage(stream, (bytes) => {
    backlog.push(bytes.subarray())
    note()
  })
  stream.addEventListener('remoteCloseWrite', () => {
    hasEnded = true
    endWhenRead()
  })
  stream.addEventListener('close', () => {
    endWhenRead()
    note()
  })
  note()
}

/** Runs out when what was begun is not ended in time. Beginning again while it runs changes nothing: a byte now and then is no progress. */
function createPatience(stream: Stream, limitMs: number, onEnd: () => void) {
  let timer: NodeJS.Timeout | undefined
  function end(): void {
    clearTimeout(timer)
    timer = undefined
  }
  function begin(): void {
    // The rest cannot come any more.
    if (stream.status !== 'open') return
    timer ??= setTimeout(() => {
      timer = undefined
      onEnd()
    }, limitMs)
  }
  stream.addEventListener('close', end)
  return {
    end,
    begin,
    /** What could not come meanwhile has all its time from now on. */
    renew(): void {
      if (timer === undefined) return
      end()
      begin()
    },
  }
}
