import { afterAll, beforeAll } from 'vitest'
import { startAnvil } from '#devnet/anvil.ts'
import type { Address } from '#domain/ids.ts'
import { createRpc, type Rpc } from '#io/chain/rpc/rpc.ts'
import { SLOTS, statesSuite } from '#io/chain/suite/states.ts'
import { systemClock } from '#io/clock/system.ts'
import { createStateProver } from './state-prover.ts'

let anvil: Awaited<ReturnType<typeof startAnvil>>
beforeAll(async () => {
  anvil = await startAnvil({ chainId: 31_337 })
})
afterAll(() => anvil.stop())

const word = (value: bigint): string => `0x${value.toString(16).padStart(64, '0')}`
const code = Uint8Array.of(0x60, 0x00, 0x60, 0x00, 0xfd)
let accounts = 0

statesSuite('anvil', async () => {
  const node = createRpc({ rpcUrl: anvil.rpcUrl, pause: systemClock })
  const nowhere = createRpc({ rpcUrl: 'http://127.0.0.1:1', pause: systemClock })
  accounts += 1
  const account = `0x${accounts.toString(16).padStart(40, 'a')}` as Address
  await node.call('anvil_setCode', [account, `0x${code.toHex()}`])
  await node.call('anvil_setStorageAt', [account, word(SLOTS.last), word(300n)])
  const mine = async (first: bigint): Promise<void> => {
    // What is set so belongs to the newest block already.
    await node.call('anvil_mine', ['0x1'])
    await node.call('anvil_setStorageAt', [account, word(SLOTS.first), word(first)])
    await node.call('anvil_mine', ['0x1'])
  }
  await mine(7n)
  let asked: Rpc = node
  return {
    states: createStateProver({ ...node, call: (...question) => asked.call(...question) }),
    account,
    code,
    next: () => mine(8n),
    async goAway() {
      asked = nowhere
    },
  }
})
