import { WeftError } from './errors.ts'

/** Lets through so many at once, and so many of each holder; the others are told to come again. */
export interface Gate {
  through<Value>(holder: string, work: () => Value | Promise<Value>): Promise<Value>
}

/** What is refused throws `QUEUE_FULL`, which names the queue. */
export function createGate({
  queue,
  lengthMax,
  perHolderMax,
}: {
  readonly queue: string
  readonly lengthMax: number
  readonly perHolderMax: number
}): Gate {
  let inside = 0
  const perHolder = new Map<string, number>()
  return {
    async through(holder, work) {
      const held = perHolder.get(holder) ?? 0
      if (inside >= lengthMax) throw new WeftError('QUEUE_FULL', { queue, lengthMax })
      if (held >= perHolderMax) throw new WeftError('QUEUE_FULL', { queue: `${queue} of ${holder}`, lengthMax: perHolderMax })
      inside += 1
      perHolder.set(holder, held + 1)
      try {
        return await work()
      } finally {
        inside -= 1
        const left = (perHolder.get(holder) ?? 1) - 1
        if (left > 0) perHolder.set(holder, left)
        else perHolder.delete(holder)
      }
    },
  }
}
