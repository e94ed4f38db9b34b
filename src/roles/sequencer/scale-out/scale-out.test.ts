import { afterEach, expect, test } from 'vitest'
import type { Cid, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import type { Receipt, Submission } from '#domain/submission.ts'
import type { FakeShared } from '#io/log/fake.ts'
import type { Lease } from '#io/log/port.ts'
import { CIDS, createWire, EPOCH_1, open, PROJECTS, signerOf, uuid, type World } from '#roles/sequencer/sequencer.test-world.ts'
import { encodeSubmission } from '#wire/submission-proto.ts'
import { doneWith, named, openParts, type Parts, type Process } from './parts.test-world.ts'

/** The parts of a sequencer together, on fakes. */

const worlds: (World | Parts)[] = []
afterEach(async () => {
  for (const each of worlds.splice(0).reverse()) await each.stop()
})

async function both() {
  const world = await open()
  worlds.push(world)
  const parts = await openParts(world)
  worlds.push(parts)
  return { world, parts }
}

async function apart() {
  const parts = await openParts()
  worlds.push(parts)
  return { world: parts.sealer, parts }
}

const ready = (world: World, ...processes: readonly Process[]) =>
  world.until(() => processes.every(({ events }) => events.includes('ready')))

const vote = (world: World, slotId: number, cid: number, project: number, header?: string) =>
  world.submission({
    slotId: slotId as SlotId,
    snapshotCid: CIDS[cid] as Cid,
    projectId: PROJECTS[project] as ProjectId,
    ...(header !== undefined && { header }),
  })

const codes = (answered: readonly Receipt[]) => answered.map(({ code }) => code)

test('G2: the same submissions give the same batches in one process and in several, byte for byte', async () => {
  const { world, parts } = await both()
  const boxes = [await parts.box(), await parts.box()]
  const [one, other] = [await parts.listener(), await parts.listener()]
  await ready(world, ...boxes)
  await world.release()
  const submissions = []
  for (let slotId = 1; slotId <= 4; slotId += 1)
    for (let project = 0; project < 3; project += 1) submissions.push(named(await vote(world, slotId, slotId === 4 ? 1 : 0, project)))
  // Two votes with one id, and a slot that says two things.
  submissions.push(named(await vote(world, 1, 0, 0), submissions.at(-1)?.[0]))
  const second = named(await vote(world, 2, 2, 1))
  for (const [submissionId, submission] of [...submissions, second]) await world.deliver(submission, { submissionId })
  const answered: Receipt[] = []
  one.push(submissions.slice(0, 7), answered)
  other.push(submissions.slice(7), answered)
  await world.until(() => answered.length === submissions.length)
  other.push([second], answered)
  await world.until(() => answered.length === submissions.length + 1)
  expect(codes(answered).sort()).toEqual([...Array(12).fill('accepted'), 'duplicate', 'vote_conflict'])
  const [whole, apart] = [await doneWith(EPOCH_1, world, world), await doneWith(EPOCH_1, parts.sealer, world)]
  expect(whole.batches).toHaveLength(1)
  expect(apart.batches).toEqual(whole.batches)
  expect([apart.accepted, apart.projects, apart.outvotedSlots]).toEqual([whole.accepted, whole.projects, whole.outvotedSlots])
  const evidence = (store: World['store']) => store.scan('evidence/').map(({ value }) => value)
  expect(evidence(parts.sealer.store)).toEqual(evidence(world.store))
})

test('S2: of two votes of a slot through two listeners at once one counts, and the other is told so', async () => {
  const { world, parts } = await apart()
  await ready(world, await parts.box(), await parts.box())
  const [one, other] = [await parts.listener(), await parts.listener()]
  await world.release()
  const answered: Receipt[] = []
  one.push([named(await vote(world, 3, 0, 0))], answered)
  other.push([named(await vote(world, 3, 1, 0))], answered)
  await world.until(() => answered.length === 2)
  expect(codes(answered).sort()).toEqual(['accepted', 'vote_conflict'])
})

test('S26, G11: copies of what a slot has signed, in whatever letters, use up nothing of its share at a listener', async () => {
  const { world, parts } = await apart()
  await ready(world, await parts.box(), await parts.box())
  const perSlot = { tokensPerSecond: 0, tokensMax: 2 }
  const listener = await parts.listener({ perSlot, perSlotAndEpoch: perSlot })
  await world.release()
  const copy = await vote(world, 1, 0, 0)
  const copies = [copy, copy, { ...copy, signature: copy.signature.toUpperCase() }].map((each) => named(each))
  const answered: Receipt[] = []
  // Those of the first time before any box has answered.
  for (const count of [3, 6, 9]) {
    listener.push(copies, answered)
    await world.until(() => answered.length === count)
  }
  for (const project of [1, 2]) listener.push([named(await vote(world, 1, 0, project))], answered)
  await world.until(() => answered.length === 11)
  expect(codes(answered)).toEqual(['accepted', ...Array(8).fill('duplicate'), 'rate_limited', 'accepted'])
})

test('S9, S11, S30: what comes for a partition that is full costs no signature check, and over /collect it waits for room, as nobody can send it again', async () => {
  const { world, parts } = await apart()
  // Slots with odd numbers have no box.
  await ready(world, await parts.box())
  const listener = await parts.listener()
  await world.release()
  const answered: Receipt[] = []
  const copies = Array<Submission>(2_500).fill(await vote(world, 1, 0, 0))
  for (let part = 0; part < 4; part += 1) {
    listener.push(
      copies.map((each) => named(each)),
      answered,
    )
    await world.clock.advance(100)
  }
  const refused: Receipt[] = []
  const looks = listener.recoveries()
  const submission = await vote(world, 3, 0, 0)
  listener.push([named(submission)], refused)
  await world.until(() => refused.length === 1)
  expect(codes(refused)).toEqual(['inbox_full'])
  const collected: Receipt[] = []
  listener.push([named(submission)], collected, 'collect')
  await world.clock.advance(100)
  expect([collected, listener.recoveries() - looks]).toEqual([[], 0])
  await ready(world, await parts.box())
  await world.until(() => answered.length === 10_000)
  await world.mine(1)
  await world.until(() => collected.length === 1)
  expect(codes(collected)).toEqual(['accepted'])
})

test('S11, S30: what a box lets wait has one seat there, however often it is passed on meanwhile, and nothing of it is lost', async () => {
  const { world, parts } = await apart()
  const wire = createWire()
  await ready(world, await parts.box({ wire }), await parts.box({ wire }))
  const listener = await parts.listener()
  // The boxes do not see the release; the listener does.
  wire.isHeld = () => true
  await world.release()
  const answered: Receipt[] = []
  const copies = Array<Submission>(1_500).fill(await vote(world, 1, 0, 0))
  listener.push(
    copies.map((each) => named(each)),
    answered,
    'collect',
  )
  // Passed on some ten times: more than all seats of a peer.
  await world.clock.advance(10_000)
  expect(answered).toEqual([])
  wire.isHeld = () => false
  await world.until(() => answered.length === copies.length)
  expect(codes(answered).sort()).toEqual(['accepted', ...Array(copies.length - 1).fill('duplicate')])
})

test('S27: the sealer counts when every box has closed the epoch, with all that they took until then', async () => {
  const { world, parts } = await apart()
  const wire = createWire()
  const [first, late] = [await parts.box(), await parts.box({ wire })]
  await ready(world, first, late)
  const listener = await parts.listener()
  await world.release()
  const { header } = await world.submission()
  const answered: Receipt[] = []
  listener.push([named(await vote(world, 1, 0, 0)), named(await vote(world, 2, 0, 0))], answered)
  await world.until(() => answered.length === 2)
  // The box of slots with odd numbers sees no further block; the window is over for everybody else after six.
  wire.isHeld = () => true
  await world.mine(8)
  expect(parts.sealer.sequencer.epoch(EPOCH_1)?.state).toBe('closed')
  const past: Receipt[] = []
  listener.push([named(await vote(world, 3, 0, 0, header))], past)
  await world.until(() => past.length === 1)
  expect(codes(past), 'the listener has seen the end of the window').toEqual(['window_closed'])
  wire.isHeld = () => false
  const record = await doneWith(EPOCH_1, parts.sealer, world)
  expect([record.state, record.accepted]).toEqual(['ended', 2])
})

test('S27: what a listener passes on late a box refuses that has closed the epoch', async () => {
  const { world, parts } = await apart()
  await ready(world, await parts.box(), await parts.box())
  await world.release()
  const submission = await vote(world, 1, 0, 0)
  await world.mine(8)
  // As a listener that is behind would.
  const slow = parts.servers.connect('slow')
  const stopping = new AbortController()
  const heard: unknown[] = []
  void (async () => {
    for await (const answers of slow.answers(stopping.signal)) heard.push(...answers.map(({ receipt }) => receipt?.code))
  })()
  const signer = signerOf(1).address
  slow.pass(1, [{ id: 1, peer: 'p', protocol: 'weft', submissionId: uuid(), payload: encodeSubmission(submission), signer }])
  await world.until(() => heard.length === 1)
  expect(heard).toEqual(['window_closed'])
  stopping.abort()
})

test('S27: a window that a reorganisation opens again stays closed in its partition', async () => {
  const { world, parts } = await apart()
  const boxes = [await parts.box(), await parts.box()]
  await ready(world, ...boxes)
  const listener = await parts.listener()
  await world.release()
  await world.mine(6)
  await world.until(() => boxes.every(({ store }) => store.scan('closed/').length === 1))
  world.chain.reorg(5, { blocks: 1 })
  await world.mine(1)
  const answered: Receipt[] = []
  listener.push([named(await vote(world, 1, 0, 0))], answered)
  await world.until(() => answered.length === 1)
  expect(codes(answered)).toEqual(['window_closed'])
  expect(boxes.map(({ part }) => part.stats().receipts)).toContainEqual({ window_closed: 1 })
})

test('G1: a box that is killed after its append and before its answers, and the log taken over by another: answered as duplicates, counted once', async () => {
  const { world, parts } = await apart()
  await ready(world, await parts.box())
  let died = 0
  /** What it appends after its claim is in the log, and it never hears of that. */
  const dying = await parts.box({
    through: (shared) => ({
      async log(partition) {
        const log = await shared.log(partition)
        return {
          ...log,
          async append(bytes, after) {
            const position = await log.append(bytes, after)
            if (after === 0) return position
            died += 1
            shared.crash()
            return new Promise(() => undefined)
          },
        }
      },
    }),
  })
  await ready(world, dying)
  const listener = await parts.listener()
  await world.release()
  const answered: Receipt[] = []
  listener.push([named(await vote(world, 1, 0, 0)), named(await vote(world, 3, 0, 0))], answered)
  await world.until(() => died === 1)
  dying.crash()
  await world.clock.advance(3_000)
  expect(codes(answered)).toEqual([])
  const next = await parts.box()
  await ready(world, next)
  await world.until(() => answered.length === 2)
  expect(codes(answered)).toEqual(['duplicate', 'duplicate'])
  const record = await doneWith(EPOCH_1, parts.sealer, world)
  expect([record.state, record.accepted]).toEqual(['ended', 2])
})

test('S28: a box that slept while another wrote in its partition acknowledges nothing more of what it knew, and begins anew with what is there', async () => {
  const { world, parts } = await apart()
  await parts.box()
  const asleep = await parts.box()
  await ready(world, asleep)
  const listener = await parts.listener()
  await world.release()
  // It does not hear that its lease is over; another one has appended since.
  const log = await parts.servers.connect('next').log(1)
  await log.append(Uint8Array.of(2), await log.end())
  const answered: Receipt[] = []
  listener.push([named(await vote(world, 1, 0, 0))], answered)
  await world.until(() => asleep.repeated.length === 1)
  expect(asleep.repeated).toEqual(['keep_partition: LOG_MOVED'])
  expect(codes(answered)).toEqual([])
  await world.until(() => answered.length === 1)
  expect(codes(answered)).toEqual(['accepted'])
  expect(asleep.failure()).toBeUndefined()
})

/** A process whose lease ends while it lives, as when servers elect for longer than it lasts. */
function losing() {
  let held: Lease | undefined
  const over = new AbortController()
  return {
    lost: (): void => over.abort(),
    freed: async (): Promise<void> => held?.release(),
    through: (shared: FakeShared): Partial<FakeShared> => ({
      async lease(names, signal) {
        const lease = await shared.lease(names, signal)
        if (held !== undefined) return lease
        held = lease
        return { ...lease, lost: over.signal }
      },
    }),
  }
}

const timesTaken = ({ events }: Process): number => events.filter((event) => event === 'partition_taken').length

test('S28: a box whose lease is over is a spare, and has what others took when it keeps a partition again', async () => {
  const { world, parts } = await apart()
  const lease = losing()
  await ready(world, await parts.box())
  const first = await parts.box({ through: lease.through })
  await ready(world, first)
  const next = await parts.box()
  const listener = await parts.listener()
  await world.release()
  const answered: Receipt[] = []
  const votes = [named(await vote(world, 1, 0, 0)), named(await vote(world, 3, 0, 0))] as const
  listener.push([votes[0]], answered)
  await world.until(() => answered.length === 1)
  await lease.freed()
  await world.until(() => timesTaken(next) === 1)
  lease.lost()
  await world.until(() => first.repeated.length === 1)
  listener.push([votes[1]], answered)
  await world.until(() => answered.length === 2)
  next.crash()
  await world.until(() => timesTaken(first) === 2)
  listener.push([...votes], answered)
  await world.until(() => answered.length === 4)
  expect(first.repeated).toEqual(['keep_partition: LEASE_LOST'])
  expect(codes(answered)).toEqual(['accepted', 'accepted', 'duplicate', 'duplicate'])
  const record = await doneWith(EPOCH_1, parts.sealer, world)
  expect([record.state, record.accepted]).toEqual(['ended', 2])
})

test('S28: a box whose lease is over begins anew when what it wrote last is answered, and not beside it', async () => {
  const { world, parts } = await apart()
  const lease = losing()
  const answer = Promise.withResolvers<void>()
  let waiting = 0
  await ready(world, await parts.box())
  const box = await parts.box({
    through: (shared) => ({
      ...lease.through(shared),
      async log(partition) {
        const log = await shared.log(partition)
        return {
          ...log,
          async append(bytes, after) {
            const position = await log.append(bytes, after)
            // Its claim is answered at once.
            if (after > 0) waiting += 1
            if (waiting === 1) await answer.promise
            return position
          },
        }
      },
    }),
  })
  await ready(world, box)
  await world.release()
  // That the epoch is closed, as one that nobody waits for.
  await world.mine(8)
  await world.until(() => waiting === 1)
  lease.lost()
  await world.clock.advance(5_000)
  expect(timesTaken(box)).toBe(1)
  answer.resolve()
  await world.until(() => timesTaken(box) === 2)
  expect(parts.servers.entries(1).at(-1)?.position, 'claim, mark, claim').toBe(3)
})

test('S8: a sealer that starts late or again counts the same', async () => {
  const { world, parts } = await apart()
  await ready(world, await parts.box(), await parts.box())
  const listener = await parts.listener()
  await world.release()
  const answered: Receipt[] = []
  listener.push([named(await vote(world, 1, 0, 0)), named(await vote(world, 2, 0, 1))], answered)
  await world.until(() => answered.length === 2)
  const again = await parts.sealer.crash()
  worlds.push(again)
  const record = await doneWith(EPOCH_1, again, again)
  expect([record.state, record.accepted]).toEqual(['ended', 2])
})

test('what no batch can hold any more goes from the log, and from the copy of its box', async () => {
  const { world, parts } = await apart()
  const boxes = [await parts.box(), await parts.box()]
  await ready(world, ...boxes)
  const listener = await parts.listener()
  const answered: Receipt[] = []
  for (let epochId = 1; epochId <= 2; epochId += 1) {
    await world.release()
    listener.push([named(await world.submission({ epochId: epochId as EpochId }))], answered)
    await world.until(() => answered.length === epochId)
    await world.mine(25)
  }
  await world.release()
  await world.mine(1)
  const kept = boxes[1]?.store.scan('vote/').length
  expect(kept).toBe(0)
  expect(parts.servers.entries(1).filter(({ position }) => position <= 3)).toEqual([])
  expect(parts.sealer.store.scan('vote/').length, 'the sealer keeps its own').toBeGreaterThan(0)
})
