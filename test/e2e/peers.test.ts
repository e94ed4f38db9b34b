import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { credentials, loadPackageDefinition, type requestCallback } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import type { Stream } from '@libp2p/interface'
import { getAddress } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createSubmissionDialer } from '#io/p2p/dialer.ts'
import vectors from '../vectors/contract-selectors.json' with { type: 'json' }
import { CIDS, createStranger, deliverFirst, projectOf, type World, type Stranger, openWorld, type WeftRole } from './world.ts'
import { LIMIT_MS, within } from './within.ts'

/**
 * Deployed peers, unchanged, against our processes: a Go collector on `/collect`, a Python snapshotter on gRPC, an indexer on the contracts.
 * They are imitated from spec/01 and spec/02 alone: signatures by viem, JSON by hand, protobuf from the text of the spec, ABI by hand.
 */

/** Seconds, as blocks come; all is sent in the first few of them. */
const WINDOW_BLOCKS = 15
const SLOTS = 3

let world: World
let sequencer: WeftRole
let collector: WeftRole
let goPeer: Stranger
let epochId: number
let headHash: string
let headNumber: number
/** Vote keys that must be counted; those of `/collect` with the id that the peer chose. */
const sentByGo = new Map<string, string>()
const sentByPython: string[] = []

async function rpc(method: string, params: readonly unknown[]): Promise<unknown> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
  const response = await fetch(world.rpcUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
    signal: AbortSignal.timeout(10_000),
  })
  return ((await response.json()) as { readonly result: unknown }).result
}

beforeAll(async () => {
  world = await openWorld({ chainId: 7_871, windowBlocks: WINDOW_BLOCKS, slots: SLOTS })
  sequencer = await world.startSequencer()
  collector = await world.startCollector(sequencer)
  const address = sequencer.places['p2p']?.[0] as string
  goPeer = await createStranger(address)
  const released = await world.releaseEpoch()
  epochId = released.epochId
  // A deployed collector never learns that it came too early: the sequencer must know the epoch before it begins.
  const dialer = await createSubmissionDialer({ identity: crypto.getRandomValues(new Uint8Array(32)) })
  const link = await dialer.dial(address, AbortSignal.timeout(10_000))
  await deliverFirst(link, world.sign({ project: projectOf('first'), ...released }), sequencer)
  await dialer.stop()
  const head = (await rpc('eth_getBlockByNumber', ['latest', false])) as { readonly hash: string; readonly number: string }
  headHash = head.hash
  headNumber = Number(head.number)
}, 60_000)

afterAll(async () => {
  await goPeer?.stop()
  await world?.close()
})

interface Request {
  readonly slotId: number
  readonly deadline: number
  readonly snapshotCid: string
  readonly epochId: number
  readonly projectId: string
}

const keyOf = ({ slotId, projectId, snapshotCid }: Request) => `${slotId} ${projectId} ${snapshotCid}`

function requestFor(changes: { readonly project: string; readonly slotId?: number; readonly epochId?: number }): Request {
  const { project, slotId = 1 } = changes
  return { slotId, deadline: headNumber + 500, snapshotCid: CIDS[0], epochId: changes.epochId ?? epochId, projectId: projectOf(project) }
}

/** 130 hex digits without `0x`, as peers send them. */
async function signatureOf(request: Request): Promise<string> {
  const { chainId, protocolState } = world.deployment
  const signature = await privateKeyToAccount(`0x${world.accounts.signer.keyText}`).signTypedData({
    domain: { name: 'PowerloomProtocolContract', version: '0.1', chainId, verifyingContract: protocolState as `0x${string}` },
    primaryType: 'EIPRequest',
    types: {
      EIPRequest: [
        { name: 'slotId', type: 'uint256' },
        { name: 'deadline', type: 'uint256' },
        { name: 'snapshotCid', type: 'string' },
        { name: 'epochId', type: 'uint256' },
        { name: 'projectId', type: 'string' },
      ],
    },
    message: { ...request, slotId: BigInt(request.slotId), deadline: BigInt(request.deadline), epochId: BigInt(request.epochId) },
  })
  return signature.slice(2)
}

const market = () => getAddress(world.deployment.dataMarket)
const protocolState = () => getAddress(world.deployment.protocolState)

/** UUID and JSON without anything between: Go's field order, zero values left out, `<`, `>` and `&` escaped. */
async function goMessage(request: Request): Promise<Uint8Array> {
  const { slotId, deadline, snapshotCid, epochId: epoch, projectId } = request
  const submissionId = crypto.randomUUID()
  const goText = (text: string) => JSON.stringify(text).replace(/[<>&]/g, (char) => `\\u00${char.charCodeAt(0).toString(16)}`)
  const inner = `"slotId":${slotId},"deadline":${deadline},"snapshotCid":"${snapshotCid}"${epoch === 0 ? '' : `,"epochId":${epoch}`},"projectId":${goText(projectId)}`
  const rest = `"signature":"${await signatureOf(request)}","header":"${headHash}","dataMarket":"${market()}","nodeVersion":"v1.5","protocolState":"${protocolState()}"`
  if (epoch !== 0) sentByGo.set(keyOf(request), submissionId)
  return new TextEncoder().encode(`${submissionId}{"request":{${inner}},${rest}}`)
}

test('a Go collector: messages joined, split, torn apart and mixed on pooled streams', async () => {
  const pool = (await Promise.all([1, 2, 3].map(() => goPeer.open('/collect')))) as [Stream, Stream, Stream]
  const messages = (names: readonly string[]) =>
    Promise.all(names.map((project, index) => goMessage(requestFor({ project, slotId: 1 + (index % SLOTS) }))))

  const joined = await messages(['joined-1', 'joined-2', 'joined-3', 'joined-4'])
  pool[0].send(Buffer.concat(joined))

  const split = await goMessage(requestFor({ project: 'split' }))
  const [whole] = (await messages(['whole'])) as [Uint8Array]
  for (let start = 0; start < split.length; start += 97) {
    pool[1].send(split.subarray(start, start + 97))
    // The other streams of the pool go on meanwhile.
    if (start === 97) pool[0].send(whole)
  }

  const torn = Buffer.concat(await messages(['torn-1', 'torn-2', 'torn-3']))
  for (const [from, to] of [
    [0, 700],
    [700, 720],
    [720, 1_500],
    [1_500, torn.length],
  ] as const)
    pool[2].send(torn.subarray(from, to))

  const odd = await messages(['braces{"}{', 'back\\slash"', 'angle<&>'])
  for (const message of odd) pool[1].send(message)
  const simulation = await goMessage(requestFor({ project: 'simulated', epochId: 0 }))
  pool[0].send(Buffer.concat([simulation, await goMessage(requestFor({ project: 'after-simulation' }))]))

  const rounds = await messages(Array.from({ length: 60 }, (_, index) => `round-${index}`))
  for (const [index, message] of rounds.entries()) pool[index % 3]?.send(message)
  await Promise.all(pool.map((stream) => stream.close()))
  // And a stream of its own for one message, as it opens when the pool is empty.
  const single = await goPeer.open('/collect')
  single.send(await goMessage(requestFor({ project: 'single' })))
  await single.close()
  expect(sentByGo.size).toBe(4 + 1 + 1 + 3 + 3 + 1 + 60 + 1)
})

/** The text of spec/02 §2. */
const PROTO = `syntax = "proto3";
package submission;
message Request { uint64 slotId=1; uint64 deadline=2; string snapshotCid=3; uint64 epochId=4; string projectId=5; }
message SnapshotSubmission { Request request=1; string signature=2; string header=3; string dataMarket=4;
                             optional string nodeVersion=5; string protocolState=6; }
message SubmissionResponse { string message=1; }
service Submission {
  rpc SubmitSnapshot(SnapshotSubmission) returns (SubmissionResponse);
  rpc SubmitSnapshotSimulation(stream SnapshotSubmission) returns (SubmissionResponse);
}`

type Answer = { readonly message: string }
interface SubmissionStub {
  SubmitSnapshot(message: object, callback: requestCallback<Answer>): void
  SubmitSnapshotSimulation(callback: requestCallback<Answer>): { write(message: object): void; end(): void }
  close(): void
}

test('a Python snapshotter: SubmitSnapshot and SubmitSnapshotSimulation are answered Success', async () => {
  const path = join(world.freshDir(), 'submission.proto')
  writeFileSync(path, PROTO)
  const { submission } = loadPackageDefinition(loadSync(path, { keepCase: true })) as unknown as {
    submission: { Submission: new (endpoint: string, security: ReturnType<typeof credentials.createInsecure>) => SubmissionStub }
  }
  const client = new submission.Submission(collector.places['grpc']?.[0] as string, credentials.createInsecure())
  const messageFor = async (request: Request) => ({
    request,
    signature: await signatureOf(request),
    header: headHash,
    dataMarket: market(),
  })
  const answerOf = (call: (callback: requestCallback<Answer>) => void) =>
    within(
      new Promise<string | undefined>((resolve, reject) => call((cause, answer) => (cause ? reject(cause) : resolve(answer?.message)))),
      { awaited: 'an answer from the collector', limitMs: LIMIT_MS, told: collector.output, ended: collector.exited },
    )

  // Older nodes name neither version nor protocol state, newer ones both.
  const old = requestFor({ project: 'python-old' })
  const recent = requestFor({ project: 'python-new', slotId: 2 })
  const messages = [await messageFor(old), { ...(await messageFor(recent)), nodeVersion: 'v2.11.0', protocolState: protocolState() }]
  for (const message of messages) expect(await answerOf((callback) => client.SubmitSnapshot(message, callback))).toBe('Success')
  sentByPython.push(keyOf(old), keyOf(recent))

  const simulated = await messageFor(requestFor({ project: 'python-simulated', epochId: 0 }))
  const answer = await answerOf((callback) => {
    const stream = client.SubmitSnapshotSimulation(callback)
    stream.write(simulated)
    stream.end()
  })
  expect(answer).toBe('Success')
  client.close()
})

test('everything they sent is in the batches, once, under the id the collector chose', async () => {
  const batched = await world.batched(epochId as never, sequencer)
  const byKey = new Map([...batched].map(([submissionId, { request }]) => [keyOf({ ...request, deadline: 0 }), submissionId]))
  expect([...sentByGo].filter(([key, submissionId]) => byKey.get(key) !== submissionId)).toEqual([])
  expect(sentByPython.filter((key) => !byKey.has(key))).toEqual([])
  expect(batched.size).toBe(1 + sentByGo.size + sentByPython.length)
}, 60_000)

test('an indexer with the deployed ABI reads epoch, snapshot, batches and the release', async () => {
  const { functions, events } = vectors.contracts.PowerloomProtocolState
  const selectorOf = (signature: string) => functions.find((entry) => entry.signature === signature)?.selector as string
  const word = (value: number | string) => (typeof value === 'number' ? value.toString(16) : value.slice(2)).padStart(64, '0')
  const dataMarket = world.deployment.dataMarket
  const call = async (signature: string, encoded: string) => {
    const result = (await rpc('eth_call', [{ to: protocolState(), data: selectorOf(signature) + encoded }, 'latest'])) as string
    return Buffer.from(result.slice(2), 'hex')
  }
  const uintAt = (data: Buffer, offset: number) => Number(`0x${data.subarray(offset, offset + 32).toString('hex')}`)
  const textAt = (data: Buffer, offset: number) => data.subarray(offset + 32, offset + 32 + uintAt(data, offset)).toString()

  const current = await call('currentEpoch(address)', word(dataMarket))
  expect([0, 32, 64].map((offset) => uintAt(current, offset))).toEqual([1, 10, epochId])

  const project = Buffer.from(projectOf('single'))
  const projectWords = project.toString('hex').padEnd(Math.ceil(project.length / 32) * 64, '0')
  const snapshot = await call(
    'maxSnapshotsCid(address,string,uint256)',
    word(dataMarket) + word(0x60) + word(epochId) + word(project.length) + projectWords,
  )
  expect(textAt(snapshot, uintAt(snapshot, 0))).toBe(CIDS[0])
  // PENDING: no validator takes part here.
  expect(uintAt(snapshot, 32)).toBe(0)

  const list = await call('epochIdToBatchCids(address,uint256)', word(dataMarket) + word(epochId))
  const start = uintAt(list, 0) + 32
  const batchCids = Array.from({ length: uintAt(list, start - 32) }, (_, index) => textAt(list, start + uintAt(list, start + 32 * index)))
  expect(batchCids).toEqual(await world.chain.batchCids(epochId as never))
  expect(batchCids.length).toBeGreaterThan(0)

  const topic0 = events.find(({ signature }) => signature.startsWith('EpochReleased('))?.topic
  const filter = {
    address: protocolState(),
    fromBlock: '0x0',
    toBlock: 'latest',
    topics: [topic0, `0x${word(dataMarket)}`, `0x${word(epochId)}`],
  }
  const logs = (await rpc('eth_getLogs', [filter])) as { readonly data: string; readonly blockNumber: string }[]
  expect(logs).toHaveLength(1)
  const data = Buffer.from(logs[0]?.data.slice(2) ?? '', 'hex')
  const block = (await rpc('eth_getBlockByNumber', [logs[0]?.blockNumber, false])) as { readonly timestamp: string }
  expect([0, 32, 64].map((offset) => uintAt(data, offset))).toEqual([1, 10, Number(block.timestamp)])
})
