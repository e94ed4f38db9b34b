import { checksummed, JOINED_MAX, type SnapshotCompute } from 'weft/compute'
import type { UniswapV2Config } from './config.ts'
import { pairAt, pairCountOf } from './contracts.ts'

type Joining = Pick<SnapshotCompute, 'joining'>

/** The pairs that the factory has made by the epoch's first block, from a place in its list on: new ones join by themselves. */
export function joiningPairs({ factory, pairsFrom }: UniswapV2Config): Joining {
  if (pairsFrom === undefined) return {}
  return {
    async joining({ epoch, source }) {
      const at = { source, blockNumber: epoch.begin }
      const count = await pairCountOf(factory, at)
      const length = Math.max(0, count - pairsFrom)
      // Each is a question: none is asked where there are too many.
      if (length > JOINED_MAX) throw new RangeError(`${length} pairs join from place ${pairsFrom} on, at most ${JOINED_MAX} may`)
      const places = Array.from({ length }, (_, index) => pairsFrom + index)
      return (await Promise.all(places.map((place) => pairAt(factory, place, at)))).map(checksummed)
    },
  }
}
