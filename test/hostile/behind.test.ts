import { afterAll, beforeAll } from 'vitest'
import { startAnvilWorlds } from '#io/chain/read/anvil.test-world.ts'
import { behindSuite } from '#io/chain/suite/behind.ts'
import { answersBehind } from './lagging.ts'
import { type HostileProxy, honest, startProxy } from './proxy.ts'

/** Of two endpoints the one that is asked first is behind. */

let worlds: Awaited<ReturnType<typeof startAnvilWorlds>>
let proxy: HostileProxy

beforeAll(async () => {
  worlds = await startAnvilWorlds()
  proxy = await startProxy(worlds.rpcUrl, 1)
})
afterAll(async () => {
  await proxy.stop()
  await worlds.stop()
})

behindSuite('viem on anvil, behind a proxy', async () => {
  proxy.behave(honest)
  return {
    ...(await worlds.open(`${proxy.url};weight=1000,${worlds.rpcUrl}`)),
    lag: (blocks) => proxy.behave(async (exchange) => ({ body: exchange.written(await answersBehind(exchange, blocks)) })),
  }
})
