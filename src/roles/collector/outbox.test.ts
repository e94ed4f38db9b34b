import { describe, expect, test, vi } from 'vitest'
import type { BlockNumber, Cid, Hash, ProjectId } from '#domain/ids.ts'
import { parseSlotId } from '#domain/ids.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { createSeededRandom } from '#io/keys/random.ts'
import { createFakeStore } from '#io/store/fake.ts'
import type { Store } from '#io/store/port.ts'
import { encodeSubmission } from '#wire/submission-proto.ts'
import { naming, submission } from './collector.test-world.ts'
import { type EndCode, endingOf, type Entry, openOutbox, type Outbox, type OutboxOptions } from './outbox.ts'

const MANY: OutboxOptions = { openMax: 10_000, openPerSlotMax: 10_000, finishedMax: 10_000 }

function open<Disk extends Store>(store: Disk, options: Partial<OutboxOptions> = {}, startMs = 1_000_000) {
  const clock = createVirtualClock({ startMs })
  let readyCount = 0
  const outbox = openOutbox(
    { ...MANY, ...options },
    {
      store,
      clock,
      random: createSeededRandom(startMs),
      onReady: () => {
        readyCount += 1
      },
    },
  )
  return { outbox, clock, store, readyCount: () => readyCount }
}

function take(outbox: Outbox): Entry {
  const entry = outbox.take()
  if (entry === undefined) throw new Error('nothing to take')
  return entry
}

/** Everything that can be taken now, in its order, by project. */
function takeAll(outbox: Outbox): string[] {
  const taken: string[] = []
  for (let entry = outbox.take(); entry !== undefined; entry = outbox.take()) taken.push(projectOf(entry))
  return taken
}

const projectOf = ({ key }: { readonly key: string }) => key.split('\t')[4] as string
const onDisk = (store: Store) => store.scan('out').map(projectOf)
const noteOf = (value: Uint8Array) => JSON.parse(new TextDecoder().decode(value).split('\n')[0] as string)

async function end(outbox: Outbox, code: EndCode = 'accepted'): Promise<void> {
  await outbox.finish(take(outbox), code)
}

describe('what is taken', () => {
  test('C1: a hand-over that the disk refuses is no hand-over, for the same again no more than for the first', async () => {
    const { outbox, store } = open(createFakeStore())
    store.breakDisk()
    const both = [outbox.add(submission(1)), outbox.add(submission(1))]
    const outcomes = await Promise.allSettled(both)
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(outbox.openCount()).toBe(0)
    expect(outbox.take()).toBeUndefined()
    await expect(outbox.add(submission(2))).rejects.toMatchObject({ code: 'STORE_FAILED' })
    expect(onDisk(store.crash())).toEqual([])
  })

  test('G1: a vote that names another block is known only when that is on disk', async () => {
    const { outbox, store } = open(createFakeStore())
    await outbox.add(submission(1))
    let isAnswered = false
    void outbox.add(naming(submission(1), '0f')).then(() => {
      isAnswered = true
    })
    for (let step = 0; step < 50; step += 1) await Promise.resolve()
    expect(isAnswered).toBe(false)
    const lost = open(store.crash())
    expect(lost.outbox.payload(take(lost.outbox))).toEqual(encodeSubmission(submission(1)))
    expect(await lost.outbox.add(naming(submission(1), '0f'))).toBe('known')
    const kept = open(lost.store.crash())
    expect(kept.outbox.payload(take(kept.outbox))).toEqual(encodeSubmission(naming(submission(1), '0f')))
  })

  test('it is ready to be sent, and says so, only when it is on disk', async () => {
    const { outbox, readyCount } = open(createFakeStore())
    const adding = outbox.add(submission(1))
    expect([outbox.openCount(), readyCount(), outbox.take()]).toEqual([0, 0, undefined])
    await adding
    expect([outbox.openCount(), readyCount()]).toEqual([1, 1])
    expect(outbox.payload(take(outbox))).toEqual(encodeSubmission(submission(1)))
  })

  test('C8: whatever makes another vote has a place of its own, a signature or the spelling of the market has none', async () => {
    const { outbox } = open(createFakeStore())
    const one = submission(1)
    const request = (changes: object) => ({ ...one, request: { ...one.request, ...changes } })
    const others = [
      one,
      submission(1, 8),
      request({ slotId: parseSlotId(2) }),
      request({ projectId: 'p2:N' as ProjectId }),
      request({ snapshotCid: 'bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy' as Cid }),
      { ...one, dataMarket: `0x${'01'.repeat(20)}` },
    ]
    for (const other of others) expect(await outbox.add(other)).toBe('new')
    const same = [
      { ...one, signature: 'cd'.repeat(65) },
      { ...one, dataMarket: one.dataMarket.toUpperCase().replace('0X', '0x') },
      { ...one, nodeVersion: 'v9' },
    ]
    for (const other of same) expect(await outbox.add(other)).toBe('known')
    expect(outbox.openCount()).toBe(others.length)
  })

  test.each<[EndCode, 'new' | 'known']>([
    ['accepted', 'known'],
    ['duplicate', 'known'],
    ['simulated', 'known'],
    ['unacknowledged', 'known'],
    ['deadline_passed', 'new'],
    ['vote_conflict', 'new'],
    ['window_closed', 'new'],
    ['too_old', 'new'],
  ])('C8: after %s the same again is %s, also after a restart', async (code, expected) => {
    const first = open(createFakeStore())
    await first.outbox.add(submission(1))
    const entry = take(first.outbox)
    const { submissionId } = entry
    await first.outbox.finish(entry, code)
    const { outbox } = open(first.store.crash(), {}, 2_000_000)
    expect(await outbox.add(submission(1))).toBe(expected)
    expect(outbox.openCount()).toBe(expected === 'new' ? 1 : 0)
    // A new entry is a new delivery, under an id of its own.
    if (expected === 'new') expect(take(outbox).submissionId).not.toBe(submissionId)
  })

  test.each<EndCode>(['accepted', 'unacknowledged', 'deadline_passed', 'too_old'])(
    'C8: after %s a vote that names another block is a new entry, and known while it waits',
    async (code) => {
      const { outbox } = open(createFakeStore())
      await outbox.add(submission(1))
      await end(outbox, code)
      expect(await outbox.add(naming(submission(1), '0f'))).toBe('new')
      expect(await outbox.add(naming(submission(1), '0f'))).toBe('known')
      expect(outbox.payload(take(outbox))).toEqual(encodeSubmission(naming(submission(1), '0f')))
    },
  )

  test('C8: naming another block keeps the id, the age and the place', async () => {
    const { outbox, clock, store } = open(createFakeStore())
    await outbox.add(submission(1))
    await outbox.add(submission(2))
    const before = noteOf(store.scan('out')[0]?.value as Uint8Array)
    await clock.advance(900)
    await outbox.add(naming(submission(1), '0f'))
    expect(noteOf(store.scan('out')[0]?.value as Uint8Array)).toEqual({ ...before, header: naming(submission(1), '0f').header })
    expect(outbox.waiting().map(({ firstSeenMs }) => firstSeenMs)).toEqual([1_000_000, 1_000_000])
    expect(takeAll(outbox)).toEqual(['p1:N', 'p2:N'])
  })

  test('C8: only what is in flight is renewed by naming another block, and taking it again makes it as any other', async () => {
    const { outbox } = open(createFakeStore())
    await outbox.add(submission(1))
    await outbox.add(naming(submission(1), '0a'))
    const entry = take(outbox)
    expect(entry.isRenewed).toBe(false)
    await outbox.add(naming(submission(1), '0b'))
    expect(entry.isRenewed).toBe(true)
    // The same block again, after the new one, takes nothing of that away.
    await outbox.add(naming(submission(1), '0b'))
    expect(entry.isRenewed).toBe(true)
    outbox.putBack(entry, 0)
    expect(take(outbox)).toBe(entry)
    expect(entry.isRenewed).toBe(false)
  })

  test('C2: the limit counts what is on its way to the disk, and frees a place with every end', async () => {
    const { outbox } = open(createFakeStore(), { openMax: 2 })
    const outcomes = await Promise.allSettled([1, 2, 3].map((index) => outbox.add(submission(index))))
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
    await expect(outbox.add(submission(3))).rejects.toMatchObject({ code: 'QUEUE_FULL', facts: { queue: 'outbox', lengthMax: 2 } })
    // What is taken already needs no place.
    expect(await outbox.add(submission(1))).toBe('known')
    expect(await outbox.add(naming(submission(2), '0f'))).toBe('known')
    // In flight is not ended.
    const entry = take(outbox)
    await expect(outbox.add(submission(3))).rejects.toMatchObject({ code: 'QUEUE_FULL' })
    await outbox.finish(entry, 'accepted')
    expect(await outbox.add(submission(3))).toBe('new')
    expect(outbox.openCount()).toBe(2)
  })
})

test('from hand-over to end the store is written to and asked nothing; of another life it is asked once', async () => {
  const store = createFakeStore()
  const { outbox } = open(store)
  const asked = vi.spyOn(store, 'get')
  for (const index of [1, 2]) await outbox.add(submission(index))
  const entry = take(outbox)
  expect([outbox.payload(entry), outbox.submission(entry)]).toEqual([encodeSubmission(submission(1)), submission(1)])
  await outbox.finish(entry, 'accepted')
  expect(asked).not.toHaveBeenCalled()
  const crashed = store.crash()
  const askedAgain = vi.spyOn(crashed, 'get')
  const again = open(crashed).outbox
  expect(again.submission(take(again))).toEqual(submission(2))
  expect(askedAgain).toHaveBeenCalledTimes(1)
})

describe('what is taken to be sent', () => {
  test('C4: the smallest epoch, then the order of acceptance, whatever was put back before', async () => {
    const { outbox } = open(createFakeStore())
    for (const [index, epoch] of [10, 9, 10, 100, 9].entries()) await outbox.add(submission(index, epoch))
    const first = take(outbox)
    expect(projectOf(first)).toBe('p1:N')
    outbox.putBack(first, 0)
    expect(takeAll(outbox)).toEqual(['p1:N', 'p4:N', 'p0:N', 'p2:N', 'p3:N'])
  })

  test('C5: what is in flight is not taken again', async () => {
    const { outbox } = open(createFakeStore())
    await outbox.add(submission(1))
    take(outbox)
    await outbox.add(submission(1))
    await outbox.add(naming(submission(1), '0f'))
    expect(outbox.take()).toBeUndefined()
  })

  test('what waits is due at its time, not before, and counts its attempts', async () => {
    const { outbox, clock, readyCount } = open(createFakeStore())
    await outbox.add(submission(1))
    await clock.advance(70)
    const entry = take(outbox)
    expect(entry.attempts).toBe(1)
    const before = readyCount()
    outbox.putBack(entry, 500)
    expect(readyCount()).toBe(before + 1)
    expect(outbox.nextDueMs()).toBe(clock.nowMs() + 500)
    await clock.advance(499)
    expect(outbox.take()).toBeUndefined()
    await clock.advance(1)
    expect(take(outbox)).toBe(entry)
    expect(entry.attempts).toBe(2)
    expect(outbox.nextDueMs()).toBeUndefined()
  })

  test('what is due comes in the order of epochs, not of when it became due', async () => {
    const { outbox, clock } = open(createFakeStore())
    for (const [index, epoch] of [8, 7].entries()) await outbox.add(submission(index, epoch))
    const [seventh, eighth] = [take(outbox), take(outbox)]
    outbox.putBack(eighth, 300)
    outbox.putBack(seventh, 100)
    expect(outbox.nextDueMs()).toBe(clock.nowMs() + 100)
    await clock.advance(300)
    expect(takeAll(outbox)).toEqual(['p1:N', 'p0:N'])
  })

  test.each([0, 100])('C6: what ended while it waited (%i ms) is never sent', async (delayMs) => {
    const { outbox, clock } = open(createFakeStore())
    await outbox.add(submission(1))
    const entry = take(outbox)
    outbox.putBack(entry, delayMs)
    await outbox.finish(entry, 'too_old')
    await outbox.add(submission(2))
    await clock.advance(delayMs)
    expect(takeAll(outbox)).toEqual(['p2:N'])
  })
})

describe('what has ended', () => {
  test.each<[EndCode, string]>([
    ['accepted', 'acknowledged'],
    ['duplicate', 'acknowledged'],
    ['simulated', 'acknowledged'],
    ['unacknowledged', 'sent'],
    ['window_closed', 'expired'],
    ['too_old', 'expired'],
    ['vote_conflict', 'rejected'],
    ['submission_malformed', 'rejected'],
  ])('%s ends an entry as %s', (code, ending) => {
    expect(endingOf(code)).toBe(ending)
  })

  test('G1: an end counts when it is on disk, with its reason, and the payload goes', async () => {
    const { outbox, clock, store } = open(createFakeStore())
    await outbox.add(submission(1))
    const entry = take(outbox)
    await clock.advance(70)
    let isDone = false
    const finishing = outbox.finish(entry, 'vote_conflict').then((ending) => {
      isDone = true
      return ending
    })
    for (let step = 0; step < 50; step += 1) await Promise.resolve()
    expect(isDone).toBe(false)
    expect(await finishing).toBe('rejected')
    const value = store.crash().scan('out')[0]?.value as Uint8Array
    expect(noteOf(value)).toEqual({
      submissionId: entry.submissionId,
      header: submission(1).header,
      firstSeenMs: 1_000_000,
      state: 'rejected',
      lastCode: 'vote_conflict',
      attempts: 1,
      finishedMs: 1_000_070,
    })
    expect(value.at(-1)).toBe(0x0a)
  })

  test('G1: an end that the disk refuses is none: after a restart the entry goes on', async () => {
    const { outbox, store } = open(createFakeStore())
    await outbox.add(submission(1))
    const entry = take(outbox)
    store.breakDisk()
    await expect(outbox.finish(entry, 'accepted')).rejects.toMatchObject({ code: 'STORE_FAILED' })
    const { outbox: again } = open(store.crash())
    expect(take(again).submissionId).toBe(entry.submissionId)
  })

  test('C6: what is on its way to its end is open no more, nor does it wait', async () => {
    const { outbox } = open(createFakeStore())
    await outbox.add(submission(1))
    await outbox.add(submission(2))
    const finishing = outbox.finish(take(outbox), 'accepted')
    expect(outbox.waiting().map(projectOf)).toEqual(['p2:N'])
    expect(outbox.openCount()).toBe(1)
    await finishing
  })

  test('C6: what is open and not in flight waits, in the order of acceptance, due or not', async () => {
    const { outbox } = open(createFakeStore())
    for (const index of [1, 2, 3]) await outbox.add(submission(index))
    const flying = take(outbox)
    outbox.putBack(take(outbox), 5_000)
    expect(outbox.waiting().map(projectOf)).toEqual(['p2:N', 'p3:N'])
    outbox.putBack(flying, 0)
    expect(outbox.waiting().map(projectOf)).toEqual(['p1:N', 'p2:N', 'p3:N'])
  })

  test('C2: of what has ended the newest are remembered, on disk too', async () => {
    const { outbox, store } = open(createFakeStore(), { finishedMax: 2 })
    for (const index of [1, 2, 3]) {
      await outbox.add(submission(index))
      await end(outbox)
    }
    expect(onDisk(store.crash())).toEqual(['p2:N', 'p3:N'])
  })

  test('C2: the oldest end is forgotten first after a restart too, and never the youngest', async () => {
    const first = open(createFakeStore(), { finishedMax: 3 })
    // They end in another order than that of their keys, and than that in which they came.
    for (const index of [2, 1, 3]) await first.outbox.add(submission(index))
    const [second, one, third] = [take(first.outbox), take(first.outbox), take(first.outbox)]
    for (const entry of [third, one, second]) {
      await first.clock.advance(10)
      await first.outbox.finish(entry, 'accepted')
    }
    const { outbox, store } = open(first.store.crash(), { finishedMax: 2 }, 2_000_000)
    await outbox.add(submission(4))
    await end(outbox)
    expect(onDisk(store.crash())).toEqual(['p2:N', 'p4:N'])
  })

  test('G1, C2: a vote handed over again is not forgotten while it is queued, and counts by its newest end', async () => {
    const first = open(createFakeStore(), { finishedMax: 1 })
    await first.outbox.add(submission(1))
    await end(first.outbox, 'vote_conflict')
    await first.outbox.add(submission(1))
    const queued = take(first.outbox)
    for (const index of [2, 3]) {
      await first.outbox.add(submission(index))
      await end(first.outbox)
    }
    expect(onDisk(first.store)).toEqual(['p1:N', 'p3:N'])
    const { outbox, store } = open(first.store.crash(), { finishedMax: 1 }, 2_000_000)
    const again = take(outbox)
    expect(again.submissionId).toBe(queued.submissionId)
    expect(outbox.payload(again)).toEqual(encodeSubmission(submission(1)))
    await outbox.finish(again, 'accepted')
    expect(onDisk(store.crash())).toEqual(['p1:N'])
  })

  test('C2: what finds no place is still remembered as ended, and forgotten in its turn', async () => {
    const { outbox, store } = open(createFakeStore(), { openMax: 1, finishedMax: 1 })
    await outbox.add(submission(1))
    await end(outbox, 'vote_conflict')
    await outbox.add(submission(2))
    await expect(outbox.add(submission(1))).rejects.toMatchObject({ code: 'QUEUE_FULL' })
    await end(outbox)
    expect(onDisk(store.crash())).toEqual(['p2:N'])
  })
})

describe('C18: what the batches say', () => {
  const EPOCH = submission(1).request.epochId
  const AS_OF = { number: 7 as BlockNumber, hash: `0x${'7'.repeat(64)}` as Hash }

  test('is written down once, beside what is known of the end, and outlasts a restart', async () => {
    const { outbox, store } = open(createFakeStore())
    for (const [index, code] of (['accepted', 'unacknowledged', 'signer_mismatch', 'window_over'] as const).entries()) {
      await outbox.add(submission(index))
      await end(outbox, code)
    }
    await outbox.add(submission(4))
    expect([outbox.unjudgedEpochs(), outbox.unjudged(EPOCH).map(({ projectId }) => projectId)]).toEqual([[EPOCH], ['p0:N', 'p1:N']])
    const judge = (by: Outbox) => by.judge(EPOCH, ({ projectId }) => (projectId === 'p1:N' ? 'missing' : undefined), AS_OF)
    expect(await judge(outbox)).toMatchObject([{ projectId: 'p1:N', fate: 'missing' }])
    expect(await judge(outbox)).toEqual([])
    const again = open(store.crash())
    expect(await judge(again.outbox)).toEqual([])
    expect(again.outbox.unjudged(EPOCH).map(({ projectId }) => projectId)).toEqual(['p0:N'])
    expect(noteOf(again.store.scan('out')[1]?.value as Uint8Array)).toMatchObject({
      ...{ state: 'sent', lastCode: 'unacknowledged', attempts: 1, fate: 'missing' },
    })
  })

  test('is taken back where it was seen in a block above another, and no further', async () => {
    const { outbox, store } = open(createFakeStore())
    for (const index of [1, 2]) {
      await outbox.add(submission(index))
      await end(outbox)
      await outbox.judge(EPOCH, () => 'included', { ...AS_OF, number: (AS_OF.number + index) as BlockNumber })
    }
    expect(outbox.judgedAfter(8 as BlockNumber)).toEqual([{ epochId: EPOCH, asOf: { ...AS_OF, number: 9 } }])
    await outbox.takeBack(EPOCH, 8 as BlockNumber)
    expect(outbox.judgedAfter(0 as BlockNumber)).toEqual([{ epochId: EPOCH, asOf: { ...AS_OF, number: 8 } }])
    expect(
      open(store.crash())
        .outbox.unjudged(EPOCH)
        .map(({ projectId }) => projectId),
    ).toEqual(['p2:N'])
  })
})

describe('C3: after a restart', () => {
  test('everything that has no end is due at once, in the order of acceptance, under its id and with its age', async () => {
    const first = open(createFakeStore())
    const ids: string[] = []
    for (const index of [3, 1, 2]) {
      await first.outbox.add(submission(index))
      await first.clock.advance(10)
    }
    for (let entry = first.outbox.take(); entry !== undefined; entry = first.outbox.take()) {
      ids.push(entry.submissionId)
      first.outbox.putBack(entry, 10_000)
      if (ids.length === 3) break
    }
    const { outbox, clock } = open(first.store.crash(), {}, 1_000_000 + 990)
    expect(outbox.openCount()).toBe(3)
    await clock.advance(10)
    const again = [take(outbox), take(outbox), take(outbox)]
    expect(again.map(projectOf)).toEqual(['p3:N', 'p1:N', 'p2:N'])
    expect(again.map(({ submissionId }) => submissionId)).toEqual(ids)
    expect(again.map(({ firstSeenMs }) => firstSeenMs)).toEqual([1_000_000, 1_000_010, 1_000_020])
  })

  test('C4: epochs keep their order, however many digits they have', async () => {
    const first = open(createFakeStore())
    for (const [index, epoch] of [100, 9, 10].entries()) await first.outbox.add(submission(index, epoch))
    expect(takeAll(open(first.store.crash()).outbox)).toEqual(['p1:N', 'p2:N', 'p0:N'])
  })

  test('an outbox of thousands is read to its last entry', async () => {
    const first = open(createFakeStore())
    await Promise.all(Array.from({ length: 2_001 }, (_, index) => first.outbox.add(submission(index))))
    const { outbox } = open(first.store.crash())
    expect(outbox.openCount()).toBe(2_001)
    expect(new Set(takeAll(outbox)).size).toBe(2_001)
  })

  test('the limit counts what an earlier life left', async () => {
    const first = open(createFakeStore())
    await first.outbox.add(submission(1))
    const { outbox } = open(first.store.crash(), { openMax: 1 })
    await expect(outbox.add(submission(2))).rejects.toMatchObject({ code: 'QUEUE_FULL' })
  })

  test('says since when the oldest waits, also of an earlier life, and what is finished no more', async () => {
    const first = open(createFakeStore())
    expect(first.outbox.oldestMs()).toBeUndefined()
    await first.outbox.add(submission(1))
    await first.clock.advance(10)
    await first.outbox.add(submission(2))
    const { outbox } = open(first.store.crash(), {}, 2_000_000)
    expect([first.outbox.oldestMs(), outbox.oldestMs()]).toEqual([1_000_000, 1_000_000])
    await end(outbox)
    expect(outbox.oldestMs()).toBe(1_000_010)
  })

  test('keys of others in the same store are left alone', async () => {
    const store = createFakeStore()
    await store.commit([{ key: 'outer', value: Uint8Array.of(1) }])
    expect(open(store).outbox.openCount()).toBe(0)
  })
})
