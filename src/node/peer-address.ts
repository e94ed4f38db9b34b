/** The forms of the multiaddrs that our transport, TCP, can use. */

export interface AddressForm {
  readonly is: RegExp
  readonly like: string
}

const HOST_AND_TCP = String.raw`/(?:ip4|ip6|dns|dns4|dns6)/[^/]+/tcp/\d{1,5}`
const BASE58 = '[1-9A-HJ-NP-Za-km-z]'
/** The key itself, as Ed25519 and secp256k1 peers have it, each with its length, or the hash of a longer one. */
const PEER = `/p2p/(?:12D3KooW${BASE58}{44}|16Uiu2HA${BASE58}{45}|Qm${BASE58}{44})`
/** What our transport, TCP, can listen on. */
export const LISTEN_FORM: AddressForm = { is: new RegExp(`^${HOST_AND_TCP}$`), like: 'a multiaddr like /ip4/127.0.0.1/tcp/9100' }
/** What it can dial: the id says whom it must find there, directly or behind a relay. */
export const PEER_FORM: AddressForm = {
  is: new RegExp(`^${HOST_AND_TCP}${PEER}(?:/p2p-circuit${PEER})?$`),
  like: 'a multiaddr like /dns/example.org/tcp/9100/p2p/12D3Koo…',
}

export const isPeerAddress = (text: string): boolean => PEER_FORM.is.test(text)

/** The peer at whom a multiaddr ends. */
export const finalPeerIn = (address: string): string | undefined => /\/p2p\/([^/]+)$/.exec(address)?.[1]
