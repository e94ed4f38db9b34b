import { performance } from 'node:perf_hooks'
import type { ProtocolEvent } from '#domain/chain-step.ts'
import type { World } from './world.ts'

/** The fake chain makes a block every `blockMs` until `isSo`. */
export async function passBlocks({ chain, until }: World, blockMs: number, isSo: () => boolean): Promise<void> {
  let nextMs = performance.now() + blockMs
  await until(() => {
    if (performance.now() >= nextMs) {
      chain.mine()
      nextMs += blockMs
    }
    return isSo()
  })
}

/** Number of the newest block with such an event. */
export function lastBlockWith({ chain }: World, kind: ProtocolEvent['kind']): number {
  return Math.max(...chain.blocks().flatMap(({ block, events }) => (events.some((event) => event.kind === kind) ? [block.number] : [])))
}
