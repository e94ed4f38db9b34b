/** What a project of a compute set may take in an epoch. What is left out is bounded by what nodes allow anyway. */
export interface ComputeLimits {
  /** Milliseconds for one snapshot, with all that it waits for. An aggregate may wait for earlier epochs: of its time only that which it computes without waiting counts. */
  readonly timeMs?: number
  /** Megabytes of the thread of a set from a folder; a set that is shipped has none of its own. */
  readonly memoryMb?: number
  /** Questions to the source chain and to history. Those of a compute in bulk mode are counted for all its data sources together. */
  readonly requests?: number
  /** Bytes of one snapshot as it is stored. */
  readonly snapshotBytes?: number
}

/** Which of them was passed: a fact of `COMPUTE_LIMIT`. */
export type PassedLimit = 'time' | 'memory' | 'requests' | 'size'

type Methods = Readonly<Record<string, (...args: readonly never[]) => unknown>>

export interface Asking {
  /** Before each question. Throws for those that are too many. */
  ask(): void
  /** After each answer, whatever it is. */
  answer(): void
}

/** The same with each question and answer counted. */
export function counted<Asked extends object>(asked: Asked, { ask, answer }: Asking): Asked {
  const methods = Object.entries(asked as Methods).map(([name, method]) => [
    name,
    async (...args: readonly never[]) => {
      ask()
      try {
        return await method(...args)
      } finally {
        answer()
      }
    },
  ])
  return Object.fromEntries(methods) as Asked
}
