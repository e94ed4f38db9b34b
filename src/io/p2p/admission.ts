import type { Connection, Stream } from '@libp2p/interface'
import type { Rejection } from '#domain/rejection.ts'
import {
  ADMIT_FRAME_BYTES_MAX,
  ADMIT_PROTOCOL,
  encodeClaim,
  encodeVerdict,
  NONCE_BYTES,
  parseClaim,
  parseVerdict,
} from '#wire/admit-frame.ts'
import { withLength } from '#wire/length-prefix.ts'
import { closeWithin } from './ending.ts'
import { framed } from './framed.ts'
import type { Claim, Question } from './port.ts'

/** A signature and a round trip around the world. */
const ADMISSION_MS_MAX = 10_000

/** Signs for this peer; for a peer that no slot speaks for there is none. */
export type Claimant = (question: Question) => Promise<{ readonly slotId: number; readonly signature: string }>

/**
 * The relay's side of `/weft/admit/1.0.0`: asks the peer, and says what `judge` says. The 32 bytes are of this stream alone, so what was signed
 * for another is worth nothing here. Resolves with the claim that holds, or with nothing. Never throws.
 */
export async function askForClaim(
  stream: Stream,
  { relay, peer }: Omit<Question, 'nonce'>,
  judge: (claim: Claim) => Rejection | undefined,
): Promise<Claim | undefined> {
  const frames = framed(stream, { frameBytesMax: ADMIT_FRAME_BYTES_MAX, signal: AbortSignal.timeout(ADMISSION_MS_MAX) })
  try {
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES))
    stream.send(withLength(nonce))
    const given = parseClaim(await frames.next())
    const claim = given && { ...given, relay, peer, nonce }
    const why = claim === undefined ? 'frame_malformed' : judge(claim)
    stream.send(encodeVerdict(why ?? 'admitted'))
    await closeWithin(stream, ADMISSION_MS_MAX)
    return why === undefined ? claim : undefined
  } catch (cause) {
    stream.abort(new Error('the peer did not answer', { cause }))
    return undefined
  }
}

/** The peer's side, on a connection to a relay. Nothing happens where the relay does not ask. Throws when it refuses, with its code. */
export async function claimAt(
  connection: Connection,
  { peer, claimant }: { readonly peer: string; readonly claimant: Claimant },
  signal: AbortSignal,
): Promise<void> {
  const stream = await openedUnlessUnknown(connection, signal)
  if (stream === undefined) return
  try {
    const frames = framed(stream, { frameBytesMax: ADMIT_FRAME_BYTES_MAX, signal })
    const nonce = await frames.next()
    if (nonce.length !== NONCE_BYTES) throw new Error('what the relay asks is no question of the protocol')
    stream.send(encodeClaim(await claimant({ relay: connection.remotePeer.toString(), peer, nonce })))
    const verdict = parseVerdict(await frames.next())
    if (verdict !== 'admitted') throw new Error(`the relay does not admit this peer: ${verdict ?? 'no verdict'}`)
  } finally {
    stream.abort(new Error('done'))
  }
}

async function openedUnlessUnknown(connection: Connection, signal: AbortSignal): Promise<Stream | undefined> {
  try {
    return await connection.newStream(ADMIT_PROTOCOL, { signal })
  } catch (failure) {
    if ((failure as Error).name === 'UnsupportedProtocolError') return undefined
    throw failure
  }
}
