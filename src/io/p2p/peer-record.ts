import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey, peerIdFromPublicKey } from '@libp2p/peer-id'
import { PeerRecord, RecordEnvelope } from '@libp2p/peer-record'
import { multiaddr } from '@multiformats/multiaddr'
import { RECORD_BYTES_MAX } from '#wire/rendezvous-frame.ts'
import type { FoundPeer } from './port.ts'

/** A libp2p peer record in its envelope: where a peer says that it is reached, signed by the peer itself. */

/** Addresses that one record may hold. */
const ADDRESSES_MAX = 16

export async function sealRecord(addresses: readonly string[], privateKey: PrivateKey): Promise<Uint8Array> {
  const multiaddrs = addresses.slice(0, ADDRESSES_MAX).map(multiaddr)
  return (await RecordEnvelope.seal(new PeerRecord({ peerId: peerIdFromPrivateKey(privateKey), multiaddrs }), privateKey)).marshal()
}

/** `undefined` when it is too large, no record, or not signed by the peer that it is of. */
export async function openRecord(bytes: Uint8Array): Promise<FoundPeer | undefined> {
  if (bytes.length > RECORD_BYTES_MAX) return undefined
  try {
    const envelope = await RecordEnvelope.openAndCertify(bytes, PeerRecord.DOMAIN)
    const { peerId, multiaddrs, seqNumber } = PeerRecord.createFromProtobuf(envelope.payload)
    if (!peerIdFromPublicKey(envelope.publicKey).equals(peerId) || multiaddrs.length > ADDRESSES_MAX) return undefined
    const end = `/p2p/${peerId}`
    const addresses = multiaddrs.map(String).map((address) => (address.endsWith(end) ? address : `${address}${end}`))
    return { peerId: peerId.toString(), addresses, number: seqNumber }
  } catch {
    return undefined // Malformed bytes and false signatures are told by throwing; here both are expected.
  }
}
