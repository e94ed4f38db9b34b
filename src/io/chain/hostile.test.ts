import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import { createSigner } from '#io/keys/secp256k1.ts'
import type { Address, BlockNumber, Cid, EpochId, Hash, ProjectId, SlotId } from '#domain/ids.ts'
import { Secret } from '#domain/secret.ts'
import { connectAnchorChain } from '#io/chain/read/anchor.ts'
import { createProtocolSender } from '#io/chain/send/sender.ts'
import { connectSourceChain } from '#io/chain/source/source.ts'
import { createMemoryJournal } from '#io/chain/suite/scene.ts'

/** A node that answers anything: whatever it says, what comes out is a WeftError, so that nothing received can end a process. */

const address = `0x${'11'.repeat(20)}` as Address
const hash32 = `0x${'22'.repeat(32)}` as Hash
const SYNC = 'event Sync(uint112 reserve0, uint112 reserve1)'
const word = (value: bigint | number) => BigInt(value).toString(16).padStart(64, '0')
const clock = { nowMs: () => 0, sleep: async () => undefined }
const replay = process.env.FUZZ_SEED === undefined ? {} : { seed: Number(process.env.FUZZ_SEED) }

const hex = fc.uint8Array({ maxLength: 200 }).map((bytes) => `0x${bytes.toHex()}`)
const quantity = fc.maxSafeNat().map((value) => `0x${value.toString(16)}`)
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => `0x${bytes.toHex()}`)
const scalar = fc.oneof(hex, quantity, hash, fc.constant(address), fc.constant(null), fc.string(), fc.double(), fc.boolean())
const record = fc.dictionary(
  fc.constantFrom(
    'number',
    'hash',
    'parentHash',
    'timestamp',
    'address',
    'topics',
    'data',
    'blockNumber',
    'blockHash',
    'logIndex',
    'transactionHash',
    'transactions',
    'logsBloom',
    'receiptsRoot',
    'logs',
    'status',
    'to',
    'input',
  ),
  fc.oneof(scalar, fc.array(hash, { maxLength: 4 })),
)
const answers = fc.infiniteStream(fc.oneof(scalar, record, fc.array(record, { maxLength: 3 }), fc.jsonValue()))

let server: Server
let rpcUrl: string
let answer: (method: string, data: string) => unknown

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const calls = JSON.parse(Buffer.concat(await Array.fromAsync(request)).toString()) as {
      readonly id: number
      readonly method: string
      readonly params: readonly { readonly data?: string }[]
    }[]
    response.end(JSON.stringify(calls.map(({ id, method, params }) => ({ id, result: answer(method, params[0]?.data ?? '') ?? null }))))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  rpcUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => server.close())

/** What connecting needs to see; the views return one address, or a market of eight fields. */
function handshake(method: string, data: string): unknown {
  if (method === 'eth_chainId') return '0x1'
  if (method === 'eth_getCode') return '0x00'
  if (method === 'eth_blockNumber') return '0x0'
  if (method === 'eth_getBlockByNumber') return null
  // `dataMarkets(address)` carries an argument, `snapshotterState()` none.
  return `0x${data.length > 10 ? word(0).repeat(6) + word(BigInt(address)) + word(0) : word(BigInt(address))}`
}

async function isWeft(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => true,
    (failure: unknown) => failure instanceof WeftError,
  )
}

describe('a node that answers anything', () => {
  test('every read of both chains, and sending, end in a value or a WeftError', async () => {
    const proofs = { receiptsShare: 1, random: () => 0 }
    const market = { rpcUrl, chainId: 1, protocolState: address, dataMarket: address, clock, proofs }
    await fc.assert(
      fc.asyncProperty(answers, async (stream) => {
        answer = handshake
        const chain = await connectAnchorChain({ ...market, pollMs: 1, reorgDepthMax: 4 })
        const source = await connectSourceChain({ rpcUrl, chainId: 1, clock, proofs })
        const sender = createProtocolSender({
          ...market,
          signer: createSigner(new Secret(new Uint8Array(32).fill(3))),
          journal: createMemoryJournal(),
          settleTimeoutMs: 0,
        })
        answer = (method) => (method === 'eth_chainId' ? '0x1' : stream.next().value)
        const [block, epochId, projectId, cid] = [1 as BlockNumber, 1 as EpochId, 'a:B' as ProjectId, 'bafk' as Cid]
        const stop = new AbortController()
        const follow = async () => {
          // Trouble is waited out for ever: the second pause ends it.
          for await (const _step of chain.follow({ from: block, known: [], signal: stop.signal })) stop.abort()
        }
        setTimeout(() => stop.abort(), 5)
        const works = [
          follow(),
          chain.head(),
          chain.block(block),
          chain.market(),
          chain.currentEpoch(),
          chain.epochInfo(epochId),
          chain.batchCids(epochId),
          chain.batch(epochId, cid),
          chain.snapshotStatus(projectId, epochId),
          chain.isEpochEnded(epochId),
          chain.rewardRules(),
          chain.slotDay(1 as SlotId, 1),
          chain.hasAttested(epochId, cid, address),
          source.head(),
          source.block(block),
          source.read({ address, function: 'function f() view returns (uint8, address[])', args: [], blockNumber: block }),
          source.read({ address, function: 'function f() view returns (uint8)', args: [], blockNumber: block, blockHash: hash32 }),
          source.events({ address, events: [SYNC], fromBlock: block, toBlock: block }),
          source.events({ address, events: [SYNC], fromBlock: block, toBlock: block, toBlockHash: hash32 }),
          sender.send(
            'x',
            { kind: 'submitBatchAttestation', epochId, batchCid: cid, rootHash: `0x${'22'.repeat(32)}` as Hash },
            new AbortController().signal,
          ),
        ]
        expect(await Promise.all(works.map(isWeft))).toEqual(works.map(() => true))
      }),
      { numRuns: 60, ...replay },
    )
  })
})
