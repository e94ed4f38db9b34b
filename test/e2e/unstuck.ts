import { setTimeout as pause } from 'node:timers/promises'
import type { Anvil } from '#devnet/anvil.ts'
import { createRpc } from '#io/chain/rpc/rpc.ts'
import { systemClock } from '#io/clock/system.ts'

/** How long a transaction may lie as if one before it were missing: mining, where it is made for each, takes milliseconds. */
const LOOK_EVERY_MS = 500

type Queued = Readonly<Record<string, Readonly<Record<string, { readonly hash: string }>>>>

/**
 * A transaction that comes while anvil mines for the one before it may lie in its queue for ever, though it is next (foundry-rs/foundry#10122; at load in 3 of 1,000 waves
 * of six). Where one does, all of its account are taken out of the pool and put in again. Returns what ends the watch, and throws what ended it before.
 */
export function keepPoolMoving({ rpcUrl }: Anvil): () => Promise<void> {
  const stop = new AbortController()
  async function watch(): Promise<void> {
    let before = new Set<string>()
    for (;;) {
      await pause(LOOK_EVERY_MS, undefined, { signal: stop.signal })
      // A new one each time: its chain is rolled back between tests, and what knows a higher block believes none below it.
      const rpc = createRpc({ rpcUrl, pause: systemClock })
      const now = new Set<string>()
      const { queued } = (await rpc.call('txpool_content', [])) as { readonly queued: Queued }
      for (const [address, transactions] of Object.entries(queued)) {
        const next = Number(await rpc.call('eth_getTransactionCount', [address, 'latest']))
        const hash = transactions[next]?.hash
        if (hash !== undefined) now.add(hash)
        if (hash === undefined || !before.has(hash)) continue
        const raws = await Promise.all(Object.values(transactions).map((each) => rpc.call('eth_getRawTransactionByHash', [each.hash])))
        await rpc.call('anvil_removePoolTransactions', [address])
        // One that was mined after all is refused, and the others are put in all the same.
        for (const raw of raws) await rpc.ask('eth_sendRawTransaction', [raw])
      }
      before = now
    }
  }
  const ended = watch().catch((cause: unknown) => cause)
  return async () => {
    stop.abort()
    const cause = await ended
    if ((cause as Error).name !== 'AbortError') throw cause
  }
}
