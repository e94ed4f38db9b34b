import { systemClock } from '#io/clock/system.ts'
import { systemRandom } from '#io/keys/random.ts'
import { recoverer } from '#io/keys/secp256k1.ts'
import { createValidator, type Validator } from '#roles/validator/validator.ts'
import { anchorChain, ipfsPlace, protocolSender } from './adapters.ts'
import { DEADLINE_BUFFER_MAX_BLOCKS, TALLY_POLICY } from './market-rules.ts'
import type { Wire } from './role.ts'

export const wireValidator: Wire<Validator> = async (settings, home, started) => {
  const chain = await anchorChain(settings, home)
  const sender = protocolSender(settings, home)
  const ipfs = await ipfsPlace(settings, home, started)
  const validator = createValidator(
    {
      windowUnit: settings.windowUnit as 'blocks' | 'seconds',
      level: 'tally',
      namespace: settings.namespace,
      deadlineBufferMaxBlocks: DEADLINE_BUFFER_MAX_BLOCKS,
      tally: TALLY_POLICY,
      epochsKept: settings.epochsKept,
      ipfsEpochsKept: settings.ipfsEpochsKept,
    },
    {
      store: home.store,
      chain,
      sender,
      ipfs: ipfs.node,
      peers: settings.ipfsPeers,
      clock: systemClock,
      random: systemRandom,
      recoverer,
      report: home.report,
    },
  )
  return { places: { ipfs: ipfs.node.addresses(), gateway: [ipfs.gatewayUrl] }, handle: validator, run: (signal) => validator.run(signal) }
}
