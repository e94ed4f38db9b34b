import { type ComputeSetModule, configOf, int, object, text } from 'weft/compute'

const config = configOf(object({ label: text() }))

/** One project without data source: the time at the end of each epoch. */
export default {
  name: 'NAME',
  version: '0.1.0',
  config,
  create: ({ label }) => ({
    preloads: [],
    snapshots: [
      {
        projectType: 'NAME',
        description: 'What is computed, in a sentence',
        schema: object({ label: text(), timestamp: int({ unit: 'seconds' }) }),
        dataSources: [],
        preloads: [],
        // In a snapshot a bigint is an integer and a number is a float: the two are other bytes.
        compute: async ({ epoch, source }) => ({ label, timestamp: BigInt(await source.timestamp(epoch.end)) }),
      },
    ],
    aggregates: [],
  }),
} satisfies ComputeSetModule<{ readonly label: string }>
