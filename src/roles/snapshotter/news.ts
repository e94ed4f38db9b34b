import type { ContractNumber, EpochId } from '#domain/ids.ts'
import type { BlockRef, ProtocolEvent } from '#io/chain/port.ts'

/** What those who wait for an earlier epoch hear of it: from the chain, and from our own work on it. */
export interface News {
  /**
   * Resolves when a block brings an event of the epoch, or is one in which contracts see number `atBlock` or more, when we have computed something of the epoch, and at
   * any rollback; rejects when the signal aborts.
   */
  wait(epochId: EpochId, atBlock: ContractNumber, signal: AbortSignal): Promise<void>
  tellBlock(block: BlockRef, events: readonly ProtocolEvent[]): void
  tellOwn(epochId: EpochId): void
  tellRollback(): void
}

interface Listener {
  readonly epochId: EpochId
  readonly atBlock: ContractNumber
  readonly wake: () => void
}

export function createNews(): News {
  const listeners = new Set<Listener>()
  return {
    wait(epochId, atBlock, signal) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason)
        const end = (settle: () => void) => () => {
          listeners.delete(listener)
          signal.removeEventListener('abort', onAbort)
          settle()
        }
        const onAbort = end(() => reject(signal.reason))
        const listener: Listener = { epochId, atBlock, wake: end(resolve) }
        listeners.add(listener)
        signal.addEventListener('abort', onAbort, { once: true })
      })
    },
    tellBlock(block, events) {
      const epochs = new Set(events.flatMap((event) => ('epochId' in event ? [event.epochId] : [])))
      for (const { epochId, atBlock, wake } of [...listeners]) if (block.contractNumber >= atBlock || epochs.has(epochId)) wake()
    },
    tellOwn(own) {
      for (const { epochId, wake } of [...listeners]) if (epochId === own) wake()
    },
    tellRollback() {
      for (const { wake } of [...listeners]) wake()
    },
  }
}
