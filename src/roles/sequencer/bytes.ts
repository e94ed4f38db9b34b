import type { SlotCounts } from '#domain/counts.ts'
import type { SlotId } from '#domain/ids.ts'
import type { Store } from '#io/store/port.ts'

/** How records lie in the store: as JSON. */

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export const toBytes = (value: unknown): Uint8Array => encoder.encode(JSON.stringify(value))
export const fromBytes = <Value>(bytes: Uint8Array): Value => JSON.parse(decoder.decode(bytes)) as Value

export function readAt<Value>(store: Pick<Store, 'get'>, key: string): Value | undefined {
  const bytes = store.get(key)
  return bytes === undefined ? undefined : fromBytes<Value>(bytes)
}

const countsFrom = (entries: readonly (readonly [SlotId, number])[]): SlotCounts => new Map(entries)
export const countsToBytes = (counts: SlotCounts): Uint8Array => toBytes([...counts])
export const countsAt = (store: Pick<Store, 'get'>, key: string): SlotCounts | undefined => {
  const entries = readAt<Parameters<typeof countsFrom>[0]>(store, key)
  return entries && countsFrom(entries)
}
