import type { Delivered } from '#domain/counts.ts'
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

type Entries = readonly (readonly [SlotId, number])[]

export const deliveredToBytes = ({ all, won }: Delivered): Uint8Array => toBytes({ all: [...all], won: [...won] })
export const deliveredAt = (store: Pick<Store, 'get'>, key: string): Delivered | undefined => {
  const found = readAt<{ readonly all: Entries; readonly won: Entries }>(store, key)
  return found && { all: new Map(found.all), won: new Map(found.won) }
}
