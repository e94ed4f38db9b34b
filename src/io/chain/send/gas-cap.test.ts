import { afterAll, beforeAll, expect, test } from 'vitest'
import { startAnvil } from '#devnet/anvil.ts'
import type { Anvil } from '#devnet/anvil.ts'
import { deployProtocol, fundAccounts } from '#devnet/deploy.ts'
import type { Deployment } from '#devnet/deploy.ts'
import { Secret } from '#domain/secret.ts'
import type { ProtocolCall } from '#io/chain/port.ts'
import { createRpc } from '#io/chain/rpc/rpc.ts'
import { attest, createMemoryJournal, end, NEVER, release, submit } from '#io/chain/suite/scene.ts'
import { systemClock } from '#io/clock/system.ts'
import { createSigner } from '#io/keys/secp256k1.ts'
import { createProtocolSender } from './sender.ts'

/** On a chain that allows a transaction less gas than a block (EIP-7825), as its node words it. */

const KEY = new Secret(new Uint8Array(32).fill(7))
const { address } = createSigner(KEY)

let anvil: Anvil
let deployment: Deployment
beforeAll(async () => {
  anvil = await startAnvil({ chainId: 31_341, flags: ['--hardfork', 'osaka', '--gas-limit', '60000000', '--enable-tx-gas-limit'] })
  await fundAccounts(anvil.rpcUrl, [address])
  deployment = await deployProtocol({
    rpcUrl: anvil.rpcUrl,
    deployerKey: new Secret(new Uint8Array(32).fill(8)),
    market: { epochSize: 10, sourceChainId: 1, sourceBlockTimeSeconds: 12, attestationsMin: 1 },
    windows: { snapshotBlocks: 10, batchBlocks: 20, attestationBlocks: 30 },
    slots: [],
    sequencers: [address],
    validators: [address],
    epochManager: address,
  })
  const rpc = createRpc({ rpcUrl: anvil.rpcUrl, pause: systemClock })
  await rpc.call('evm_setAutomine', [true])
})
afterAll(() => anvil.stop())

test('a vote on a batch of unknown length is made, with as much gas as there may be, and the limit is remembered', async () => {
  const { protocolState, dataMarket, chainId } = deployment
  const journal = createMemoryJournal()
  const options = {
    rpcUrl: anvil.rpcUrl,
    chainId,
    protocolState,
    dataMarket,
    signer: createSigner(KEY),
    journal,
    clock: systemClock,
    pollMs: 2,
  }
  const told: string[] = []
  const sender = createProtocolSender({
    ...options,
    settleTimeoutMs: 20_000,
    // Somebody has set what the chain does not allow.
    gasPerTransactionMax: 30_000_000n,
    onHeld: ({ code }) => told.push(code),
  })
  const calls: readonly [string, ProtocolCall][] = [
    ['release', release(100, 109)],
    ['batch', submit()],
    ['end', end],
    ['vote', attest()],
  ]
  expect(await sender.gasMax()).toBe(30_000_000)
  for (const [intentId, call] of calls) expect(await sender.send(intentId, call, NEVER)).toMatchObject({ kind: 'done' })
  expect(await sender.gasMax()).toBe(16_777_216)
  // It went out again with less at once: nobody is needed for that.
  expect(told).toEqual([])
  const later = createProtocolSender({ ...options, settleTimeoutMs: 20_000, gasPerTransactionMax: 30_000_000n })
  expect(await later.gasMax()).toBe(16_777_216)
})
