import type { Connection } from '@libp2p/interface'
import {
  ANSWER_BYTES_MAX,
  encodeRequest,
  parseAnswer,
  RENDEZVOUS_PROTOCOL,
  type RendezvousAnswer,
  type RendezvousRequest,
} from '#wire/rendezvous-frame.ts'
import { framed } from './framed.ts'
import { openRecord } from './peer-record.ts'
import type { FoundPeer } from './port.ts'

/** Answers read of one place before it has told enough: a thousand peers. */
const PAGES_MAX = 10

/** Throws when the place does not answer, or not like one. */
async function ask(connection: Connection, request: RendezvousRequest, signal: AbortSignal): Promise<RendezvousAnswer> {
  const stream = await connection.newStream(RENDEZVOUS_PROTOCOL, { signal })
  try {
    const frames = framed(stream, { frameBytesMax: ANSWER_BYTES_MAX, signal })
    stream.send(encodeRequest(request))
    const answer = parseAnswer(await frames.next())
    if (answer === undefined) throw new Error('what came is no answer of the rendezvous protocol')
    return answer
  } finally {
    stream.abort(new Error('answered'))
  }
}

const refusal = ({ status }: RendezvousAnswer): Error => new Error(`the rendezvous server says ${status}`)

/** Registers this peer, by a record of its own. Seconds for which it holds. Throws when it is refused. */
export async function registerAt(
  connection: Connection,
  { namespace, record, ttlSeconds }: { readonly namespace: string; readonly record: Uint8Array; readonly ttlSeconds: number },
  signal: AbortSignal,
): Promise<number> {
  const answer = await ask(connection, { kind: 'register', namespace, record, ttlSeconds }, signal)
  if (answer.kind !== 'registered' || answer.status !== 'OK') throw refusal(answer)
  return answer.ttlSeconds
}

/** Peers registered under the name, of each its newest record; what no peer has signed is left out. Throws when nobody answers. */
export async function discoverAt(connection: Connection, namespace: string, signal: AbortSignal): Promise<readonly FoundPeer[]> {
  const found = new Map<string, FoundPeer>()
  let cookie: Uint8Array | undefined
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const answer = await ask(connection, { kind: 'discover', namespace, limit: undefined, cookie }, signal)
    if (answer.kind !== 'discovered' || answer.status !== 'OK') throw refusal(answer)
    for (const { record } of answer.registrations) {
      const peer = await openRecord(record)
      if (peer !== undefined && peer.number > (found.get(peer.peerId)?.number ?? -1n)) found.set(peer.peerId, peer)
    }
    if (answer.registrations.length === 0 || answer.cookie.length === 0) break
    cookie = answer.cookie
  }
  return [...found.values()]
}
