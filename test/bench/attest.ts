import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import type { BatchedSubmission } from '#domain/batch.ts'
import type { Address, BlockNumber, Cid, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
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
import { encodeBatch } from '#wire/batch-json.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { createSubmissionHasher, parseSignature } from '#wire/eip712.ts'
import { createTree, publishedRoot } from '#wire/merkle.ts'

/**
 * CPU of attesting an epoch at level `tally`, of the whole process with all its threads, beside the bare recovery of the same signatures in
 * this run. Everything is real but the chain: batches come over Bitswap from another process, the store is SQLite with fsync.
 */

const PROJECTS = 1_000
const SLOTS = 20
const PROJECTS_PER_BATCH = 50
const ROUNDS = 3
const BLOCK_MS = 100

const [MANAGER, SEQUENCER, VALIDATOR] = ['1', '2', '3'].map((digit) => `0x${digit.repeat(40)}` as Address) as [Address, Address, Address]
const keys = Array.from({ length: SLOTS }, (_, index) => createSigner(parsePrivateKey((index + 1).toString(16).padStart(64, '0'))))
const snapshotCid = 'bafkreicecnx2gvntm6fbcrvnc336qze6st5u7qq7457igegamd3bzkx7ri' as Cid

interface Row {
  readonly name: string
  readonly value: number
  readonly unit: string
  readonly target?: string
  readonly pass?: boolean
}

/** An epoch as the other process is told of it. */
interface Ask {
  readonly epoch: number
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

const median = (values: readonly number[]): number => [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0

/** What the other process does, so that neither its work nor its memory is the validator's: signs, measures and serves an epoch for each line. */
async function provide(folder: string): Promise<void> {
  const node = await startHeliaNode({ directory: join(folder, 'provider') })
  process.stdout.write(`${node.addresses()[0]}\n`)
  for await (const line of createInterface({ input: process.stdin })) {
    const ask = JSON.parse(line) as Ask
    const batches = batchesOf(ask)
    for (const { bytes } of batches) await node.add(bytes)
    const before = process.cpuUsage()
    for (const { signed } of batches)
      for (const { digest, signature, signer } of signed)
        if (recoverer.recover(digest, signature) !== signer) throw new Error('wrong signer')
    const answer: Answer = { bareUs: cpuSince(before), calls: await anchorCalls(batches, ask.epoch) }
    process.stdout.write(`${JSON.stringify(answer)}\n`)
  }
  await node.stop()
}

function startProvider(folder: string) {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', import.meta.filename, 'provide', folder], {
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
  const send = async (address: Address, calls: readonly ProtocolCall[], name: string): Promise<void> => {
    const intents = calls.map((call, index) => ({ intentId: `${name} ${index}`, call }))
    // The fake's sender says again with each call all that it ever sent; the real one does not.
    const sent = chain.sender({ address, journal: createFakeStore() }).sendInOrder(intents, AbortSignal.timeout(60_000))
    while (chain.pendingCount() < calls.length) await systemClock.sleep(1)
    chain.mine()
    await sent
  }
  return {
    chain,
    release: (epoch: number) =>
      send(
        MANAGER,
        [{ kind: 'releaseEpoch', begin: (10 * epoch - 9) as BlockNumber, end: (10 * epoch) as BlockNumber }],
        `release ${epoch}`,
      ),
    anchor: (calls: readonly ProtocolCall[], epoch: number) => send(SEQUENCER, calls, `anchor ${epoch}`),
  }
}

function batchesOf({ epoch, header, market }: Ask): SignedBatch[] {
  const hasher = createSubmissionHasher(market)
  const tree = createTree()
  return Array.from({ length: PROJECTS / PROJECTS_PER_BATCH }, (_, batch) => {
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
    for (const { submissionId } of submissions) tree.append(submissionId)
    const snapshotCids = projectIds.map(() => snapshotCid)
    const bytes = encodeBatch({ submissions, submissionsRoot: tree.publishedRoot(), projectIds, snapshotCids })
    return { bytes, projectIds, signed }
  })
}

async function anchorCalls(batches: readonly SignedBatch[], epoch: number): Promise<ProtocolCall[]> {
  return Promise.all(
    batches.map(async ({ bytes, projectIds }): Promise<ProtocolCall> => {
      const snapshotCids = projectIds.map(() => snapshotCid)
      return {
        kind: 'submitSubmissionBatch',
        epochId: epoch as EpochId,
        batchCid: await snapshotCidOf(bytes),
        projectIds,
        snapshotCids,
        rootHash: publishedRoot(snapshotCids),
      }
    }),
  )
}

async function measure(folder: string): Promise<Row[]> {
  const provider = startProvider(folder)
  const { chain, release, anchor } = createChain()
  const place = { chainId: chain.chainId, protocolState: chain.protocolState, dataMarket: chain.dataMarket }
  const store = openSqliteStore({ path: join(folder, 'state.sqlite') })
  const ipfs = await startHeliaNode({ directory: join(folder, 'validator'), peers: [await provider.address] }, { store })
  const pool = createRecovererPool()
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
        completeness: 'none',
        batchForm: 'json',
        batchTree: 'cumulative',
        anchoring: 'projects',
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
  const rounds: {
    readonly bareUs: number
    readonly wholeUs: number
    readonly wallMs: number
    readonly blockedMs: number
    readonly turnMs: number
  }[] = []
  for (let epoch = 1; epoch <= ROUNDS + 1; epoch += 1) {
    await release(epoch)
    const { hash, number } = await chain.head()
    const { calls, bareUs } = await provider.serve({ epoch, header: { hash, number }, market: place })
    await systemClock.sleep(50)
    const wanted = attested + calls.length
    const delay = monitorEventLoopDelay({ resolution: 10 })
    const [cpuStart, startMs] = [process.cpuUsage(), performance.now()]
    await anchor(calls, epoch)
    delay.enable()
    const turns = watchTurns()
    while (attested < wanted) {
      await systemClock.sleep(BLOCK_MS)
      chain.mine()
    }
    delay.disable()
    const turnMs = turns.stop()
    rounds.push({ bareUs, wholeUs: cpuSince(cpuStart), wallMs: performance.now() - startMs, blockedMs: delay.max / 1e6 - 10, turnMs })
  }
  stopping.abort()
  await ended
  await pool.stop()
  await ipfs.stop()
  await store.close()
  await provider.stop()
  // The first round warms up.
  const measured = rounds.slice(1)
  const each = (pick: (round: (typeof rounds)[number]) => number): number => median(measured.map(pick))
  const count = PROJECTS * SLOTS
  const [ratio, turnMs] = [each(({ wholeUs, bareUs }) => wholeUs / bareUs), each((round) => round.turnMs)]
  return [
    { name: 'bare signature recovery, CPU', value: each(({ bareUs }) => bareUs / count), unit: 'µs per submission' },
    { name: 'attesting at level tally, whole process, CPU', value: each(({ wholeUs }) => wholeUs / count), unit: 'µs per submission' },
    { name: 'attesting beside its recoveries', value: ratio, unit: '×', target: '≤ 1.5', pass: ratio <= 1.5 },
    { name: 'longest block of the event loop meanwhile, CPU', value: turnMs, unit: 'ms', target: '≤ 50', pass: turnMs <= 50 },
    { name: 'the same on the clock, with all else that runs here', value: each(({ blockedMs }) => blockedMs), unit: 'ms' },
    {
      name: `time for ${PROJECTS / PROJECTS_PER_BATCH} batches, blocks of ${BLOCK_MS} ms`,
      value: each(({ wallMs }) => wallMs),
      unit: 'ms',
    },
  ]
}

function printed(rows: readonly Row[]): string {
  const lines = rows.map(({ name, value, unit, target, pass }) => {
    const judged = target === undefined ? '' : `   ${target}: ${pass ? 'met' : 'missed'}`
    return `  ${name.padEnd(52)}${value.toFixed(2).padStart(10)} ${unit}${judged}\n`
  })
  return `attest: ${PROJECTS} projects × ${SLOTS} submissions, median of ${ROUNDS} epochs\n${lines.join('')}`
}

if (process.argv[2] === 'provide') await provide(String(process.argv[3]))
else {
  const folder = mkdtempSync(join(tmpdir(), 'weft-bench-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  // Ctrl-C passes by the end of this file, but not by that handler.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  const rows = await measure(folder)
  process.stdout.write(process.argv.includes('--json') ? `${JSON.stringify({ rows })}\n` : printed(rows))
}
