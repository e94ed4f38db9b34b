import { parentPort } from 'node:worker_threads'
import type { SignedPairs } from '#wire/signed-pairs.ts'
import { recoverPairs } from './recoverer-parcel.ts'

/** A thread of `recoverer-pool.ts`: answers each parcel with its addresses. */
parentPort?.on('message', (parcel: SignedPairs) => {
  const addresses = recoverPairs(parcel)
  parentPort?.postMessage(addresses, [addresses.buffer])
})
