import { afterAll, expect, test } from 'vitest'
import type { BlockRef } from '#io/chain/port.ts'
import { createSubmissionDialer } from '#io/p2p/dialer.ts'
import { encodeSubmission } from '#wire/submission-proto.ts'
import { LIMIT_MS, within } from './within.ts'
import { projectOf, type World, openWorld, type WeftRole } from './world.ts'

/** G1 on a real process: SIGKILL between receipt and the close of the window loses nothing that was receipted. */

const WINDOW_BLOCKS = 15
const PROJECTS = 30
const SLOTS = 2
/** Receipts after which the process is killed, while the others are still on their way. */
const KILL_AFTER_RECEIPTS = 40

let world: World | undefined
afterAll(async () => world?.close())

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
  world = await openWorld({ chainId: 7_869, windowBlocks: WINDOW_BLOCKS, slots: SLOTS })
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
