import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Address, BlockNumber, Cid, EpochId, Hash, ProjectId, SlotId } from '#domain/ids.ts'
import type { BatchForm, MarketRules } from '#domain/market-rules.ts'
import { createFakeChain, type FakeChain, marketOf } from '#io/chain/fake/anchor.ts'
import type { ProtocolSender } from '#io/chain/port.ts'
import { systemClock } from '#io/clock/system.ts'
import type { Inbound, SubmissionListener } from '#io/intake/port.ts'
import { createFakeIpfsNetwork, type FakeIpfsNode } from '#io/ipfs/fake.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import type { ManyRecoverer, Signer } from '#io/keys/port.ts'
import { systemRandom } from '#io/keys/random.ts'
import { createSigner, parsePrivateKey } from '#io/keys/secp256k1.ts'
import { createFakeStore } from '#io/store/fake.ts'
import type { Store } from '#io/store/port.ts'
import { openSqliteStore } from '#io/store/sqlite.ts'
import { sameRules } from '#life/rules.ts'
import type { EpochEntry } from '#roles/sequencer/ledger.ts'
import { createSequencer, type Sequencer } from '#roles/sequencer/sequencer.ts'
import { createSubmissionHasher } from '#wire/eip712.ts'
import { PAIR_BYTES } from '#wire/signed-pairs.ts'
import { encodeSubmission } from '#wire/submission-proto.ts'

/** A sequencer as it is, with SQLite on disk; chain, network and IPFS are fakes, and signatures are not recovered unless they are real. */
export interface World {
  readonly chain: FakeChain
  readonly rules: MarketRules
  readonly store: Store
  readonly node: FakeIpfsNode
  readonly sequencer: Sequencer
  /** Batch files in the order in which they were given to IPFS. */
  readonly files: Uint8Array[]
  readonly ended: EpochEntry[]
  /** Calls with batches that were sent so far. */
  batchCalls(): number
  /** Calls `then` when the next file is given to IPFS: bytes and roots are ready. */
  onFirstFile(then: () => void): void
  release(epoch: number): Promise<void>
  /** All votes of the epoch, as they are delivered. */
  votes(epoch: number): Iterable<Vote>
  /** Delivers these, in groups; resolves when they are receipted. */
  take(votes: Iterable<Vote>, groupPause?: () => Promise<void>): Promise<void>
  /** Both. */
  vote(epoch: number, groupPause?: () => Promise<void>): Promise<void>
  /** Mines blocks up to the one that closes the epoch's window. */
  close(epoch: number): Promise<void>
  until(isSo: () => boolean): Promise<void>
  stop(): Promise<void>
}

/** What is delivered, and what its signature is of. */
export interface Vote {
  readonly payload: Uint8Array
  readonly digest: Uint8Array
  /** 130 hex digits. */
  readonly signature: string
}

export interface Size {
  readonly projects: number
  readonly slots: number
}

export interface WorldOptions extends Size {
  readonly form: BatchForm
  readonly anchoring?: MarketRules['anchoring']
  readonly isSigned?: boolean
  readonly epochsKept?: number
  /** By default none is recovered: everybody has one key. */
  readonly recoverer?: ManyRecoverer
  /** Signs receipts; without it none is signed. */
  readonly receiptSigner?: Pick<Signer, 'signHashOf'>
  /** Brings what `take` does not. */
  readonly listener?: SubmissionListener
  readonly windowBlocks?: number
  /** How often the chain is asked for blocks: 5 ms, so that nothing waits for it, unless what is measured goes on while nothing happens. */
  readonly pollMs?: number
}

/** Unless it is said otherwise. */
const WINDOW_BLOCKS = 10
export const ATTESTATION_WINDOW_BLOCKS = 400
const EPOCH_MANAGER = `0x${'1'.repeat(40)}` as Address
const SEQUENCER = `0x${'2'.repeat(40)}` as Address
export const VALIDATOR = `0x${'3'.repeat(40)}` as Address
/** Deliveries that arrive in one turn of the event loop. */
export const GROUP = 200
/** Everybody's. */
export const key = createSigner(parsePrivateKey('11'.repeat(32)))
export const snapshotCid = 'bafkreicecnx2gvntm6fbcrvnc336qze6st5u7qq7457igegamd3bzkx7ri' as Cid

function createHandover() {
  let wake: (() => void) | undefined
  const waiting: Inbound[][] = []
  const listener: SubmissionListener = {
    async *inbound(signal) {
      signal.addEventListener('abort', () => wake?.())
      while (!signal.aborted) {
        const group = waiting.shift()
        if (group !== undefined) yield group
        else
          await new Promise<void>((resolve) => {
            wake = resolve
          })
      }
    },
  }
  function send(payloads: readonly Uint8Array[]): Promise<void> {
    let open = payloads.length
    return new Promise((resolve, reject) => {
      waiting.push(
        payloads.map((payload) => ({
          peer: 'bench',
          protocol: 'weft',
          submissionId: crypto.randomUUID(),
          payload,
          respond({ code }) {
            if (code !== 'accepted') reject(new Error(`a submission was answered ${code}`))
            open -= 1
            if (open === 0) resolve()
          },
        })),
      )
      wake?.()
    })
  }
  return { listener, send }
}

/** As `node` does, and tells what it is given. */
function watched(node: FakeIpfsNode, files: Uint8Array[], onFile: () => void): Ipfs {
  return {
    ...node,
    add(bytes, epochId, codec) {
      onFile()
      files.push(bytes)
      return node.add(bytes, epochId, codec)
    },
  }
}

function counting(sender: ProtocolSender, onCalls: (count: number) => void): ProtocolSender {
  return {
    ...sender,
    sendInOrder(intents, signal) {
      onCalls(intents.length)
      return sender.sendInOrder(intents, signal)
    },
  }
}

export const projectOf = (index: number): ProjectId =>
  `pairContract_trade_volume:0x${index.toString(16).padStart(40, '0')}:BENCH` as ProjectId

function* votesOf(
  { projects, slots }: Size,
  epoch: number,
  header: { readonly hash: Hash; readonly number: number },
  chain: FakeChain,
  isSigned: boolean,
): Generator<Vote> {
  const hasher = createSubmissionHasher(chain)
  for (let project = 0; project < projects; project += 1)
    for (let slot = 1; slot <= slots; slot += 1) {
      const request = {
        slotId: slot as SlotId,
        deadlineBlock: (header.number + 500) as BlockNumber,
        snapshotCid,
        epochId: epoch as EpochId,
        projectId: projectOf(project),
      }
      const digest = isSigned ? Uint8Array.from(hasher.digest(request)) : new Uint8Array()
      const signature = isSigned ? key.sign(digest) : `${'1'.repeat(128)}1b`
      const submission = { request, signature, header: header.hash, dataMarket: chain.dataMarket, nodeVersion: 'v1.0', protocolState: '' }
      yield { payload: encodeSubmission(submission), digest, signature }
    }
}

export function marketOfBench(snapshotWindowBlocks: number) {
  const windows = { snapshotWindowBlocks, batchWindowBlocks: 200, attestationWindowBlocks: ATTESTATION_WINDOW_BLOCKS }
  const people = { epochManager: EPOCH_MANAGER, sequencers: [SEQUENCER], validators: [VALIDATOR] }
  return marketOf({ epochSize: 1, sourceBlockTimeSeconds: 1, ...windows, ...people })
}

export async function openWorld(options: WorldOptions): Promise<World> {
  const directory = mkdtempSync(join(tmpdir(), 'weft-bench-'))
  const removeDirectory = (): void => rmSync(directory, { recursive: true, force: true })
  process.once('exit', removeDirectory)
  const store = openSqliteStore({ path: join(directory, 'state.sqlite') })
  const signers = Array.from({ length: options.slots }, () => key.address)
  const windowBlocks = options.windowBlocks ?? WINDOW_BLOCKS
  const chain = createFakeChain({ clock: systemClock, market: marketOfBench(windowBlocks), signers, pollMs: options.pollMs ?? 5 })
  if (options.anchoring === 'roots') {
    chain.setRootOnlyAllowed(true)
    chain.mine()
  }
  const node = createFakeIpfsNetwork().node('sequencer')
  const { listener, send } = createHandover()
  const files: Uint8Array[] = []
  const ended: EpochEntry[] = []
  const stopping = new AbortController()
  let onFile: (() => void) | undefined
  let batchCalls = 0
  const rules: MarketRules = {
    namespace: 'BENCH',
    windowUnit: 'blocks',
    deadlineBufferMaxBlocks: 1_000,
    tally: { minVotes: 0, minShareBp: 0 },
    voting: 'open',
    projectsPerBatch: 50,
    projectsPerSlotMax: options.projects,
    availability: 'none',
    completeness: 'none',
    batchForm: options.form,
    batchTree: 'cumulative',
    anchoring: options.anchoring ?? 'projects',
  }
  const sequencer = createSequencer(
    {
      epochsKept: options.epochsKept ?? 10,
      batchBytesMax: 8 * 1024 * 1024,
      ipfsEpochsKept: 1_000,
      daysKept: 8,
      countsEveryEpochs: 300,
      dayBufferEpochs: 5,
      slotsPerUpdate: 100,
    },
    {
      store,
      chain,
      rules: sameRules(rules),
      clock: systemClock,
      random: systemRandom,
      recoverer: options.recoverer ?? { recoverMany: async ({ length }) => Array(length / PAIR_BYTES).fill(key.address) },
      receiptSigner: options.receiptSigner,
      listener: options.listener ?? listener,
      ipfs: watched(node, files, () => {
        onFile?.()
        onFile = undefined
      }),
      sender: counting(chain.sender({ address: SEQUENCER, journal: store }), (calls) => {
        batchCalls += calls
      }),
      report: () => undefined,
      onEpoch: (entry) => ended.push(entry),
    },
  )
  const running = sequencer.run(stopping.signal)
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) await Promise.race([systemClock.sleep(1), running])
  }
  const followed = async (): Promise<void> => {
    const { number } = await chain.head()
    await until(() => sequencer.stats().headBlock === number)
  }
  const releaseSender = chain.sender({ address: EPOCH_MANAGER, journal: createFakeStore() })
  const releases = new Map<number, { readonly hash: Hash; readonly number: number }>()
  const votes = (epoch: number): Iterable<Vote> =>
    votesOf(options, epoch, releases.get(epoch) as { readonly hash: Hash; readonly number: number }, chain, options.isSigned === true)

  async function take(delivered: Iterable<Vote>, groupPause?: () => Promise<void>): Promise<void> {
    const all: Promise<void>[] = []
    let group: Uint8Array[] = []
    for (const { payload } of delivered) {
      group.push(payload)
      if (group.length < GROUP) continue
      all.push(send(group))
      group = []
      await groupPause?.()
    }
    await Promise.all([...all, ...(group.length > 0 ? [send(group)] : [])])
  }

  await until(() => sequencer.stats().isReady)
  return {
    chain,
    rules,
    store,
    node,
    sequencer,
    files,
    ended,
    batchCalls: () => batchCalls,
    until,
    onFirstFile(then) {
      onFile = then
    },
    async release(epoch) {
      const call = { kind: 'releaseEpoch', begin: epoch as BlockNumber, end: epoch as BlockNumber } as const
      const sent = releaseSender.send(`release/${epoch}`, call, AbortSignal.timeout(60_000))
      // What the sequencer has sent waits for a block, too: were one mined for that alone, nothing would mine the next.
      await until(() => chain.transactions().some(({ call: { kind }, receipt }) => kind === 'releaseEpoch' && receipt === undefined))
      chain.mine()
      await sent
      await followed()
      // The rules of the epoch are asked for when its release is seen.
      await systemClock.sleep(20)
      releases.set(epoch, await chain.head())
    },
    votes,
    take,
    vote: (epoch, groupPause) => take(votes(epoch), groupPause),
    async close(epoch) {
      const left = (releases.get(epoch)?.number ?? 0) + windowBlocks + 1 - (await chain.head()).number
      chain.mine(left)
    },
    async stop() {
      stopping.abort()
      await running
      chain.stop()
      await store.close()
      process.off('exit', removeDirectory)
      removeDirectory()
    },
  }
}
