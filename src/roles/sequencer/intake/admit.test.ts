import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { BlockNumber, Cid, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import { isFinal, REJECTIONS } from '#domain/rejection.ts'
import type { Receipt, Submission } from '#domain/submission.ts'
import { recoverer } from '#io/keys/secp256k1.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { epochKey } from '#roles/sequencer/keys.ts'
import {
  CIDS,
  createDisk,
  createWire,
  EPOCH_1,
  MANAGER,
  open,
  PROJECTS,
  sealed,
  signerOf,
  uuid,
  vote,
  type World,
} from '#roles/sequencer/sequencer.test-world.ts'
import { createSubmissionHasher } from '#wire/eip712.ts'
import { signedRootOf } from '#wire/receipt.ts'
import { encodeSubmission, SUBMISSION_BYTES_MAX } from '#wire/submission-proto.ts'
import { decodeBallot } from './ballot.ts'

const isVote = (key: string) => key.startsWith('vote/')

/** A released epoch, and a disk that tests hold up and look at. */
async function releasedOn() {
  const disk = createDisk()
  const world = await open({ disk })
  await world.release()
  return { disk, world }
}

/** As a group of its own: what comes together before the sequencer has taken it is one. */
async function pushAlone(world: World, group: readonly (Submission | Uint8Array)[], answered: Receipt[]): Promise<void> {
  world.push(group, answered)
  await world.clock.advance(1)
}

/** Nothing of the groups is answered while the disk holds such writes; their codes once it lets go. */
async function heldAt(
  { disk, world }: Awaited<ReturnType<typeof releasedOn>>,
  concerns: (key: string) => boolean,
  groups: readonly (readonly Submission[])[],
): Promise<string[]> {
  const release = disk.hold(concerns)
  const answered: Receipt[] = []
  for (const group of groups) await pushAlone(world, group, answered)
  await world.clock.advance(1_000)
  expect(answered).toEqual([])
  release()
  await world.until(() => answered.length === groups.flat().length)
  return answered.map(({ code }) => code)
}

describe('S1: a receipt', () => {
  test('waits for the disk, accepted as well as duplicate, however many turns that takes', async () => {
    const { disk, world } = await releasedOn()
    const submission = await world.submission()
    expect(await heldAt({ disk, world }, isVote, [[submission], [submission]])).toEqual(['accepted', 'duplicate'])
    await world.stop()
  })

  test('of a simulation, and of a conflict that is kept as evidence, waits for it too', async () => {
    const { disk, world } = await releasedOn()
    await vote(world, 1, 0)
    const group = [await world.submission({ epochId: 0 as EpochId }), await world.submission({ snapshotCid: CIDS[1] as Cid })]
    expect(await heldAt({ disk, world }, (key) => /^(simulated|evidence)/.test(key), [group])).toEqual(['simulated', 'vote_conflict'])
    await world.stop()
  })

  test('follows the one commit of its group, and comes in the order of the deliveries', async () => {
    const disk = createDisk()
    const world = await open({ disk })
    await world.release()
    const submissions = await Promise.all([1, 2, 3].map((slot) => world.submission({ slotId: slot as SlotId })))
    const answered: Receipt[] = []
    world.push([...submissions, new Uint8Array(3), submissions[0] as Submission], answered)
    await world.until(() => answered.length === 5)
    expect(answered.map(({ code }) => code)).toEqual(['accepted', 'accepted', 'accepted', 'submission_malformed', 'duplicate'])
    expect(new Set(answered.map(({ submissionId }) => submissionId)).size).toBe(5)
    const votes = disk.commits.filter((writes) => writes.some(({ key }) => isVote(key)))
    expect(votes.map((writes) => writes.length)).toEqual([3])
    await world.stop()
  })

  test('is never sent when the disk fails: not for the group, not for any after it; the role ends with the reason', async () => {
    const disk = createDisk()
    const world = await open({ disk })
    await world.release()
    const submission = await world.submission()
    disk.fail(isVote)
    const answered: Receipt[] = []
    // More than two groups in one go: those behind hold nothing but what the first has lost.
    world.push(Array(1_000).fill(submission), answered)
    await world.clock.advance(1)
    world.push([submission], answered)
    await expect(world.until(() => answered.length > 0)).rejects.toMatchObject({ code: 'STORE_FAILED' })
    await expect(world.ended).rejects.toMatchObject({ code: 'STORE_FAILED' })
    expect(answered).toEqual([])
    expect(world.sequencer.stats().isReady).toBe(false)
  })
})

describe('S2: while signatures are looked at', () => {
  /** Each look takes until the test lets go of it. */
  async function releasedWithLooks() {
    const looks: PromiseWithResolvers<void>[] = []
    const world = await open({
      recovering() {
        const look = Promise.withResolvers<void>()
        looks.push(look)
        return look.promise
      },
    })
    await world.release()
    return { world, looks }
  }

  test.each<[string, (world: World) => Promise<void>, string]>([
    ['the window may close', (world) => world.mine(6), 'window_closed'],
    [
      'a reorganisation may take the block away that the vote names',
      (world) => {
        world.chain.reorg(1)
        return world.mine(1)
      },
      'header_unknown',
    ],
  ])('%s: the vote is refused, by the view of the moment in which it would be recorded', async (_, change, code) => {
    const { world, looks } = await releasedWithLooks()
    await world.mine(1)
    const answered: Receipt[] = []
    await pushAlone(world, [await world.submission()], answered)
    await change(world)
    expect(answered).toEqual([])
    looks[0]?.resolve()
    await world.until(() => answered.length === 1)
    expect([answered[0]?.code, world.store.scan('vote/')]).toEqual([code, []])
    await world.stop()
  })

  test('of two groups the later one may be known first: the vote that came first counts all the same', async () => {
    const { world, looks } = await releasedWithLooks()
    const answered: Receipt[] = []
    await pushAlone(world, [await world.submission()], answered)
    await pushAlone(world, [await world.submission({ snapshotCid: CIDS[1] as Cid })], answered)
    looks[1]?.resolve()
    await world.clock.advance(1_000)
    expect(answered).toEqual([])
    looks[0]?.resolve()
    await world.until(() => answered.length === 2)
    expect(answered.map(({ code }) => code)).toEqual(['accepted', 'vote_conflict'])
    await world.stop()
  })

  test('a slot has no more than its share, however many are looked at together', async () => {
    const perSlot = { tokensPerSecond: 0, tokensMax: 2 }
    const world = await open({ counts: { slotLimits: { perSlot, perSlotAndEpoch: perSlot } } })
    await world.release()
    const answered: Receipt[] = []
    const { number } = await world.chain.head()
    const later = await Promise.all([1, 2, 3].map((by) => world.submission({ deadlineBlock: (number + by) as BlockNumber })))
    await pushAlone(world, [...Array(3).fill(await world.submission()), ...later], answered)
    await world.until(() => answered.length === 6)
    const codes = answered.map(({ code }) => code)
    expect(codes).toEqual(['accepted', 'duplicate', 'duplicate', 'duplicate', 'rate_limited', 'rate_limited'])
    await world.stop()
  })
})

describe('S31: while the disk is full', () => {
  const refusals = (world: World) => world.sequencer.stats().receipts.disk_full

  test('what would be recorded is to be sent again: unsigned, uncounted, and a duplicate when there is room; nothing ends', async () => {
    const signer = signerOf(4)
    const world = await open({ receiptSigner: signer })
    await world.release()
    const [first, second] = [await world.submission(), await world.submission({ slotId: 2 as SlotId })]
    const group = [first, first, await world.submission({ snapshotCid: CIDS[1] as Cid }), new Uint8Array(3)]
    world.store.setRoom(false)
    const answered: Receipt[] = []
    await pushAlone(world, group, answered)
    await world.until(() => answered.length === group.length)
    // Of what was not on the disk nothing is said that would be final.
    expect(answered.map(({ code }) => code)).toEqual(['disk_full', 'disk_full', 'disk_full', 'submission_malformed'])
    expect([answered.some(({ proof }) => proof !== undefined), isFinal('disk_full')]).toEqual([false, false])
    const checked = world.recoveries()
    expect([(await world.deliver(second)).code, (await world.deliver(first)).code]).toEqual(['disk_full', 'disk_full'])
    // Known beforehand, it costs no signature.
    expect([world.recoveries(), refusals(world)]).toEqual([checked, 5])
    world.store.setRoom(true)
    await world.clock.advance(1)
    const [again, fresh] = [await world.deliver(first), await world.deliver(second)]
    expect([again.code, fresh.code, again.proof === undefined]).toEqual(['duplicate', 'accepted', false])
    expect(await sealed(world)).toMatchObject({ accepted: 2 })
    await world.stop()
  })

  test('a repetition of what is not on the disk yet is refused with it, and so is the group behind it', async () => {
    const world = await open()
    await world.release()
    const submission = await world.submission()
    world.store.setRoom(false)
    const answered: Receipt[] = []
    world.push(Array(600).fill(submission), answered)
    await world.until(() => answered.length === 600)
    expect(new Set(answered.map(({ code }) => code))).toEqual(new Set(['disk_full']))
    const onDisk = world.cut()
    expect(onDisk.scan('vote/')).toEqual([])
  })

  test('S11: who hears no answer is not refused: it is judged when there is room', async () => {
    const world = await open()
    await world.release()
    world.store.setRoom(false)
    expect((await world.deliver(await world.submission())).code).toBe('disk_full')
    const answered: Receipt[] = []
    world.push([await world.submission({ slotId: 2 as SlotId })], answered, { protocol: 'collect' })
    await world.clock.advance(1_000)
    expect([answered, world.sequencer.stats().waiting]).toEqual([[], 1])
    world.store.setRoom(true)
    await world.mine(1)
    await world.until(() => answered.length === 1)
    expect(answered.map(({ code }) => code)).toEqual(['accepted'])
    await world.stop()
  })

  test('the epoch goes on where it stood: with room it is sealed, with what was taken before', async () => {
    const world = await open()
    await world.release()
    await world.deliver(await world.submission())
    world.store.setRoom(false)
    for (let block = 0; block < 8; block += 1) world.chain.mine()
    await world.clock.advance(60_000)
    expect([world.records, world.events.filter((event) => event.startsWith('ended'))]).toEqual([[], []])
    world.store.setRoom(true)
    expect(await sealed(world)).toMatchObject({ accepted: 1, state: 'ended' })
    await world.stop()
  })
})

describe('what is taken is signed', () => {
  /** A sequencer whose signatures are counted. */
  async function signing(disk = createDisk()) {
    let signatures = 0
    const signer = signerOf(4)
    const signHashOf = (bytes: Uint8Array) => {
      signatures += 1
      return signer.signHashOf(bytes)
    }
    const world = await open({ disk, receiptSigner: { signHashOf } })
    await world.release()
    const place = { hasher: createSubmissionHasher(world.chain), dataMarket: world.chain.dataMarket }
    /** Who signed that this was said of the submission. */
    const signerIn = ({ submissionId, code, proof }: Receipt, { request, header }: Submission) => {
      const promised = { submissionId, code, digest: place.hasher.digest(request), header }
      const signed = proof && signedRootOf(promised, proof, place)
      return signed && recoverer.recover(signed.digest, signed.signature)
    }
    return { world, disk, signer, signerIn, signatures: () => signatures }
  }

  test('S25: once for a group, each receipt by itself: accepted, duplicate and simulated, and no refusal', async () => {
    const { world, signer, signerIn, signatures } = await signing()
    const [one, other] = [await world.submission(), await world.submission({ slotId: 2 as SlotId })]
    const group = [
      one,
      other,
      one,
      await world.submission({ epochId: 0 as EpochId }),
      await world.submission({ snapshotCid: CIDS[1] as Cid }),
    ]
    const answered: Receipt[] = []
    await pushAlone(world, group, answered)
    await world.until(() => answered.length === group.length)
    // What is refused waits for no signature.
    const [refused, ...taken] = answered
    expect(answered.map(({ code }) => code)).toEqual(['vote_conflict', 'accepted', 'accepted', 'duplicate', 'simulated'])
    const signers = taken.map((receipt, index) => signerIn(receipt, group[index] as Submission))
    expect([refused?.proof, ...signers]).toEqual([undefined, ...Array(4).fill(signer.address)])
    expect(signerIn(taken[0] as Receipt, other)).not.toBe(signer.address)
    expect(taken[0]?.proof?.anchorBlock).toBe((await world.chain.head()).number)
    expect(signatures()).toBe(1)
    await world.stop()
  })

  test('S25: and not before it is durable', async () => {
    const { world, disk, signatures } = await signing()
    const release = disk.hold(isVote)
    const answered: Receipt[] = []
    await pushAlone(world, [await world.submission()], answered)
    await world.clock.advance(1_000)
    expect([answered, signatures()]).toEqual([[], 0])
    release()
    await world.until(() => answered.length === 1)
    expect(signatures()).toBe(1)
    await world.stop()
  })

  test('S25: nothing is signed that no receipt tells of: refusals alone, and what comes over /collect', async () => {
    const { world, signatures } = await signing()
    await world.deliver(new Uint8Array(3))
    world.push([await world.submission()], [], { protocol: 'collect' })
    await world.until(() => world.sequencer.stats().receipts.accepted === 1)
    expect((await world.deliver(await world.submission({ snapshotCid: CIDS[1] as Cid }))).proof).toBeUndefined()
    expect(signatures()).toBe(0)
    await world.stop()
  })

  /** A sequencer whose key is elsewhere: each signature comes, or fails, when the test says so. */
  async function signingElsewhere() {
    const asked: { give(): Promise<void>; refuse(): void }[] = []
    const signHashOf = (bytes: Uint8Array) => {
      const { promise, resolve, reject } = Promise.withResolvers<string>()
      asked.push({
        give: async () => resolve(await signerOf(4).signHashOf(bytes)),
        refuse: () => reject(new WeftError('SIGNER_FAILED', { signer: 'https://there', account: signerOf(4).address, detail: 'HTTP 500' })),
      })
      return promise
    }
    const world = await open({ receiptSigner: { signHashOf } })
    await world.release()
    return { world, asked }
  }

  test('S25: a signature that is long in coming keeps nobody else waiting, and comes with its own receipts', async () => {
    const { world, asked } = await signingElsewhere()
    const [first, second]: Receipt[][] = [[], []]
    await pushAlone(world, [await world.submission()], first as Receipt[])
    await world.until(() => asked.length === 1)
    await pushAlone(
      world,
      [await world.submission({ slotId: 2 as SlotId }), await world.submission({ snapshotCid: CIDS[1] as Cid })],
      second as Receipt[],
    )
    await world.until(() => asked.length === 2)
    expect([first, second?.map(({ code }) => code)]).toEqual([[], ['vote_conflict']])
    await asked[1]?.give()
    await world.until(() => second?.length === 2)
    expect([first?.length, second?.[1]?.proof]).toEqual([0, expect.anything()])
    await asked[0]?.give()
    await world.until(() => first?.length === 1)
    await world.stop()
  })

  test('S25: without a signature, or with 64 groups waiting for theirs, receipts go out as they are, and what they say holds', async () => {
    const { world, asked } = await signingElsewhere()
    const answered: Receipt[] = []
    for (let group = 0; group < 65; group += 1) {
      await pushAlone(world, [await world.submission()], answered)
      await world.until(() => asked.length === Math.min(group + 1, 64))
    }
    await world.until(() => answered.length === 1)
    expect(answered).toEqual([{ submissionId: expect.any(String), code: 'duplicate', reason: '' }])
    for (const { refuse } of asked) refuse()
    await world.until(() => answered.length === 65)
    expect(answered[1]).toEqual({ submissionId: expect.any(String), code: 'accepted', reason: '' })
    expect(world.events.filter((event) => event.startsWith('receipts_unsigned'))).toHaveLength(64)
    await world.stop()
  })

  test('by a sequencer that is not to, nothing is', async () => {
    const world = await open()
    await world.release()
    expect(await world.deliver(await world.submission())).toEqual({ submissionId: expect.any(String), code: 'accepted', reason: '' })
    await world.stop()
  })
})

describe('S9, G7: a delivery', () => {
  test('of more bytes than any submission takes is refused unread', async () => {
    const world = await open()
    await world.release()
    const padded = (length: number) => {
      const bytes = new Uint8Array(length)
      bytes.set(new TextEncoder().encode(JSON.stringify({ request: {} }).padEnd(length)))
      return bytes
    }
    expect((await world.deliver(padded(SUBMISSION_BYTES_MAX + 1), { protocol: 'collect' })).code).toBe('frame_oversized')
    expect((await world.deliver(padded(SUBMISSION_BYTES_MAX), { protocol: 'collect' })).code).toBe('submission_malformed')
    expect(world.recoveries()).toBe(0)
    await world.stop()
  })

  test('costs one signature check at most, and none before every table was asked', async () => {
    const world = await open({ expectedProjects: [PROJECTS[0] as ProjectId] })
    await world.release()
    const { number } = await world.chain.head()
    const unsigned: [string, Submission | Uint8Array][] = [
      ['submission_malformed', new Uint8Array([9])],
      ['market_unknown', await world.submission({ dataMarket: `0x${'99'.repeat(20)}` })],
      ['project_malformed', await world.submission({ projectId: 'x' as ProjectId })],
      ['project_not_allowed', await world.submission({ projectId: PROJECTS[1] as ProjectId })],
      ['cid_malformed', await world.submission({ snapshotCid: 'QmX' as Cid })],
      ['epoch_unknown', await world.submission({ epochId: 9 as EpochId })],
      ['header_unknown', await world.submission({ header: `0x${'ee'.repeat(32)}` })],
      ['deadline_passed', await world.submission({ deadlineBlock: (number - 1) as BlockNumber })],
      ['deadline_too_far', await world.submission({ deadlineBlock: (number + 501) as BlockNumber })],
      ['slot_unknown', await world.submission({ slotId: 9 as SlotId, signedBy: 1 })],
      ['slot_unknown', await world.submission({ slotId: 9 as SlotId, signedBy: 1, epochId: 0 as EpochId })],
      ['signature_malformed', { ...(await world.submission()), signature: 'ab' }],
    ]
    for (const [code, submission] of unsigned) expect([code, (await world.deliver(submission)).code]).toEqual([code, code])
    expect(world.recoveries()).toBe(0)
    const signed: [string, Submission][] = [
      ['signer_mismatch', await world.submission({ signedBy: 2 })],
      ['signer_mismatch', await world.submission({ signedBy: 2, epochId: 0 as EpochId })],
      ['accepted', await world.submission()],
      ['duplicate', await world.submission({ deadlineBlock: (number + 400) as BlockNumber })],
    ]
    for (const [index, [code, submission]] of signed.entries()) {
      expect((await world.deliver(submission)).code).toBe(code)
      expect(world.recoveries()).toBe(index + 1)
    }
    // The very same again costs none.
    expect((await world.deliver(await world.submission())).code).toBe('duplicate')
    expect(world.recoveries()).toBe(signed.length)
    // By the signature of somebody else it is not the same.
    expect((await world.deliver(await world.submission({ signedBy: 2 }))).code).toBe('signer_mismatch')
    await world.stop()
  })

  test('of whatever bytes, by whatever protocol, is answered, never with a vote, and ends nothing', async () => {
    const world = await open()
    await world.release()
    const good = encodeSubmission(await world.submission({ slotId: 2 as SlotId, signedBy: 3 }))
    const bent = fc
      .array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
      .map((changes) => changes.reduce((bytes, [at, to]) => bytes.with(at, to), good))
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      bent,
      fc.json().map((text) => new TextEncoder().encode(text)),
    )
    const ids = fc.oneof(fc.string(), fc.constant(uuid()))
    const deliveries = fc.sample(fc.tuple(bytes, ids, fc.constantFrom('weft' as const, 'collect' as const)), {
      numRuns: 400,
      seed: Number(process.env['FUZZ_SEED'] ?? 1),
    })
    for (const [payload, submissionId, protocol] of deliveries) {
      const before = world.recoveries()
      expect((await world.deliver(payload, { submissionId, protocol })).code in REJECTIONS).toBe(true)
      expect(world.recoveries() - before).toBeLessThanOrEqual(1)
    }
    expect(world.store.scan('vote/')).toEqual([])
    expect((await vote(world, 1, 0)).code).toBe('accepted')
    await world.stop()
  })

  test('is not read on while two groups wait for the disk, and the signatures of a third are known', async () => {
    const disk = createDisk()
    const world = await open({ disk })
    await world.release()
    const release = disk.hold(isVote)
    const answered: Receipt[] = []
    for (const slot of [1, 2, 3, 4, 1]) await pushAlone(world, [await world.submission({ slotId: slot as SlotId })], answered)
    await world.clock.advance(1_000)
    expect(world.recoveries()).toBe(3)
    release()
    await world.until(() => answered.length === 5)
    await world.stop()
  })

  test.each([
    ['256 of them', true, 768],
    ['64 of them, of a peer that no vote was accepted from', false, 192],
  ])('gives the others their turn after %s', async (_, isKnown, recoveries) => {
    const disk = createDisk()
    const world = await open({ disk })
    await world.release()
    if (isKnown) await world.deliver(await world.submission({ slotId: 2 as SlotId }))
    const before = world.recoveries()
    const release = disk.hold(isVote)
    const answered: Receipt[] = []
    const { number } = await world.chain.head()
    const of = (index: number) =>
      world.submission({ deadlineBlock: (number + (index % 450)) as BlockNumber, snapshotCid: CIDS[index < 450 ? 0 : 1] as Cid })
    world.push(await Promise.all(Array.from({ length: 900 }, (_, index) => of(index))), answered)
    await world.clock.advance(100)
    expect(world.recoveries() - before).toBe(recoveries)
    release()
    await world.until(() => answered.length === 900)
    await world.stop()
  })

  test('S26, G11: of a slot beyond what it may send is refused unchecked, and nobody but the slot itself brings that about', async () => {
    const perSlot = { tokensPerSecond: 0, tokensMax: 3 }
    const perSlotAndEpoch = { tokensPerSecond: 0, tokensMax: 2 }
    const world = await open({ counts: { slotLimits: { perSlot, perSlotAndEpoch } } })
    await world.release()
    await world.release()
    const { number } = await world.chain.head()
    /** Each is another one: of a deadline of its own. */
    const of = (epochId: number, later: number, signedBy = 1) =>
      world.submission({ slotId: 1 as SlotId, epochId: epochId as EpochId, deadlineBlock: (number + later) as BlockNumber, signedBy })
    const codesOf = async (submissions: readonly Submission[]): Promise<string[]> => {
      const codes: string[] = []
      for (const submission of submissions) codes.push((await world.deliver(submission)).code)
      return codes
    }
    const first = await of(1, 100)
    expect(await codesOf(Array(5).fill(await of(1, 100, 2)))).toEqual(Array(5).fill('signer_mismatch'))
    // Who has heard of what the slot has signed can send it again.
    expect(await codesOf(Array(5).fill(first))).toEqual(['accepted', ...Array(4).fill('duplicate')])
    // In other letters, which no signature covers, it is the same.
    const letters = [first.signature.toUpperCase(), first.signature.replace(/1b$/, '00').replace(/1c$/, '01')]
    expect(await codesOf(letters.map((signature) => ({ ...first, signature })))).toEqual(['duplicate', 'duplicate'])
    expect(await codesOf([await of(1, 101), await of(1, 102), await of(2, 103), await of(2, 104)])).toEqual([
      ...['duplicate', 'rate_limited', 'accepted', 'rate_limited'],
    ])
    expect(world.recoveries()).toBe(8)
    expect((await world.deliver(await world.submission({ slotId: 2 as SlotId }))).code).toBe('accepted')
    await world.stop()
  })

  test.each<[string, object]>([
    ['of another deadline', {}],
    ['for another CID', { snapshotCid: CIDS[1] as Cid }],
  ])(
    'S26, G11: that a slot has signed beside the one that counts, %s, uses up its share once, however often others send it',
    async (_what, change) => {
      const limits = { tokensPerSecond: 0, tokensMax: 3 }
      const world = await open({ counts: { slotLimits: { perSlot: limits, perSlotAndEpoch: limits } } })
      await world.release()
      const { number } = await world.chain.head()
      const of = (later: number, about: object = {}) => world.submission({ deadlineBlock: (number + later) as BlockNumber, ...about })
      await world.deliver(await of(100))
      const beside = await of(101, change)
      for (let copies = 0; copies < 5; copies += 1)
        expect((await world.deliver(beside)).code).toBe('snapshotCid' in change ? 'vote_conflict' : 'duplicate')
      expect((await world.deliver(await of(100, { projectId: PROJECTS[1] }))).code).toBe('accepted')
      expect(world.recoveries()).toBe(3)
      await world.stop()
    },
  )

  test('names its market and its protocol state in any case: neither is signed, and many write addresses with a checksum', async () => {
    const world = await open()
    await world.release()
    const { dataMarket, protocolState } = world.chain
    const inCapitals = (address: string) => `0x${address.slice(2).toUpperCase()}`
    expect(inCapitals(dataMarket)).not.toBe(dataMarket)
    expect((await world.deliver(await world.submission({ dataMarket: inCapitals(dataMarket) }))).code).toBe('accepted')
    const second = { ...(await world.submission({ slotId: 2 as SlotId })), protocolState: inCapitals(protocolState) }
    expect((await world.deliver(second)).code).toBe('accepted')
    await world.stop()
  })

  test('names its id in any case, and it is one id all the same', async () => {
    const world = await open()
    await world.release()
    const id = 'AAAAAAAA-BBBB-4CCC-8DDD-EEEEEEEEEEEE'
    // The receipt answers to the id as it was sent.
    expect(await world.deliver(await world.submission(), { submissionId: id })).toMatchObject({ submissionId: id, reason: '' })
    const second = await world.deliver(await world.submission({ slotId: 2 as SlotId }), { submissionId: id.toLowerCase() })
    expect(second).toMatchObject({ code: 'accepted', reason: '' })
    expect(world.store.scan('vote/').map(({ value }) => decodeBallot(value).submissionId)).toEqual([id.toLowerCase(), id.toLowerCase()])
    await world.stop()
  })
})

describe('what is counted', () => {
  test('of a slot is only what it has signed', async () => {
    const world = await open()
    await world.release()
    await world.deliver(await world.submission({ signedBy: 2 }))
    await world.deliver(await world.submission({ slotId: 9 as SlotId, signedBy: 1 }))
    expect([1, 2, 9].map((slot) => world.sequencer.statsOfSlot(slot as SlotId))).toEqual([{}, {}, {}])
    await vote(world, 1, 0)
    expect(world.sequencer.statsOfSlot(1 as SlotId)).toEqual({ accepted: 1 })
    await world.stop()
  })

  test('as past its deadline is what comes after that block, not in it, and counts', async () => {
    const world = await open()
    await world.release()
    const deadlineBlock = (await world.chain.head()).number
    await world.deliver(await world.submission({ deadlineBlock }))
    expect(world.sequencer.stats().pastDeadline).toBe(0)
    const late = await world.submission({ deadlineBlock, slotId: 2 as SlotId })
    const conflict = await world.submission({ deadlineBlock, snapshotCid: CIDS[1] as Cid })
    await world.mine(1)
    expect([(await world.deliver(late)).code, (await world.deliver(conflict)).code]).toEqual(['accepted', 'vote_conflict'])
    expect(world.sequencer.stats().pastDeadline).toBe(1)
    await world.stop()
  })

  test('G11: of an epoch stays right whatever epochs a sender names, and however long others send on after the close', async () => {
    const world = await open()
    for (let epochId = 1_000; epochId < 2_100; epochId += 1) await world.deliver(await world.submission({ epochId: epochId as EpochId }))
    await world.release()
    await world.deliver(await world.submission({ signedBy: 2 }))
    expect(world.sequencer.epoch(EPOCH_1)?.rejected).toEqual({ signer_mismatch: 1 })
    const late = await world.submission({ slotId: 2 as SlotId })
    await world.mine(6)
    expect((await world.deliver(late)).code).toBe('window_closed')
    expect((await sealed(world)).rejected).toEqual({ signer_mismatch: 1 })
    expect(world.sequencer.stats().receipts).toMatchObject({ epoch_unknown: 1_100, window_closed: 1 })
    await world.stop()
  })
})

describe('S8: until the head is reached', () => {
  test('every delivery that form and market allow is answered not_ready, to be sent again, and costs no signature check', async () => {
    const wire = createWire()
    const first = await open()
    await first.release()
    await vote(first, 1, 0)
    await first.mine(3)
    const head = await first.chain.head()
    wire.isHeld = (step) => step.kind === 'block' && step.block.number >= head.number
    const world: World = await first.crash(undefined, { wire, isNotAwaited: true })
    await world.until(() => world.sequencer.stats().headBlock === head.number - 1)
    const codes = [
      await world.deliver(await world.submission()),
      await world.deliver(await world.submission({ slotId: 2 as SlotId })),
      await world.deliver(await world.submission({ epochId: 0 as EpochId })),
      await world.deliver(await world.submission({ epochId: 7 as EpochId })),
    ].map(({ code }) => code)
    expect(codes).toEqual(Array(4).fill('not_ready'))
    expect(isFinal('not_ready')).toBe(false)
    expect([world.recoveries(), world.sequencer.stats().isReady]).toEqual([0, false])
    wire.isHeld = () => false
    await world.until(() => world.sequencer.stats().isReady)
    expect((await vote(world, 1, 0)).code).toBe('duplicate')
    await world.stop()
  })

  test('S9: what form or market alone refuse is refused at once: to send it again would help nobody', async () => {
    const wire = createWire()
    wire.isHeld = () => true
    const world = await open({ wire, isNotAwaited: true })
    const refused = [
      await world.deliver(Uint8Array.of(1, 2, 3)),
      await world.deliver(await world.submission({ dataMarket: `0x${'99'.repeat(20)}` })),
      await world.deliver(await world.submission({ projectId: 'no project' as ProjectId })),
      await world.deliver(await world.submission({ snapshotCid: 'bafk' as Cid })),
    ].map(({ code }) => code)
    expect(refused).toEqual(['submission_malformed', 'market_unknown', 'project_malformed', 'cid_malformed'])
    expect([refused.every(isFinal), world.recoveries()]).toEqual([true, 0])
    // Which projects an epoch takes is for its own rules to say, and they come with its release.
    const other = await world.deliver(await world.submission({ projectId: 'pairs:OTHER' as ProjectId }))
    expect([other.code, world.recoveries()]).toEqual(['not_ready', 0])
    wire.isHeld = () => false
    await world.stop()
  })
})

describe('S11: a vote for the second of two epochs that one block releases', () => {
  test.each([
    ['weft', 'epoch_unknown'],
    ['collect', 'accepted'],
  ] as const)('over /%s is never refused for good while the first is on its way to the disk: %s', async (protocol, code) => {
    const disk = createDisk()
    const world = await open({ disk })
    const release = disk.hold((key) => key === epochKey(EPOCH_1))
    const manager = world.chain.sender({ address: MANAGER, journal: createFakeStore() })
    const sent = [1, 11].map((begin) => {
      const call = { kind: 'releaseEpoch', begin: begin as BlockNumber, end: (begin + 9) as BlockNumber } as const
      return manager.send(`epoch/${begin}`, call, new AbortController().signal)
    })
    await world.until(() => world.chain.pendingCount() === 2)
    world.chain.mine()
    await world.until(() => world.sequencer.stats().headBlock === 1)
    const answered: Receipt[] = []
    world.push([await world.submission({ epochId: 2 as EpochId })], answered, { protocol })
    await world.clock.advance(1_000)
    release()
    await world.until(() => answered.length === 1)
    expect(answered.map((receipt) => receipt.code)).toEqual([code])
    await world.clock.runUntil(Promise.all(sent), { limitMs: 1_000 })
    await world.stop()
  })
})

describe('S10: a vote for an epoch whose window closed on a block that a reorganisation has taken', () => {
  test('is taken, and counts when the window closes again', async () => {
    const wire = createWire()
    const disk = createDisk()
    const world = await open({ wire, disk })
    await world.release()
    await vote(world, 1, 0)
    await world.mine(2)
    const late = await world.submission({ slotId: 2 as SlotId })
    const release = disk.hold((key, value) => key.startsWith('epoch/') && value.includes('"state":"closed"'))
    await world.mine(4)
    expect(world.sequencer.epoch(EPOCH_1)?.state).toBe('closed')
    const { number } = await world.chain.head()
    wire.isHeld = (step) => step.kind === 'block'
    world.chain.reorg(3)
    world.chain.mine()
    await world.until(() => world.sequencer.stats().headBlock === number - 3)
    release()
    expect((await world.deliver(late)).code).toBe('accepted')
    wire.isHeld = () => false
    expect(await sealed(world)).toMatchObject({ state: 'ended', accepted: 2 })
    expect(world.events.filter((event) => event === 'epoch_reopened')).toHaveLength(1)
    await world.stop()
  })
})

describe('G5: a slot that is burned', () => {
  test('votes no longer; what it signed for earlier blocks still counts', async () => {
    const world = await open()
    await world.release()
    const early = await world.submission({ projectId: PROJECTS[1] as ProjectId })
    world.chain.burnSlot(1 as SlotId)
    await world.mine(1)
    expect((await vote(world, 1, 0)).code).toBe('slot_unknown')
    expect((await world.deliver(await world.submission({ epochId: 0 as EpochId }))).code).toBe('slot_unknown')
    expect((await vote(world, 2, 0)).code).toBe('accepted')
    expect((await world.deliver(early)).code).toBe('accepted')
    await world.stop()
  })

  test('votes again when a reorganisation takes the burning back', async () => {
    const world = await open()
    await world.release()
    world.chain.burnSlot(1 as SlotId)
    await world.mine(1)
    world.chain.reorg(1, { isLosingTransactions: true })
    await world.mine(1)
    expect((await vote(world, 1, 0)).code).toBe('accepted')
    await world.stop()
  })
})

test('G5: a new slot votes as soon as its signer is announced, and the signer of an older header does not change', async () => {
  const world = await open()
  await world.release()
  const old = await world.submission({ slotId: 5 as SlotId, signedBy: 4 })
  expect((await world.deliver(old)).code).toBe('slot_unknown')
  world.chain.assignSigner(5 as SlotId, signerOf(4).address)
  await world.mine(1)
  expect((await world.deliver(old)).code).toBe('slot_unknown')
  expect((await world.deliver(await world.submission({ slotId: 5 as SlotId, signedBy: 4 }))).code).toBe('accepted')
  await world.stop()
})

test('S9, G7: what comes for an epoch that is over is refused without a look at the disk, where all its projects lie', async () => {
  const disk = createDisk()
  const read: string[] = []
  const world = await open({
    disk: {
      ...disk,
      around(store) {
        const inner = disk.around(store)
        const get = (key: string): Uint8Array | undefined => {
          read.push(key)
          return inner.get(key)
        }
        return { ...inner, get }
      },
    },
  })
  // The first waits for validators, so that the chain is remembered from there on.
  await world.release()
  await vote(world, 1, 0)
  await world.release()
  const over = 2 as EpochId
  const late = await Promise.all([1, 2, 3].map((slot) => world.submission({ slotId: slot as SlotId, epochId: over })))
  await world.mine(7)
  await world.until(() => world.records.length === 2)
  expect(world.sequencer.epoch(over)?.state).toBe('ended')
  read.length = 0
  const answered: Receipt[] = []
  world.push(late, answered)
  await world.until(() => answered.length === 3)
  expect(answered.map(({ code }) => code)).toEqual(['window_closed', 'window_closed', 'window_closed'])
  expect(read).toEqual([])
  await world.stop()
})
