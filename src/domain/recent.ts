/** What an entry costs beside what it holds. */
const ENTRY_BYTES = 128

/** Values within a number of bytes: what was used longest ago goes first. */
export interface Recent<Value> {
  get(key: string): Value | undefined
  set(key: string, value: Value, bytes: number): void
  delete(key: string): void
  clear(): void
}

export function createRecent<Value>(bytesMax: number): Recent<Value> {
  const entries = new Map<string, { readonly value: Value; readonly bytes: number }>()
  let bytesHeld = 0
  function remove(key: string): void {
    bytesHeld -= entries.get(key)?.bytes ?? 0
    entries.delete(key)
  }
  return {
    get(key) {
      const entry = entries.get(key)
      if (entry === undefined) return undefined
      entries.delete(key)
      entries.set(key, entry)
      return entry.value
    },
    set(key, value, bytes) {
      remove(key)
      bytesHeld += bytes + ENTRY_BYTES
      entries.set(key, { value, bytes: bytes + ENTRY_BYTES })
      for (const oldest of entries.keys()) {
        if (bytesHeld <= bytesMax) break
        remove(oldest)
      }
    },
    delete: remove,
    clear() {
      entries.clear()
      bytesHeld = 0
    },
  }
}
