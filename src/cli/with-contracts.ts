import type { ContractAddresses } from '#operator/addresses.ts'
import type { Session } from '#operator/session.ts'
import { type ContractFlags, type MarketFlag, type PlaceFlags, placesOf, type SendFlags, sessionOf } from './operator.ts'

/** Opens a session, finds the contracts, works, and closes the session again. */
export async function withContracts(
  process: NodeJS.Process,
  flags: PlaceFlags & ContractFlags & MarketFlag & SendFlags,
  work: (session: Session, places: ContractAddresses) => Promise<void>,
): Promise<void> {
  const { findAddresses } = await import('#operator/addresses.ts')
  const { openSession } = await import('#operator/session.ts')
  const given = placesOf(process, flags)
  const session = await openSession(sessionOf(process, flags))
  try {
    await work(session, await findAddresses(session.rpc, given))
  } finally {
    await session.stop()
  }
}
