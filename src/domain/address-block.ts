/**
 * The part of a network address that somebody has to own, as limits per address count it: a whole IPv4 address, and of an IPv6 address the first 64 bits, since
 * whoever has one has 2^64 of them. `undefined` for a multiaddr through a relay, which says nothing of who is behind it, and for one without an IP address.
 */
export function addressBlock(multiaddr: string): string | undefined {
  if (multiaddr.includes('/p2p-circuit')) return undefined
  const [, protocol, host = ''] = multiaddr.split('/')
  return protocol === 'ip4' || protocol === 'ip6' ? blockOf(host) : undefined
}

/** Whether it is this machine itself, whose programs are not each other's strangers. */
export function isOwnMachine(block: string): boolean {
  return block.startsWith('127.') || block === LOOPBACK_6
}

/**
 * Who answers for what comes from a multiaddr: of an IPv6 address its first 48 bits, which is what a network is given, and which hold 65,536 blocks; of one through a relay the relay.
 */
export function addressOwner(multiaddr: string): string {
  const [direct = ''] = multiaddr.split('/p2p-circuit')
  const block = addressBlock(direct)
  return block === undefined ? direct : (networkOf(block) ?? block)
}

/** The network that a block of IPv6 lies in, by its first 48 bits. */
export function networkOf(block: string): string | undefined {
  return block.includes(':') && block !== LOOPBACK_6 ? `${block.split(':').slice(0, GROUPS_OF_NETWORK).join(':')}::` : undefined
}

const GROUPS = 8
const GROUPS_OF_BLOCK = 4
const GROUPS_OF_NETWORK = 3
const LOOPBACK_6 = '::1'

/** The same of an IP address as sockets show it. */
export function blockOf(address: string): string {
  const host = address.toLowerCase()
  if (host === LOOPBACK_6 || !host.includes(':')) return host
  // A socket that takes both kinds shows IPv4 addresses like this.
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(host)?.[1]
  if (mapped !== undefined) return mapped
  const [before = '', after] = (host.split('%')[0] as string).split('::')
  const left = before === '' ? [] : before.split(':')
  const right = after === undefined || after === '' ? [] : after.split(':')
  const zeros = after === undefined ? 0 : Math.max(0, GROUPS - left.length - right.length)
  const groups = [...left, ...Array.from({ length: zeros }, () => '0'), ...right]
  return groups
    .slice(0, GROUPS_OF_BLOCK)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')
}
