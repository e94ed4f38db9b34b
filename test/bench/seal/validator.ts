import { systemClock } from '#io/clock/system.ts'
import { systemRandom } from '#io/keys/random.ts'
import { recoverer } from '#io/keys/secp256k1.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { sameRules } from '#life/rules.ts'
import { createValidator } from '#roles/validator/validator.ts'
import { VALIDATOR, type World } from './world.ts'

export interface RunningValidator {
  attested(): number
  stop(): Promise<void>
}

/** A validator at level `tally` beside the sequencer, with real recoveries; it fetches from the same IPFS. */
export function startValidator({ chain, rules, node }: World): RunningValidator {
  const stopping = new AbortController()
  const store = createFakeStore()
  const validator = createValidator(
    { level: 'tally', epochsKept: 100, ipfsEpochsKept: 100 },
    {
      store,
      chain,
      rules: sameRules(rules),
      sender: chain.sender({ address: VALIDATOR, journal: store }),
      ipfs: node,
      clock: systemClock,
      random: systemRandom,
      recoverer,
      report: () => undefined,
    },
  )
  const running = validator.run(stopping.signal)
  return {
    attested() {
      const { attested, divergent, withheld, missed } = validator.stats()
      if (divergent + withheld + missed > 0) throw new Error('the validator does not agree with the sequencer')
      return attested
    },
    async stop() {
      stopping.abort()
      await running
    },
  }
}
