import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startAnvil } from '#devnet/anvil.ts'
import type { Anvil } from '#devnet/anvil.ts'
import { deployProtocol, fundAccounts } from '#devnet/deploy.ts'
import type { Deployment } from '#devnet/deploy.ts'
import type { BlockNumber } from '#domain/ids.ts'
import { Secret } from '#domain/secret.ts'
import type { IntentJournal, ProtocolCall } from '#io/chain/port.ts'
import { createRpc } from '#io/chain/rpc/rpc.ts'
import type { Rpc } from '#io/chain/rpc/rpc.ts'
import { createMemoryJournal } from '#io/chain/suite/scene.ts'
import { systemClock } from '#io/clock/system.ts'
import { createSigner } from '#io/keys/secp256k1.ts'
import { createProtocolSender } from './sender.ts'

/** G4 at every request that a sender makes: it dies there, before or after the node took the request, and another process goes on. */

const MANAGER = new Secret(new Uint8Array(32).fill(5))
const { address } = createSigner(MANAGER)
const CALL: ProtocolCall = { kind: 'releaseEpoch', begin: 100 as BlockNumber, end: 109 as BlockNumber }

let anvil: Anvil
let deployment: Deployment
let rpc: Rpc
let snapshot: unknown

beforeAll(async () => {
  anvil = await startAnvil({ chainId: 31_340 })
  rpc = createRpc({ rpcUrl: anvil.rpcUrl, pause: systemClock })
  await fundAccounts(anvil.rpcUrl, [address])
  deployment = await deployProtocol({
    rpcUrl: anvil.rpcUrl,
    deployerKey: new Secret(new Uint8Array(32).fill(6)),
    market: { epochSize: 10, sourceChainId: 1, sourceBlockTimeSeconds: 12, attestationsMin: 1 },
    windows: { snapshotBlocks: 10, batchBlocks: 20, attestationBlocks: 30 },
    slots: [],
    sequencers: [address],
    validators: [address],
    epochManager: address,
  })
  snapshot = await rpc.call('evm_snapshot', [])
})
afterAll(() => anvil.stop())

/** Passes requests on to the node until the one numbered `deadlyRequest`; that one never gets an answer, and `died` resolves. */
async function startProxy(deadlyRequest: number, isPassedOn: boolean) {
  const died = Promise.withResolvers<'died'>()
  let requests = 0
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await Array.fromAsync(request))
    const number = requests
    requests += 1
    if (number > deadlyRequest) return
    const isDeadly = number === deadlyRequest
    if (!isDeadly || isPassedOn) {
      const answer = await fetch(anvil.rpcUrl, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
      const text = await answer.text()
      if (!isDeadly) response.end(text)
    }
    if (isDeadly) died.resolve('died')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = () => {
    server.closeAllConnections()
    server.close()
  }
  return { rpcUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, died: died.promise, close }
}

/** A copy of what is durable at this moment: what a killed process leaves to the next one. */
async function left(journal: IntentJournal): Promise<IntentJournal> {
  const copy = createMemoryJournal()
  await copy.commit(journal.scan(''))
  return copy
}

const pendingCount = async () => Number(((await rpc.call('txpool_status', [])) as { readonly pending: string }).pending)

describe('a sender that dies', () => {
  test('at any request leaves exactly one transaction to the next', async () => {
    const { protocolState, dataMarket, chainId } = deployment
    const base = {
      chainId,
      protocolState,
      dataMarket,
      signer: createSigner(MANAGER),
      clock: systemClock,
      pollMs: 2,
      settleTimeoutMs: 20_000,
    }
    let isOver = false
    for (let deadlyRequest = 0; !isOver; deadlyRequest += 1) {
      for (const isPassedOn of [false, true]) {
        await rpc.call('evm_revert', [snapshot])
        snapshot = await rpc.call('evm_snapshot', [])
        await rpc.call('anvil_dropAllTransactions', [])
        const proxy = await startProxy(deadlyRequest, isPassedOn)
        const journal = createMemoryJournal()
        const killed = new AbortController()
        const first = createProtocolSender({ ...base, rpcUrl: proxy.rpcUrl, journal }).send('release', CALL, killed.signal)
        const firstEnded = first.then(
          () => 'settled' as const,
          () => 'failed' as const,
        )
        const mining = (async () => {
          for (let isDone = false; !isDone; ) {
            if ((await pendingCount()) > 0) await rpc.call('evm_mine', [])
            isDone = (await Promise.race([firstEnded, proxy.died, systemClock.sleep(1)])) !== undefined
          }
        })()
        await mining
        isOver = (await Promise.race([proxy.died, firstEnded])) === 'settled'
        killed.abort(new Error('killed'))
        const inherited = await left(journal)
        proxy.close()

        let isSettled = false
        const second = createProtocolSender({ ...base, rpcUrl: anvil.rpcUrl, journal: inherited }).send(
          'release',
          CALL,
          new AbortController().signal,
        )
        const outcome = second.finally(() => {
          isSettled = true
        })
        while (!isSettled) {
          if ((await pendingCount()) > 0) await rpc.call('evm_mine', [])
          await systemClock.sleep(1)
        }
        expect(await outcome).toMatchObject({ kind: 'done' })
        expect(Number(await rpc.call('eth_getTransactionCount', [address, 'latest']))).toBe(1)
      }
    }
  })
})
