/** Wakes whoever waits for news, in this process. */
export interface Bell {
  ring(): void
  /** Called at every ring until the answer is called. It must not throw, and does no work. */
  onRing(listener: () => void): () => void
}

export function createBell(): Bell {
  const listeners = new Set<() => void>()
  return {
    ring() {
      for (const listener of [...listeners]) listener()
    },
    onRing(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}
