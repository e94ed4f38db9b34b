import type { Places } from '#operator/places.ts'
import type { Session } from '#operator/session.ts'
import { type ContractFlags, type MarketFlag, type PlaceFlags, placesOf, type SendFlags, sessionOf } from './operator.ts'

/** Opens a session, finds the contracts, works, and closes the session again. */
export async function withContracts(
  process: NodeJS.Process,
  flags: PlaceFlags & ContractFlags & MarketFlag & SendFlags,
  work: (session: Session, places: Places) => Promise<void>,
): Promise<void> {
  const { findPlaces } = await import('#operator/places.ts')
  const { openSession } = await import('#operator/session.ts')
  const given = placesOf(process, flags)
  const session = await openSession(sessionOf(process, flags))
  try {
    await work(session, await findPlaces(session.rpc, given))
  } finally {
    await session.stop()
  }
}
