import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Address, BlockNumber, Cid, EpochId, Hash, ProjectId, SlotId } from '#domain/ids.ts'
import { createFakeChain, type FakeChain, marketOf } from '#io/chain/fake/anchor.ts'
import { systemClock } from '#io/clock/system.ts'
import type { Inbound, SubmissionListener } from '#io/intake/port.ts'
import { createFakeIpfsNetwork } from '#io/ipfs/fake.ts'
import { systemRandom } from '#io/keys/random.ts'
import { createSigner, parsePrivateKey, recoverer } from '#io/keys/secp256k1.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { openSqliteStore } from '#io/store/sqlite.ts'
import { sameRules } from '#life/rules.ts'
import { createSequencer } from '#roles/sequencer/sequencer.ts'
import { createSubmissionHasher, parseSignature } from '#wire/eip712.ts'
import { encodeSubmission } from '#wire/submission-proto.ts'

/**
 * CPU per accepted submission in the sequencer, from the delivered bytes to the durable receipt, against one bare signature recovery,
 * both measured in this run. Everything is real but the chain and the network: protobuf, EIP-712, native recovery, SQLite with fsync.
 */

const SLOTS = 500
const PROJECTS = 20
/** Deliveries that arrive in one turn of the event loop, as from thousands of peers sending at once. */
const GROUP = 200
const ROUNDS = 5

const EPOCH_MANAGER = `0x${'1'.repeat(40)}` as Address
const SEQUENCER = `0x${'2'.repeat(40)}` as Address
const key = createSigner(parsePrivateKey('11'.repeat(32)))
const snapshotCid = 'bafkreicecnx2gvntm6fbcrvnc336qze6st5u7qq7457igegamd3bzkx7ri' as Cid

/** CPU microseconds per item, user and system, of this whole process. */
async function cpuPer(count: number, work: () => Promise<void> | void): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / count
}

const median = (values: readonly number[]): number => [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0

/** A listener that hands over what it is given, and resolves when all of it is receipted. */
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
  return {
    listener,
    send(payloads: readonly Uint8Array[]): Promise<void> {
      let open = payloads.length
      return new Promise((resolve, reject) => {
        const deliveries = payloads.map(
          (payload, index): Inbound => ({
            peer: 'bench',
            protocol: 'weft',
            submissionId: crypto.randomUUID(),
            payload,
            respond({ code }) {
              if (code !== 'accepted') reject(new Error(`submission ${index}: ${code}`))
              open -= 1
              if (open === 0) resolve()
            },
          }),
        )
        for (let from = 0; from < deliveries.length; from += GROUP) waiting.push(deliveries.slice(from, from + GROUP))
        wake?.()
      })
    },
  }
}

function createChain() {
  const market = marketOf({
    epochSize: 1,
    sourceBlockTimeSeconds: 1,
    snapshotWindowBlocks: 1_000,
    batchWindowBlocks: 2_000,
    attestationWindowBlocks: 3_000,
    epochManager: EPOCH_MANAGER,
    sequencers: [SEQUENCER],
    validators: [EPOCH_MANAGER],
  })
  const chain = createFakeChain({ clock: systemClock, market, signers: Array.from({ length: SLOTS }, () => key.address), pollMs: 5 })
  const sender = chain.sender({ address: EPOCH_MANAGER, journal: createFakeStore() })
  return {
    chain,
    async release(epoch: number): Promise<void> {
      const call = { kind: 'releaseEpoch', begin: epoch as BlockNumber, end: epoch as BlockNumber } as const
      const sent = sender.send(`release/${epoch}`, call, AbortSignal.timeout(60_000))
      while (chain.pendingCount() === 0) await systemClock.sleep(1)
      chain.mine()
      await sent
    },
  }
}

interface Signed {
  readonly payload: Uint8Array
  readonly digest: Uint8Array
  readonly signature: Uint8Array
}

function signedSubmissions(epoch: number, header: { readonly hash: Hash; readonly number: number }, chain: FakeChain): Signed[] {
  const hasher = createSubmissionHasher(chain)
  return Array.from({ length: SLOTS * PROJECTS }, (_, index) => {
    const request = {
      slotId: ((index % SLOTS) + 1) as SlotId,
      deadlineBlock: (header.number + 500) as BlockNumber,
      snapshotCid,
      epochId: epoch as EpochId,
      projectId: `pairContract_trade_volume:0x${Math.floor(index / SLOTS)
        .toString(16)
        .padStart(40, '0')}:BENCH` as ProjectId,
    }
    const digest = Uint8Array.from(hasher.digest(request))
    const signature = key.sign(digest)
    const submission = { request, signature, header: header.hash, dataMarket: chain.dataMarket, nodeVersion: 'v1.0', protocolState: '' }
    return { payload: encodeSubmission(submission), digest, signature: parseSignature(signature) as Uint8Array }
  })
}

const directory = mkdtempSync(join(tmpdir(), 'weft-bench-'))
process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
// Ctrl-C passes by the end of this file, but not by that handler.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
const store = openSqliteStore({ path: join(directory, 'state.sqlite') })
const stopping = new AbortController()
try {
  const { chain, release } = createChain()
  const handover = createHandover()
  const sequencer = createSequencer(
    {
      epochsKept: 10,
      batchBytesMax: 8_000_000,
      ipfsEpochsKept: 1_000,
      daysKept: 8,
      countsEveryEpochs: 300,
      dayBufferEpochs: 5,
      slotsPerUpdate: 100,
    },
    {
      store,
      chain,
      rules: sameRules({
        namespace: 'BENCH',
        windowUnit: 'blocks',
        deadlineBufferMaxBlocks: 1_000,
        tally: { minVotes: 0, minShareBp: 0 },
        voting: 'open',
        anchoring: 'projects',
        projectsPerBatch: 50,
        projectsPerSlotMax: PROJECTS,
        availability: 'none',
        completeness: 'none',
        batchForm: 'json',
        batchTree: 'either',
      }),
      clock: systemClock,
      random: systemRandom,
      recoverer,
      listener: handover.listener,
      ipfs: createFakeIpfsNetwork().node('sequencer'),
      sender: chain.sender({ address: SEQUENCER, journal: store }),
      report: () => undefined,
    },
  )
  const ended = sequencer.run(stopping.signal)
  while (!sequencer.stats().isReady) await systemClock.sleep(5)

  const count = SLOTS * PROJECTS
  const bare: number[] = []
  const intake: number[] = []
  for (let round = 0; round <= ROUNDS; round += 1) {
    await release(round + 1)
    const header = await chain.head()
    while (sequencer.stats().headBlock !== header.number) await systemClock.sleep(1)
    // The rules of the epoch are asked for when its release is seen: signing, which yields to nobody, must not come before the answer.
    await systemClock.sleep(20)
    const signed = signedSubmissions(round + 1, header, chain)
    const recovery = await cpuPer(count, () => {
      for (const { digest, signature } of signed) if (recoverer.recover(digest, signature) !== key.address) throw new Error('wrong signer')
    })
    const whole = await cpuPer(count, () => handover.send(signed.map(({ payload }) => payload)))
    // The first round warms up.
    if (round === 0) continue
    bare.push(recovery)
    intake.push(whole)
  }
  stopping.abort()
  await ended
  const [recoveryUs, intakeUs] = [median(bare), median(intake)]
  process.stdout.write(
    `intake: ${count} submissions in groups of ${GROUP}, median of ${ROUNDS} rounds, CPU µs per submission\n` +
      `  bare signature recovery      ${recoveryUs.toFixed(1)}\n` +
      `  accepted, durable, receipted ${intakeUs.toFixed(1)}\n` +
      `  ratio                        ${(intakeUs / recoveryUs).toFixed(2)}\n`,
  )
} finally {
  await store.close()
}
