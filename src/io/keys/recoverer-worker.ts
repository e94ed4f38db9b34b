import { parentPort } from 'node:worker_threads'
import { type Parcel, recoverParcel } from './recoverer-parcel.ts'

/** A thread of `recoverer-pool.ts`: answers each parcel with its addresses. */
parentPort?.on('message', (parcel: Parcel) => {
  const addresses = recoverParcel(parcel)
  parentPort?.postMessage(addresses, [addresses.buffer])
})
