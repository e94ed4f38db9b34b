import type { HeadTag } from '#io/chain/port.ts'
import { systemClock } from '#io/clock/system.ts'
import { systemRandom } from '#io/keys/random.ts'
import type { CatchUp } from '#roles/epochs/catch-up.ts'
import { createEpochs, type Epochs } from '#roles/epochs/epochs.ts'
import { anchorChain, anchorRpc, sourceChain } from './adapters.ts'
import { createMoney } from './money.ts'
import type { Wire } from './role.ts'
import { protocolSender } from './sender.ts'
import { epochsVitals } from './vitals.ts'

export const wireEpochs: Wire<Epochs> = async (settings, home, _started, signal) => {
  const rpc = anchorRpc(settings, home)
  const chain = await anchorChain(settings, home, { rpc, signal })
  const source = await sourceChain(settings, { chain, home }, signal)
  const sender = protocolSender(settings, home, rpc)
  const { headOffset, firstBlock, pollMs } = settings
  const [headTag, catchUp] = [settings.headTag as HeadTag, settings.catchUp as CatchUp]
  const epochs = createEpochs(
    { headOffset, headTag, firstBlock, catchUp, pollMs },
    { chain, source, sender, store: home.store, clock: systemClock, random: systemRandom, report: home.report },
  )
  const money = createMoney(sender.address, { rpc: rpc.rpc, nowMs: systemClock.nowMs, report: home.report })
  return { places: {}, handle: epochs, vitals: { ...epochsVitals(epochs.stats), money }, run: (signal) => epochs.run(signal) }
}
