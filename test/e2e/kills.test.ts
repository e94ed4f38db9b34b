import { afterAll, beforeAll, expect, test } from 'vitest'
import { run, SLOTS } from '../kills/kills.ts'
import { type Network, openNetwork } from '../kills/network.ts'

/** The short form; `test/kills/run.ts` has the long one. Between them the seeds kill each of the three, one of them together with another. */

let network: Network
beforeAll(async () => {
  network = await openNetwork({ chainId: 7_880, slots: SLOTS })
})
afterAll(() => network?.close())
