import { systemClock } from '#io/clock/system.ts'
import { systemRandom } from '#io/keys/random.ts'
import { createRecovererPool } from '#io/keys/recoverer-pool.ts'
import { createValidator, type Validator } from '#roles/validator/validator.ts'
import { anchorChain, ipfsPlace, protocolSender } from './adapters.ts'
import { openMarket } from './market.ts'
import type { Wire } from './role.ts'

export const wireValidator: Wire<Validator> = async (settings, home, started, signal) => {
  const chain = await anchorChain(settings, home)
  const sender = protocolSender(settings, home)
  const ipfs = await ipfsPlace(settings, home, started)
  const market = await openMarket(settings, { home, chain, clock: systemClock, ipfs: ipfs.node, signal })
  const recoverer = createRecovererPool({ onDeath: (detail) => home.report('thread_died', { detail }) })
  started.add('recoverer', recoverer)
  const validator = createValidator(
    {
      level: 'tally',
      epochsKept: settings.epochsKept,
      ipfsEpochsKept: settings.ipfsEpochsKept,
    },
    {
      store: home.store,
      chain,
      rules: market.rules,
      sender,
      ipfs: ipfs.node,
      peers: settings.ipfsPeers,
      clock: systemClock,
      random: systemRandom,
      recoverer,
      report: home.report,
    },
  )
  return {
    places: { ipfs: ipfs.node.addresses(), gateway: [ipfs.gatewayUrl] },
    handle: validator,
    run: market.beside((signal) => validator.run(signal)),
  }
}
