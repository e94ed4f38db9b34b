import { ask } from './ask.ts'
import type { EpochDetail } from './stages.ts'
import { type Answer, useWork } from './use-answer.ts'
import { read } from './use-list.ts'

/** Epochs of which nothing more will be heard, by id: they are asked for once. */
const settled = new Map<number, EpochDetail>()
const SETTLED_MAX = 500

/** Attestations may come late: an epoch so many behind the newest is done. */
const SETTLED_AFTER = 3

/** The newest epochs with their batches, newest first. */
export function useEpochs(count: number): Answer<EpochDetail[]> {
  return useWork(`epochs ${count}`, async (signal) => {
    const { items } = await read('epochs', { limit: count }, { pages: 1, signal })
    const newest = items[0]?.epochId ?? 0
    return Promise.all(
      items.map(async ({ epochId, status }) => {
        const known = settled.get(epochId)
        if (known !== undefined && known.status === status) return known
        const epoch = await ask('epoch', { epochId }, signal)
        if (epochId <= newest - SETTLED_AFTER) settle(epoch)
        return epoch
      }),
    )
  })
}

function settle(epoch: EpochDetail): void {
  const [oldest] = settled.keys()
  if (settled.size >= SETTLED_MAX && oldest !== undefined) settled.delete(oldest)
  settled.set(epoch.epochId, epoch)
}
