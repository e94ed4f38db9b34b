import type { ConnectionGater, MultiaddrConnection } from '@libp2p/interface'
import { addressBlock } from '#domain/address-block.ts'
import { createDoor, type DoorLimits, type Guest } from '#domain/door.ts'

/** The door, as libp2p asks at it: before the handshake of a connection that comes, and when it is done. */
export function createGate(limits: DoorLimits): Pick<ConnectionGater, 'denyInboundConnection' | 'denyInboundUpgradedConnection'> {
  const door = createDoor(limits, () => performance.now())
  const guests = new WeakMap<MultiaddrConnection, Guest>()
  return {
    denyInboundConnection(connection) {
      const guest = door.knock(addressBlock(connection.remoteAddr.toString()), (why) => connection.abort(new Error(why)))
      if (guest === undefined) return true
      guests.set(connection, guest)
      connection.addEventListener('close', () => guest.leave())
      return false
    },
    denyInboundUpgradedConnection: (_, connection) => guests.get(connection)?.enter() === false,
  }
}
