import type { ComputeSet, JsonValue } from '#domain/compute.ts'

/** How much a liar adds to every figure: one percent, small enough to be believed by whoever does not check. */
const FACTOR = 1.01

/**
 * The same projects with falsified data: every float of a base snapshot is off by one percent, and aggregates are made up from the
 * present epoch alone. Whoever submits this is outvoted by honest slots.
 */
export function falsify(computes: ComputeSet): ComputeSet {
  return {
    preloads: computes.preloads,
    snapshots: computes.snapshots.map(({ all, ...honest }) => ({
      ...honest,
      compute: async (input) => inflated(await honest.compute(input)),
      ...(all && { all: async (input) => new Map(Array.from(await all(input), ([source, snapshot]) => [source, inflated(snapshot)])) }),
    })),
    // Without their form, or its own node would not sign them.
    aggregates: computes.aggregates.map(({ schema: _form, ...honest }) => ({
      ...honest,
      aggregate: async ({ epoch }) => ({ epochId: BigInt(epoch.epochId), complete: true, madeUp: true }),
    })),
  }
}

function inflated(value: JsonValue): JsonValue {
  if (typeof value === 'number') return value * FACTOR
  if (Array.isArray(value)) return value.map((item: JsonValue) => inflated(item))
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, inflated(item)]))
  return value
}
