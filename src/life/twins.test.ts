import { describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { Address, BlockNumber, ContractNumber, Cid, EpochId, Hash } from '#domain/ids.ts'
import type { AnchorChain, ChainStep, ProtocolEvent, ProtocolSender } from '#io/chain/port.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { watchTwins } from './twins.ts'

const [ME, OTHER] = [`0x${'aa'.repeat(20)}`, `0x${'bb'.repeat(20)}`] as [Address, Address]
const HEAD = 10
const HERE = 'store 1'
const [MINE, FOREIGN, UNKNOWN] = ['0x01', '0x02', '0x03'] as [Hash, Hash, Hash]

const blockAt = (number: number) => ({
  number: number as BlockNumber,
  contractNumber: number as ContractNumber,
  hash: '0x' as Hash,
  parentHash: '0x' as Hash,
  timestamp: number,
})
type Bare = {
  readonly [Kind in ProtocolEvent['kind']]: Omit<Extract<ProtocolEvent, { kind: Kind }>, 'block' | 'logIndex'>
}[ProtocolEvent['kind']]
const step = (number: number, ...events: Bare[]): ChainStep => ({
  kind: 'block',
  block: blockAt(number),
  events: events.map((event, logIndex) => ({ ...event, block: blockAt(number), logIndex }) as ProtocolEvent),
})
const about = { epochId: 1 as EpochId, batchCid: 'cid' as Cid }
const released: Bare = {
  kind: 'EpochReleased',
  epochId: 1 as EpochId,
  begin: 1 as BlockNumber,
  end: 2 as BlockNumber,
  transactionHash: UNKNOWN,
}
const attested = (validator: Address, transactionHash: Hash): Bare => ({
  kind: 'SnapshotBatchAttestationSubmitted',
  ...about,
  validator,
  transactionHash,
})
const anchored = (transactionHash: Hash): Bare => ({ kind: 'SnapshotBatchSubmitted', ...about, transactionHash })

/** A role at block 10 whose account has signed one transaction, and what it does when the chain has gone these steps. */
function world(listenEpochs: number, { failures = 0, store = createFakeStore(), place = HERE, head = HEAD, windows = [0, 0] } = {}) {
  const [snapshotWindowBlocks, batchWindowBlocks] = windows
  const sent: string[] = []
  const told: string[] = []
  const asked: Hash[] = []
  const steps: ChainStep[] = []
  const stopping = new AbortController()
  let left = failures
  const sender = {
    address: ME,
    hasSigned: (hash: Hash) => hash === MINE,
    send: async (intentId: string) => void sent.push(intentId),
    sendInOrder: async (intents: readonly { readonly intentId: string }[]) => void sent.push(...intents.map(({ intentId }) => intentId)),
  } as unknown as ProtocolSender
  const chain = {
    head: async () => blockAt(head),
    market: async () => ({ snapshotWindowBlocks, batchWindowBlocks }),
    async *follow() {
      yield* steps.splice(0)
    },
  } as unknown as AnchorChain
  const watch = watchTwins(
    { listenEpochs, place },
    {
      chain,
      sender,
      store,
      async senderOf(hash) {
        asked.push(hash)
        left -= 1
        if (left >= 0) throw new WeftError('CHAIN_UNREACHABLE', { endpoint: 'e', method: 'm' })
        return hash === FOREIGN || hash === MINE ? ME : hash === UNKNOWN ? undefined : OTHER
      },
      clock: { sleep: async () => undefined },
      random: { fraction: () => 1 },
      report: (event) => void told.push(event),
    },
  )
  return {
    watch,
    told,
    asked,
    /** What it would send has gone out by then, if it does at all. */
    async sends(): Promise<readonly string[]> {
      sent.length = 0
      const signal = stopping.signal
      watch.sender.send('one', {} as never, signal).catch(() => undefined)
      watch.sender.sendInOrder([{ intentId: 'two', call: {} as never }], signal).catch(() => undefined)
      await new Promise((resolve) => setImmediate(resolve))
      return [...sent].sort()
    },
    async after(...more: ChainStep[]) {
      steps.push(...more)
      const seen: ChainStep[] = []
      const { signal } = stopping
      for await (const each of watch.chain.follow({ from: 0 as BlockNumber, known: [], signal })) seen.push(each)
      expect(seen).toEqual(more)
    },
    stop: () => stopping.abort(new Error('stopped')),
    signing: async () =>
      watch
        .guarded({ address: ME, signHashOf: async () => 'signed' })
        .signHashOf(new Uint8Array())
        .catch((failure: WeftError) => failure.code),
  }
}
const BOTH = ['one', 'two']

test('V21, S33: nothing is sent before so many epochs were released without a sign of a twin, and all then', async () => {
  const { watch, sends, after, told } = world(2)
  expect([await sends(), watch.unready()]).toEqual([[], { reason: 'twin_listening', detail: '0 of 2 epochs' }])
  await after(step(9, released), step(10, released), step(11, released))
  expect([await sends(), watch.unready()?.detail]).toEqual([[], '1 of 2 epochs'])
  await after(step(12), step(13, released))
  expect([await sends(), watch.unready(), told]).toEqual([BOTH, undefined, ['twin_listening']])
})

test('V21, S33: an epoch was listened to when half of the time for its batches is over: until then a twin may only be waiting for votes', async () => {
  const { sends, after, watch } = world(2, { windows: [4, 10] })
  await after(step(11, released), step(13, released), step(17))
  expect([await sends(), watch.unready()?.detail]).toEqual([[], '0 of 2 epochs'])
  await after(step(18), step(19))
  expect([await sends(), watch.unready()?.detail]).toEqual([[], '1 of 2 epochs'])
  await after(step(20))
  expect([await sends(), watch.unready()]).toEqual([BOTH, undefined])
})

test('V21, S33: a release that a reorganisation took back is none that was listened to', async () => {
  const { sends, after, watch } = world(1, { windows: [4, 10] })
  await after(step(11, released), { kind: 'rollback', to: blockAt(10) }, step(11), step(13, released), step(18))
  expect([await sends(), watch.unready()?.detail]).toEqual([[], '0 of 1 epochs'])
  await after(step(20))
  expect([await sends(), watch.unready()]).toEqual([BOTH, undefined])
})

test('what was sent while it was listened goes out then', async () => {
  const { watch, after } = world(1)
  const waiting = watch.sender.send('one', {} as never, new AbortController().signal)
  await after(step(11, released))
  await waiting
})

test('where nobody is to be listened to all is sent at once, and a twin is seen all the same', async () => {
  const { sends, after, told } = world(0)
  expect(await sends()).toEqual(BOTH)
  await after(step(11, attested(ME, FOREIGN)))
  expect([await sends(), told]).toEqual([[], ['twin_found']])
})

test.each<[string, Bare]>([
  ['an attestation', attested(ME, FOREIGN)],
  ['a late attestation', { ...attested(ME, FOREIGN), kind: 'DelayedAttestationSubmitted' } as Bare],
  ['a batch', anchored(FOREIGN)],
  ['a late batch', { ...anchored(FOREIGN), kind: 'DelayedBatchSubmitted' } as Bare],
  ['the end of an epoch', { kind: 'BatchSubmissionsCompleted', epochId: 1 as EpochId, transactionHash: FOREIGN }],
])(
  'V21, S33: %s of our account that we did not send stops all signing, is told once, and is why we are not ready',
  async (_what, event) => {
    const { watch, sends, after, told, signing } = world(1)
    expect(await signing()).toBe('signed')
    // In the block of the very epoch that ends the listening.
    await after(step(11, released, event), step(12, released, event), step(13, released))
    expect([await sends(), told, await signing()]).toEqual([[], ['twin_listening', 'twin_found'], 'TWIN_FOUND'])
    expect(watch.unready()).toEqual({ reason: 'twin_found', detail: FOREIGN })
  },
)

test.each<[string, ChainStep]>([
  ['what we have sent ourselves', step(11, attested(ME, MINE), anchored(MINE))],
  ['what others have sent', step(11, attested(OTHER, FOREIGN), anchored('0x99' as Hash))],
  ['what the endpoint does not know', step(11, anchored(UNKNOWN))],
  ['what the account did before the start', step(10, attested(ME, FOREIGN), anchored(FOREIGN))],
  ['a reorganisation', { kind: 'rollback', to: blockAt(11) }],
])('%s is no twin', async (_what, seen) => {
  const { sends, after, watch } = world(1)
  await after(seen, step(12, released))
  expect([await sends(), watch.unready()]).toEqual([BOTH, undefined])
})

test('whose a batch is, is asked until the chain answers; of our own it is not asked', async () => {
  const { after, told, asked } = world(0, { failures: 2 })
  await after(step(11, anchored(MINE), anchored(FOREIGN)))
  expect([told, asked]).toEqual([
    ['will_try_again', 'will_try_again', 'twin_found'],
    [FOREIGN, FOREIGN, FOREIGN],
  ])
})

test('who waits hears of the stop', async () => {
  const { watch, after, stop } = world(0)
  await after(step(11, attested(ME, FOREIGN)))
  const controller = new AbortController()
  const sending = expect(watch.sender.send('one', {} as never, controller.signal)).rejects.toThrow('stopped')
  controller.abort(new Error('stopped'))
  await sending
  stop()
})

describe('V21, S33: started again on the store of a life that was alone', () => {
  /** It has listened to the epoch of block 11, and ends. */
  async function alone() {
    const store = createFakeStore()
    await world(1, { store }).after(step(11, released), step(12))
    return store
  }

  test('it reads what has come since, and sends without listening to another epoch', async () => {
    const { sends, watch, told, ...life } = world(1, { store: await alone(), head: 14 })
    await life.after(step(12), step(13, attested(ME, MINE)))
    expect([await sends(), watch.unready()?.reason]).toEqual([[], 'twin_listening'])
    await life.after(step(14))
    expect([await sends(), watch.unready(), told]).toEqual([BOTH, undefined, []])
  })

  test('a twin that came meanwhile is found, and the next start listens', async () => {
    const store = await alone()
    const { sends, told, ...life } = world(1, { store, head: 14 })
    await life.after(step(13, attested(ME, FOREIGN)), step(14), step(15, released))
    expect([await sends(), told]).toEqual([[], ['twin_found']])
    const next = world(1, { store, head: 16 })
    await next.after(step(16), step(17))
    expect([await next.sends(), next.told]).toEqual([[], ['twin_listening']])
  })

  test.each<[string, { head?: number; place?: string }]>([
    ['of an hour ago', { head: 11 + 3_601 }],
    ['that is a copy', { place: 'store 2' }],
    ['of blocks that are gone', { head: 10 }],
  ])('%s, it listens', async (_what, how) => {
    const { sends, told, ...life } = world(1, { store: await alone(), head: 14, ...how })
    const head = how.head ?? 14
    await life.after(step(head), step(head + 1))
    expect([await sends(), told]).toEqual([[], ['twin_listening']])
    await life.after(step(head + 2, released))
    expect(await sends()).toEqual(BOTH)
  })
})
