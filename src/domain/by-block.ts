/** Values by block number, as preloads and price walks hand them on. */
export type ByBlock<Value> = ReadonlyMap<number, Value>

/** The value at a block that was computed before; its absence is a mistake in the module, not a zero. */
export function atBlock<Value>(values: ByBlock<Value>, block: number): Value {
  const value = values.get(block)
  if (value === undefined) throw new Error(`nothing was computed for block ${block}`)
  return value
}

/** The key of a block in a snapshot's maps. */
export const blockKey = (block: number): string => `block${block}`

/** Computes one value per block, all at once: the reader limits how many requests are under way. */
export async function forEachBlock<Value>(blocks: readonly number[], compute: (block: number) => Promise<Value>): Promise<ByBlock<Value>> {
  return new Map(await Promise.all(blocks.map(async (block) => [block, await compute(block)] as const)))
}

/** The result of a preload that the compute names. */
export function preloadedBy<Value>(preloaded: ReadonlyMap<string, unknown>, taskType: string): ByBlock<Value> {
  const result = preloaded.get(taskType)
  if (!(result instanceof Map)) throw new Error(`preload ${taskType} did not run`)
  return result
}
