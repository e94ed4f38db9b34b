import { afterAll, expect, test } from 'vitest'
import type { BlockNumber } from '#domain/ids.ts'
import type { BlockRef } from '#io/chain/port.ts'
import { createSubmissionDialer } from '#io/p2p/dialer.ts'
import { encodeSubmission } from '#wire/submission-proto.ts'
import { freePorts } from './free-ports.ts'
import { LIMIT_MS, within } from './within.ts'
import { projectOf, type World, openWorld, type WeftRole } from './world.ts'

/** G1 and G4 on real processes, ended by SIGKILL at moments that are seen from outside. */

const WINDOW_BLOCKS = 15
const PROJECTS = 30
const SLOTS = 2
/** Receipts after which the process is killed, while the others are still on their way. */
const KILL_AFTER_RECEIPTS = 40

const worlds: World[] = []
afterAll(async () => {
  for (const world of worlds) await world.close()
})

/** Signed submissions of every slot for every project, by submission id. */
function signedSubmissions({ sign }: World, header: BlockRef): Map<string, Uint8Array> {
  const submissions = new Map<string, Uint8Array>()
  for (let project = 0; project < PROJECTS; project += 1) {
    for (let slotId = 1; slotId <= SLOTS; slotId += 1) {
      const submission = sign({ project: projectOf(String(project)), header, epochId: 1, slotId })
      submissions.set(crypto.randomUUID(), encodeSubmission(submission))
    }
  }
  return submissions
}

/** Sends everything at once; returns the ids whose receipts came before the link ended. */
async function submitUntilKilled(address: string, submissions: ReadonlyMap<string, Uint8Array>, victim: WeftRole): Promise<Set<string>> {
  const dialer = await createSubmissionDialer({ identity: crypto.getRandomValues(new Uint8Array(32)) })
  const receipted = new Set<string>()
  try {
    const link = await dialer.dial(address, AbortSignal.timeout(10_000))
    const sending = [...submissions].map(async ([submissionId, payload], index) => {
      // The last third waits for receipts of the rest, so that the kill falls between deliveries.
      if (index >= KILL_AFTER_RECEIPTS) await victim.until(`${KILL_AFTER_RECEIPTS} receipts`, () => receipted.size >= KILL_AFTER_RECEIPTS)
      const receipt = await link.send({ submissionId, payload })
      expect(receipt).toMatchObject({ code: 'accepted' })
      receipted.add(submissionId)
      if (receipted.size === KILL_AFTER_RECEIPTS + 5) victim.child.kill('SIGKILL')
    })
    const told = () => `${receipted.size} receipts, and from the sequencer:\n${victim.output()}`
    await within(Promise.allSettled(sending), {
      awaited: 'a receipt or the end of the link for each submission',
      limitMs: 2 * LIMIT_MS,
      told,
    })
  } finally {
    await dialer.stop()
  }
  return receipted
}

test('a sequencer killed between receipt and close of the window finalizes every receipted submission after its restart', async () => {
  const world = await openWorld({ chainId: 7_869, windowBlocks: WINDOW_BLOCKS, slots: SLOTS })
  worlds.push(world)
  const { chain } = world
  const first = await world.startSequencer()
  const { epochId, header } = await world.releaseEpoch()

  const receipted = await submitUntilKilled(first.places['p2p']?.[0] as string, signedSubmissions(world, header), first)
  await first.ended()
  expect(receipted.size).toBeGreaterThanOrEqual(KILL_AFTER_RECEIPTS)
  expect((await chain.head()).number, 'the window is still open').toBeLessThanOrEqual(header.number + WINDOW_BLOCKS)

  const second = await world.startSequencer(first.dataDir)
  const batched = await world.batched(epochId, second)
  expect([...receipted].filter((id) => !batched.has(id))).toEqual([])
  const status = await chain.snapshotStatus(projectOf('0'), epochId)
  expect(status.status).toBe('pending')
}, 150_000)

/** Small batches, so that there are several; one place on IPFS over all lives, so that the validator finds it again. */
const PROJECTS_PER_BATCH = 10
const BATCHES = PROJECTS / PROJECTS_PER_BATCH

async function submitAll(address: string, submissions: ReadonlyMap<string, Uint8Array>): Promise<void> {
  const dialer = await createSubmissionDialer({ identity: crypto.getRandomValues(new Uint8Array(32)) })
  try {
    const link = await dialer.dial(address, AbortSignal.timeout(10_000))
    const receipts = await Promise.all([...submissions].map(([submissionId, payload]) => link.send({ submissionId, payload })))
    for (const receipt of receipts) expect(receipt).toMatchObject({ code: 'accepted' })
  } finally {
    await dialer.stop()
  }
}

/** Waits for the moment, then ends the process at once; starts it again on what it has left behind. */
async function killedWhen(
  role: WeftRole,
  moment: string,
  goal: () => Promise<boolean>,
  restart: () => Promise<WeftRole>,
): Promise<WeftRole> {
  await role.until(moment, goal)
  role.child.kill('SIGKILL')
  await role.ended()
  return restart()
}

test('S4, V2: a sequencer and a validator killed in the midst of their calls, on a chain that is rewritten besides, make each call once', async () => {
  const world = await openWorld({ chainId: 7_870, windowBlocks: 7, slots: SLOTS })
  worlds.push(world)
  const { chain, accounts, callsOf } = world
  const flags = ['--projects-per-batch', String(PROJECTS_PER_BATCH), '--ipfs-listen', `/ip4/127.0.0.1/tcp/${(await freePorts(1))[0]}`]
  let sequencer = await world.startSequencer(undefined, flags)
  let validator = await world.startValidator(sequencer)
  const [sequencerAgain, validatorAgain] = [
    () => world.startSequencer(sequencer.dataDir, flags),
    () => world.startValidator(sequencer, validator.dataDir),
  ]
  const attestedBefore = await callsOf(accounts.owner, 'latest')
  const { epochId, header } = await world.releaseEpoch()
  const submissions = signedSubmissions(world, header)
  await submitAll(sequencer.places['p2p']?.[0] as string, submissions)

  const isCalling = async () => (await callsOf(accounts.sequencer, 'pending')) > 0
  sequencer = await killedWhen(sequencer, 'the first batch in the pool', isCalling, sequencerAgain)
  const isAnchored = async () => (await chain.batchCids(epochId)).length > 0
  sequencer = await killedWhen(sequencer, 'the first batch on chain', isAnchored, sequencerAgain)
  const isAttesting = async () => (await callsOf(accounts.owner, 'pending')) > attestedBefore
  validator = await killedWhen(validator, 'the first attestation in the pool', isAttesting, validatorAgain)
  const isAttested = async () => (await callsOf(accounts.owner, 'latest')) > attestedBefore
  validator = await killedWhen(validator, 'the first attestation on chain', isAttested, validatorAgain)

  const batched = await world.batched(epochId, sequencer)
  expect([...submissions.keys()].filter((id) => !batched.has(id))).toEqual([])
  const isFinal = async (): Promise<boolean> => {
    const batchCids = await chain.batchCids(epochId)
    const batches = await Promise.all(batchCids.map((batchCid) => chain.batch(epochId, batchCid)))
    return batches.length === BATCHES && batches.every((batch) => batch?.isFinalized) && (await chain.isEpochEnded(epochId))
  }
  await validator.until('every batch being final', isFinal)
  const before = await chain.batchCids(epochId)
  const attested = attestedBefore + BATCHES
  const { number: head } = await chain.head()
  let depth = 3
  // On a busy machine some blocks more may lie above the last attestation.
  while ((await callsOf(accounts.owner, (head - depth) as BlockNumber)) === attested) depth += 1
  await world.reorg(depth + (await chain.head()).number - head)
  expect(await callsOf(accounts.owner, 'latest'), 'an attestation is gone').toBeLessThan(attested)
  await validator.until('what was taken being back', isFinal)
  expect(await chain.batchCids(epochId)).toEqual(before)
  // Each batch, the end and each attestation: no call more, none refused and made anew, no gap.
  expect(await callsOf(accounts.sequencer, 'pending')).toBe(BATCHES + 1)
  expect(await callsOf(accounts.owner, 'pending')).toBe(attested)
}, 150_000)
