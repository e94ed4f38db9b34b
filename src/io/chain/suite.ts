import { followSuite } from './suite-follow.ts'
import { readsSuite } from './suite-reads.ts'
import { rulesSuite } from './suite-rules.ts'
import type { ChainWorld } from './suite-scene.ts'
import { senderSuite } from './suite-sender.ts'

/** What every anchor chain and its senders keep. `open` gives a fresh chain for each test. */
export function chainSuite(name: string, open: () => Promise<ChainWorld>): void {
  readsSuite(name, open)
  rulesSuite(name, open)
  followSuite(name, open)
  senderSuite(name, open)
}
