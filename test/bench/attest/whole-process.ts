import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Worker } from 'node:worker_threads'
import type { BatchedSubmission } from '#domain/batch.ts'
import type { Address, BlockNumber, Cid, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import type { BatchForm } from '#domain/market-rules.ts'
import { createFakeChain, marketOf } from '#io/chain/fake/anchor.ts'
import type { AnchorChain, BlockRef, ProtocolCall } from '#io/chain/port.ts'
import { systemClock } from '#io/clock/system.ts'
import { startHeliaNode } from '#io/ipfs/helia.ts'
import { systemRandom } from '#io/keys/random.ts'
import { createRecovererPool } from '#io/keys/recoverer-pool.ts'
import { createSigner, parsePrivateKey, recoverer } from '#io/keys/secp256k1.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { openSqliteStore } from '#io/store/sqlite.ts'
import { sameRules } from '#life/rules.ts'
import { createValidator } from '#roles/validator/validator.ts'
import { batchFile } from '#wire/batch-file.ts'
import { createSubmissionHasher, parseSignature } from '#wire/eip712.ts'
import { createTree, publishedRoot } from '#wire/merkle.ts'
import { median, type Row, row } from '../seal/rows.ts'

/**
 * CPU of attesting an epoch at level `tally`, of the whole process with all its threads, beside the bare recovery of the same signatures in
 * this run. Everything is real but the chain: batches come over Bitswap from another process, the store is SQLite with fsync.
 */

const PROJECTS = 1_000
const SLOTS = 20
const PROJECTS_PER_BATCH = 50
const ROUNDS = 3
/**
 * Code is compiled meanwhile, and what is kept has come to its usual size, as of a validator that runs for weeks: what is done once in a batch, 20 times an
 * epoch, is compiled for several epochs.
 */
const WARM_UP = 8
const BLOCK_MS = 100
const RECOVERER_THREAD = new URL('../../../src/io/keys/recoverer-worker.ts', import.meta.url)

const [MANAGER, SEQUENCER, VALIDATOR] = ['1', '2', '3'].map((digit) => `0x${digit.repeat(40)}` as Address) as [Address, Address, Address]
const keys = Array.from({ length: SLOTS }, (_, index) => createSigner(parsePrivateKey((index + 1).toString(16).padStart(64, '0'))))
const snapshotCid = 'bafkreicecnx2gvntm6fbcrvnc336qze6st5u7qq7457igegamd3bzkx7ri' as Cid

/** An epoch as the other process is told of it. */
interface Ask {
  readonly epoch: number
  readonly form: BatchForm
  readonly header: Pick<BlockRef, 'hash' | 'number'>
  readonly market: Pick<AnchorChain, 'chainId' | 'protocolState' | 'dataMarket'>
}

/** What it answers: it serves the batches, and has measured the bare recovery of all their signatures. */
interface Answer {
  readonly calls: readonly ProtocolCall[]
  readonly bareUs: number
}

interface SignedBatch {
  readonly bytes: Uint8Array
  readonly batchCid: Cid
  readonly projectIds: readonly ProjectId[]
  readonly signed: readonly { readonly digest: Uint8Array; readonly signature: Uint8Array; readonly signer: Address }[]
}

/** Microseconds of this process, user and system. */
function cpuSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before)
  return user + system
}

/** Longest CPU time of this thread between two ticks of a timer: how long its own work has blocked the event loop, whatever else the machine does. */
function watchTurns(): { stop(): number } {
  let longestUs = 0
  let before = process.threadCpuUsage()
  const timer = setInterval(() => {
    const { user, system } = process.threadCpuUsage(before)
    longestUs = Math.max(longestUs, user + system)
    before = process.threadCpuUsage()
  }, 5)
  return {
    stop() {
      clearInterval(timer)
      return longestUs / 1_000
    },
  }
}

/** What the other process does, so that neither its work nor its memory is the validator's: signs, measures and serves an epoch for each line. */
async function provide(folder: string): Promise<void> {
  const node = await startHeliaNode({ directory: join(folder, 'provider') })
  process.stdout.write(`${node.addresses()[0]}\n`)
  for await (const line of createInterface({ input: process.stdin })) {
    const ask = JSON.parse(line) as Ask
    const batches = await batchesOf(ask)
    for (const { bytes } of batches) await node.add(bytes, undefined, ask.form === 'dag-cbor' ? ask.form : undefined)
    const before = process.cpuUsage()
    for (const { signed } of batches)
      for (const { digest, signature, signer } of signed)
        if (recoverer.recover(digest, signature) !== signer) throw new Error('wrong signer')
    const answer: Answer = { bareUs: cpuSince(before), calls: anchorCalls(batches, ask.epoch) }
    process.stdout.write(`${JSON.stringify(answer)}\n`)
  }
  await node.stop()
}

function startProvider(folder: string) {
  const child = spawn(process.execPath, [...process.execArgv, import.meta.filename, folder], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const line = async (): Promise<string> => String((await lines.next()).value)
  return {
    address: line(),
    async serve(ask: Ask): Promise<Answer> {
      child.stdin.write(`${JSON.stringify(ask)}\n`)
      return JSON.parse(await line()) as Answer
    },
    async stop(): Promise<void> {
      child.stdin.end()
      await once(child, 'exit')
    },
  }
}

function createChain() {
  const market = marketOf({
    snapshotWindowBlocks: 1_000_000,
    batchWindowBlocks: 2_000_000,
    attestationWindowBlocks: 3_000_000,
    epochManager: MANAGER,
    sequencers: [SEQUENCER],
    validators: [VALIDATOR],
  })
  const chain = createFakeChain({ clock: systemClock, market, signers: keys.map(({ address }) => address), pollMs: BLOCK_MS })
  /** Puts the calls into the pool; what it resolves with mines them. */
  const send = async (address: Address, calls: readonly ProtocolCall[], name: string): Promise<() => Promise<unknown>> => {
    const intents = calls.map((call, index) => ({ intentId: `${name} ${index}`, call }))
    // The fake's sender says again with each call all that it ever sent; the real one does not.
    const sent = chain.sender({ address, journal: createFakeStore() }).sendInOrder(intents, AbortSignal.timeout(60_000))
    while (chain.pendingCount() < calls.length) await systemClock.sleep(1)
    return () => {
      chain.mine()
      return sent
    }
  }
  return {
    chain,
    async release(epoch: number): Promise<void> {
      const call = { kind: 'releaseEpoch', begin: (10 * epoch - 9) as BlockNumber, end: (10 * epoch) as BlockNumber } as const
      const mine = await send(MANAGER, [call], `release ${epoch}`)
      await mine()
    },
    anchor: (calls: readonly ProtocolCall[], epoch: number) => send(SEQUENCER, calls, `anchor ${epoch}`),
  }
}

async function batchesOf({ epoch, form, header, market }: Ask): Promise<SignedBatch[]> {
  const hasher = createSubmissionHasher(market)
  const tree = createTree()
  const batches: SignedBatch[] = []
  for (let batch = 0; batch < PROJECTS / PROJECTS_PER_BATCH; batch += 1) {
    const projectIds = Array.from(
      { length: PROJECTS_PER_BATCH },
      (_, index) => `pairContract_trade_volume:0x${(batch * PROJECTS_PER_BATCH + index).toString(16).padStart(40, '0')}:BENCH` as ProjectId,
    )
    const signed: SignedBatch['signed'][number][] = []
    const submissions = projectIds.flatMap((projectId) =>
      keys.map((key, index): BatchedSubmission => {
        const request = {
          slotId: (index + 1) as SlotId,
          deadlineBlock: (header.number + 500) as BlockNumber,
          snapshotCid,
          epochId: epoch as EpochId,
          projectId,
        }
        const digest = Uint8Array.from(hasher.digest(request))
        const signature = key.sign(digest)
        signed.push({ digest, signature: parseSignature(signature) as Uint8Array, signer: key.address })
        const submission = {
          request,
          signature,
          header: header.hash,
          dataMarket: market.dataMarket,
          nodeVersion: 'v1.0',
          protocolState: '',
        }
        return { submissionId: crypto.randomUUID(), submission }
      }),
    )
    tree.append(submissions.map(({ submissionId }) => submissionId))
    const snapshotCids = projectIds.map(() => snapshotCid)
    const { batchCid, file } = await batchFile({ submissions, submissionsRoot: tree.publishedRoot(), projectIds, snapshotCids }, form)
    batches.push({ bytes: file, batchCid, projectIds, signed })
  }
  return batches
}

function anchorCalls(batches: readonly SignedBatch[], epoch: number): ProtocolCall[] {
  return batches.map(({ batchCid, projectIds }) => {
    const snapshotCids = projectIds.map(() => snapshotCid)
    const rootHash = publishedRoot(snapshotCids)
    return { kind: 'submitSubmissionBatch', epochId: epoch as EpochId, batchCid, projectIds, snapshotCids, rootHash }
  })
}

/** The pool, whose threads tell what they have taken so far, in microseconds. */
function createWatchedPool() {
  const threads: Worker[] = []
  function start(): Worker {
    const thread = new Worker(RECOVERER_THREAD)
    threads.push(thread)
    return thread
  }
  async function takenUs(): Promise<number> {
    const taken = await Promise.all(threads.map((thread) => thread.cpuUsage()))
    return taken.reduce((sum, { user, system }) => sum + user + system, 0)
  }
  return { ...createRecovererPool({ start }), takenUs }
}

async function measure(folder: string, form: BatchForm): Promise<Row[]> {
  const provider = startProvider(folder)
  const { chain, release, anchor } = createChain()
  const place = { chainId: chain.chainId, protocolState: chain.protocolState, dataMarket: chain.dataMarket }
  const store = openSqliteStore({ path: join(folder, 'state.sqlite') })
  const ipfs = await startHeliaNode({ directory: join(folder, 'validator'), peers: [await provider.address] }, { store })
  const pool = createWatchedPool()
  const stopping = new AbortController()
  let attested = 0
  const validator = createValidator(
    { level: 'tally', epochsKept: 1_000, ipfsEpochsKept: 1_000 },
    {
      store,
      chain,
      rules: sameRules({
        namespace: 'BENCH',
        windowUnit: 'blocks',
        deadlineBufferMaxBlocks: 1_000,
        tally: { minVotes: 0, minShareBp: 0 },
        voting: 'open',
        projectsPerBatch: PROJECTS_PER_BATCH,
        projectsPerSlotMax: PROJECTS,
        availability: 'none',
        batchForm: form,
        batchTree: 'cumulative',
        anchoring: 'projects',
        completeness: 'none',
      }),
      sender: { address: VALIDATOR, send: (...call) => chain.sender({ address: VALIDATOR, journal: createFakeStore() }).send(...call) },
      ipfs,
      clock: systemClock,
      random: systemRandom,
      recoverer: pool,
      report: () => undefined,
      onBatch: ({ state, isDivergent, reason }) => {
        if (state !== 'attested' || isDivergent) throw new Error(`a batch was not agreed with: ${state} ${reason}`)
        attested += 1
      },
    },
  )
  const ended = validator.run(stopping.signal)
  ended.catch((failure: unknown) => {
    process.stderr.write(`${String(failure)}\n`)
    process.exit(1)
  })
  /** Announces the batches of an epoch; `beside` is asked to watch while they are attested. */
  const round = async (epoch: number, watch: () => { stop(): unknown } = () => ({ stop: () => undefined })) => {
    await release(epoch)
    const { hash, number } = await chain.head()
    const { calls, bareUs } = await provider.serve({ epoch, form, header: { hash, number }, market: place })
    await systemClock.sleep(50)
    const wanted = attested + calls.length
    // To send them is the sequencer's work.
    const mineCalls = await anchor(calls, epoch)
    const threadsStartUs = await pool.takenUs()
    const [cpuStart, mainStart, startMs] = [process.cpuUsage(), process.threadCpuUsage(), performance.now()]
    await mineCalls()
    const watching = watch()
    while (attested < wanted) {
      await systemClock.sleep(BLOCK_MS)
      chain.mine()
    }
    watching.stop()
    const { user, system } = process.threadCpuUsage(mainStart)
    const spent = { bareUs, wholeUs: cpuSince(cpuStart), mainUs: user + system, wallMs: performance.now() - startMs }
    return { ...spent, recoveringUs: (await pool.takenUs()) - threadsStartUs }
  }
  for (let epoch = 1; epoch <= WARM_UP; epoch += 1) await round(epoch)
  const measured: Awaited<ReturnType<typeof round>>[] = []
  for (let epoch = 1; epoch <= ROUNDS; epoch += 1) measured.push(await round(WARM_UP + epoch))
  // By itself: to look at each turn takes a tenth of the time that is measured.
  let turnMs = 0
  await round(WARM_UP + ROUNDS + 1, () => {
    const turns = watchTurns()
    return {
      stop() {
        turnMs = turns.stop()
      },
    }
  })
  stopping.abort()
  await ended
  await pool.stop()
  await ipfs.stop()
  await store.close()
  await provider.stop()
  const each = (pick: (round: (typeof measured)[number]) => number): number => median(measured.map(pick))
  const count = PROJECTS * SLOTS
  const batches = PROJECTS / PROJECTS_PER_BATCH
  const us = (name: string, pick: (round: (typeof measured)[number]) => number): Row => row(name, each(pick) / count, 'µs/submission')
  const ratio = each(({ wholeUs, bareUs }) => wholeUs / bareUs)
  return [
    us(`bare signature recovery beside ${form}, CPU`, ({ bareUs }) => bareUs),
    us(`attesting, whole process, fake chain, ${form}, CPU`, ({ wholeUs }) => wholeUs),
    us(`of it the threads that recover, ${form}`, ({ recoveringUs }) => recoveringUs),
    us(`of it the main thread, ${form}; the rest collects garbage and compiles`, ({ mainUs }) => mainUs),
    row(`attesting, whole process, fake chain, ${form}, beside its recoveries`, ratio, '× recoveries', 1.5),
    row(`event loop blocked while attesting, ${form}, by CPU of the thread`, turnMs, 'ms', 50),
    row(
      `time for ${batches} batches, ${form}, fake chain with blocks of ${BLOCK_MS} ms`,
      each(({ wallMs }) => wallMs),
      'ms',
    ),
  ]
}

/** What it costs, as rows of a table. */
export async function attestRows(): Promise<readonly Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-bench-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  // Ctrl-C passes by the end of a file, but not by that handler.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  const rows: Row[] = []
  for (const form of ['json', 'dag-cbor'] as const) rows.push(...(await measure(join(folder, form), form)))
  return rows
}

if (import.meta.main) await provide(String(process.argv[2]))
