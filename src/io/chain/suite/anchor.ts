import { followSuite } from './follow.ts'
import { readsSuite } from './reads.ts'
import { rootsSuite } from './roots.ts'
import { rulesSuite } from './rules.ts'
import type { ChainWorld } from './scene.ts'
import { senderSuite } from './sender.ts'

/** What every anchor chain and its senders keep. `open` gives a fresh chain for each test. */
export function chainSuite(name: string, open: () => Promise<ChainWorld>): void {
  readsSuite(name, open)
  rulesSuite(name, open)
  rootsSuite(name, open)
  followSuite(name, open)
  senderSuite(name, open)
}
