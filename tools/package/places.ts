import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { MANIFEST_SLOTS, MARKET_DESK_HASH, MARKET_PLACES } from '#wire/abi/market-places.ts'

/** Where a market keeps what proofs read, for the Python client. */
export const PYTHON_PLACES = join(import.meta.dirname, '../../clients/python/src/weft_client/market_places.json')

export function pythonPlaces(): string {
  const places = { deskHash: MARKET_DESK_HASH, manifestSlots: MANIFEST_SLOTS, places: MARKET_PLACES }
  return `${JSON.stringify(places, (_, value: unknown) => (typeof value === 'bigint' ? Number(value) : value), 1)}\n`
}

if (import.meta.main) writeFileSync(PYTHON_PLACES, pythonPlaces())
