import { describe, expect, test } from 'vitest'
import type { ChainValue } from '#domain/compute.ts'
import { WeftError } from '#domain/errors.ts'
import type { Cid, EpochId, SlotId } from '#domain/ids.ts'
import type { Receipt } from '#domain/submission.ts'
import type { FakeConnection } from '#io/chain/fake/anchor.ts'
import type { AnchoredWithProjects, Intent, ProtocolCall, ProtocolSender } from '#io/chain/port.ts'
import type { Inbound } from '#io/intake/port.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import type { FakeStore } from '#io/store/fake.ts'
import type { StepResult } from '#roles/consumer/verify.ts'
import type { EpochEntry } from '#roles/sequencer/ledger.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { publishedRoot } from '#wire/merkle.ts'
import { sameRules } from '#life/rules.ts'
import { RULES, type World } from '../journey/cast.ts'
import { checkDisputes } from './checkers.ts'
import { AGREED_BY_MORE_THAN_ONE, type Plan } from './plan.ts'
import { PROMISES, type Promised } from './promises.ts'
import { type Outcome, simulate, type Spoil } from './simulation.ts'

/** A checker that never finds anything proves nothing. Here ports break what they promise to roles that do nothing wrong, and each promise is found broken. */

const SEED = 1

/** A small network in which nothing goes wrong by itself. */
const peaceful = (plan: Plan): Plan => ({
  ...plan,
  honestSeats: [[1, 2] as SlotId[], [3] as SlotId[]],
  lyingSlots: [],
  hostileSlots: [4 as SlotId],
  collectors: ['direct'],
  validators: 3,
  isValidatorFed: false,
  hasExpectedProjects: false,
  anchoring: 'projects',
  availability: 'none',
  completeness: 'none',
  tally: { minVotes: 0, minShareBp: 0 },
  windows: { snapshot: 8, batch: 16, attestation: 24 },
  limits: { projectsPerSlotMax: 9, outboxMax: 1_000, inboxMax: 10_000 },
  faultsEndMs: 10_000,
  epochsAtMs: [1_000],
  lie: undefined,
  faults: [],
})
const withFaults =
  (...faults: Plan['faults']) =>
  (plan: Plan): Plan => ({ ...peaceful(plan), faults })

const play = (spoil: Spoil): Promise<Outcome> => simulate(SEED, { plan: peaceful, ...spoil })
const brokenBy = async (spoil: Spoil): Promise<ReadonlySet<Promised>> =>
  new Set((await play(spoil)).violations.map(({ promise }) => promise))

// --- broken ports ---------------------------------------------------------------------------------------------------

const onDiskOf =
  (name: RegExp, spoiled: (disk: FakeStore) => FakeStore): NonNullable<Spoil['disk']> =>
  (machine, disk) =>
    name.test(machine) ? spoiled(disk) : disk

/** Writes under the prefix are never made, and nobody is told. */
const losing =
  (prefix: string) =>
  (disk: FakeStore): FakeStore => ({ ...disk, commit: (writes) => disk.commit(writes.filter(({ key }) => !key.startsWith(prefix))) })

/** Of all votes of an epoch at once it finds none; page by page it does. */
const forgetful = (disk: FakeStore): FakeStore => ({
  ...disk,
  scan: (prefix, range) => (prefix.startsWith('vote/') && range === undefined ? [] : disk.scan(prefix, range)),
})

/** Every write is called durable as soon as it is asked for. */
const hasty = (disk: FakeStore): FakeStore => ({
  ...disk,
  async commit(writes) {
    void disk.commit(writes)
  },
  async flush() {
    return undefined
  },
})

/** Says that it has what it was given, to its own process alone. */
function hollow(node: Ipfs): Ipfs {
  const held = new Map<Cid, Uint8Array>()
  return {
    async add(bytes) {
      const cid = await snapshotCidOf(bytes)
      held.set(cid, bytes)
      return cid
    },
    get: async (cid, limits) => held.get(cid) ?? node.get(cid, limits),
    pin: async () => undefined,
    letGo: async () => 0,
    has: async (cid) => held.has(cid),
  }
}

/** Has everything, for others. */
const forgetting = (node: Ipfs): Ipfs => ({
  ...node,
  get: async (cid) => {
    throw new WeftError('IPFS_NOT_FOUND', { cid, waitedMs: 0 })
  },
})

const withIpfs =
  (name: RegExp, spoiled: (node: Ipfs) => Ipfs) =>
  (world: World): World => {
    const nodes = new Map<string, ReturnType<World['ipfs']['node']>>()
    return {
      ...world,
      ipfs: {
        node(of) {
          const known = nodes.get(of) ?? (name.test(of) ? { ...world.ipfs.node(of), ...spoiled(world.ipfs.node(of)) } : world.ipfs.node(of))
          nodes.set(of, known)
          return known
        },
      },
    }
  }

/** Each machine reaches a chain that is spoiled. */
const withConnections =
  (spoiled: (connection: FakeConnection, world: World) => Partial<FakeConnection>) =>
  (world: World): World => ({
    ...world,
    chain: {
      ...world.chain,
      connect() {
        const connection = world.chain.connect()
        return { ...connection, ...spoiled(connection, world) }
      },
    },
  })

/** A sender that makes other calls than it is asked for: as many or more, the first of them standing for what was asked. */
const withCalls = (instead: (intent: Intent) => readonly Intent[]) =>
  withConnections((connection) => ({
    sender(options) {
      const sender = connection.sender(options)
      const sendInOrder: ProtocolSender['sendInOrder'] = async (intents, signal) => {
        const lists = intents.map(instead)
        const outcomes = await sender.sendInOrder(lists.flat(), signal)
        const first = lists.map((_, index) => lists.slice(0, index).flat().length)
        return first.map((at) => outcomes[at] as (typeof outcomes)[number])
      }
      return {
        ...sender,
        sendInOrder,
        send: async (intentId, call, signal) => (await sendInOrder([{ intentId, call }], signal))[0] as never,
      }
    },
  }))

function swapped(call: ProtocolCall): ProtocolCall {
  if (call.kind !== 'submitSubmissionBatch') return call
  const snapshotCids = call.snapshotCids.toReversed()
  return { ...call, snapshotCids, rootHash: publishedRoot(snapshotCids) }
}

const fewer = (call: ProtocolCall): ProtocolCall =>
  call.kind === 'updateRewards' ? { ...call, submissions: call.submissions.map((count) => count - 1) } : call

/** A chain that leaves events out. */
const withoutEvents = (isLeftOut: (event: { readonly kind: string; readonly epochId?: number }) => boolean) =>
  withConnections((connection, world) => ({
    slots: () => firstAnswer(world),
    async *follow(options) {
      for await (const step of connection.follow(options))
        yield step.kind === 'block' ? { ...step, events: step.events.filter((event) => !isLeftOut(event)) } : step
    },
  }))
const slotsAtFirst = new WeakMap<World, ReturnType<World['chain']['slots']>>()
function firstAnswer(world: World): ReturnType<World['chain']['slots']> {
  const known = slotsAtFirst.get(world) ?? world.chain.slots()
  slotsAtFirst.set(world, known)
  return known
}

/** Looks at nothing, and finds nothing wrong with it. */
async function* gullible(): AsyncGenerator<StepResult, void> {
  yield { step: 'reported', ok: true, detail: 'somebody said so' }
}

/** The hostile slot votes, the sequencer starts again, and the slot votes on. */
const aroundARestart = (kind: 'made_up_projects' | 'double_votes'): Plan['faults'] => [
  { kind, atMs: 2_500, votes: 8 },
  { kind: 'absence', machine: 'sequencer', atMs: 3_500, forMs: 500 },
  { kind, atMs: 6_000, votes: 8 },
]

// --- what is found --------------------------------------------------------------------------------------------------

test('without a broken port nothing is found', async () => {
  expect((await play({})).violations).toEqual([])
})

const BITES: readonly (readonly [Promised, string, Spoil])[] = [
  [
    'G1',
    'a collector acknowledges what it has not stored',
    {
      world: (world) => ({
        ...world,
        grpc: { ...world.grpc, serveSubmissions: (options) => world.grpc.serveSubmissions({ ...options, handler: async () => 'Success' }) },
      }),
    },
  ],
  ['G1', "the sequencer's disk calls writes durable too early", { disk: onDiskOf(/^sequencer$/, hasty) }],
  ['G1', "the sequencer's disk loses votes", { disk: onDiskOf(/^sequencer$/, losing('vote/')) }],
  [
    'G2',
    'a sender puts other results on chain than the batch gives',
    { world: withCalls(({ intentId, call }) => [{ intentId, call: swapped(call) }]) },
  ],
  ['G3', "the sequencer's IPFS node keeps nothing for others", { world: withIpfs(/^sequencer$/, hollow) }],
  ['G4', 'a sender makes each call twice', { world: withCalls((intent) => [intent, { ...intent, intentId: `${intent.intentId}/again` }]) }],
  ['G4', "the sequencer's disk loses its counts", { disk: onDiskOf(/^sequencer$/, losing('totals/')) }],
  [
    'G4',
    'a sender tells of other counts than those that it is given',
    {
      plan: (plan) => ({ ...peaceful(plan), epochsAtMs: [1_000, 5_000, 9_000, 13_000] }),
      world: withCalls(({ intentId, call }) => [{ intentId, call: fewer(call) }]),
    },
  ],
  [
    'G4',
    "the sequencer's disk loses its plans",
    { disk: onDiskOf(/^sequencer$/, (disk) => ({ ...disk, durable: (key) => (key.startsWith('plan') ? undefined : disk.durable(key)) })) },
  ],
  [
    'G5',
    'second votes are not kept',
    { plan: withFaults({ kind: 'double_votes', atMs: 3_000, votes: 6 }), disk: onDiskOf(/^sequencer$/, losing('evidence/')) },
  ],
  [
    'G5',
    'after a restart the ballot box is thought to be empty: a slot votes once more',
    { plan: withFaults(...aroundARestart('double_votes')), disk: onDiskOf(/^sequencer$/, forgetful) },
  ],
  [
    'G5',
    'nobody hears that a slot has another signer',
    {
      plan: withFaults({ kind: 'reassigned', atMs: 100, slotId: 1 as SlotId, forMs: undefined }),
      world: withoutEvents(({ kind }) => kind === 'SnapshotterAddressChanged'),
    },
  ],
  [
    'G5',
    'nobody hears that a slot is burned',
    { plan: withFaults({ kind: 'burned', atMs: 100, slotId: 1 as SlotId }), world: withoutEvents(({ kind }) => kind === 'NodeBurned') },
  ],
  [
    'G6',
    'a sender attests a second root',
    {
      world: withCalls((intent) =>
        intent.call.kind === 'submitBatchAttestation'
          ? [intent, { intentId: `${intent.intentId}/other`, call: { ...intent.call, rootHash: publishedRoot(['another']) } }]
          : [intent],
      ),
    },
  ],
  [
    'G6',
    'a sender attests the same root once more, for any content',
    {
      world: withCalls((intent) =>
        intent.call.kind === 'submitBatchAttestation'
          ? [intent, { intentId: `${intent.intentId}/other`, call: { ...intent.call, contentHash: undefined } }]
          : [intent],
      ),
    },
  ],
  [
    'G6',
    "a validator's disk loses its guards",
    { disk: onDiskOf(/^validator/, (disk) => ({ ...disk, durable: (key) => (key.startsWith('guard/') ? undefined : disk.durable(key)) })) },
  ],
  [
    'G7',
    'an answer to a peer throws',
    {
      world: (world) => ({
        ...world,
        links: {
          ...world.links,
          async createSubmissionHost(options) {
            const host = await world.links.createSubmissionHost(options)
            const calmUntilMs = world.clock.nowMs() + 8_000
            const respond = (one: Inbound, receipt: Receipt) => {
              if (world.clock.nowMs() > calmUntilMs) throw new Error('the peer has gone')
              one.respond(receipt)
            }
            return {
              ...host,
              async *inbound(signal) {
                for await (const group of host.inbound(signal))
                  yield group.map((one) => ({ ...one, respond: (receipt) => respond(one, receipt) }))
              },
            }
          },
        },
      }),
    },
  ],
  [
    'G7',
    'after a restart the ballot box is thought to be empty: a slot has its quota once more',
    { plan: withFaults(...aroundARestart('made_up_projects')), disk: onDiskOf(/^sequencer$/, forgetful) },
  ],
  ['G8', "snapshotters' IPFS nodes keep nothing for others", { world: withIpfs(/^honest/, hollow) }],
  [
    'G8',
    'a consumer believes what it is told of an epoch whose batches no validator speaks for',
    { plan: (plan) => ({ ...peaceful(plan), lie: { epochId: 1, how: 'omit' } }), verify: gullible },
  ],
  [
    'G10',
    'roles follow other rules than those of the market, and a vote alone wins',
    {
      plan: (plan) => ({ ...withFaults({ kind: 'made_up_projects', atMs: 3_000, votes: 2 })(plan), tally: AGREED_BY_MORE_THAN_ONE }),
      world: (world) => ({ ...world, rules: sameRules(RULES) }),
    },
  ],
  ['G9', 'a chain leaves out a release', { world: withoutEvents(({ kind, epochId }) => kind === 'EpochReleased' && epochId === 1) }],
  ['G12', "snapshotters' IPFS nodes do not give back what they keep", { world: withIpfs(/^honest/, forgetting) }],
  [
    'honest',
    'the source chain tells everybody something else',
    {
      world: (world) => {
        let asked = 0n
        const another = (value: ChainValue): ChainValue => {
          asked += 1n
          return typeof value === 'bigint' ? value + asked : value
        }
        return { ...world, source: { ...world.source, read: async (call) => (await world.source.read(call)).map(another) } }
      },
    },
  ],
  [
    'honest',
    'the source chain leaves logs out, to each as many as it likes, and nobody finds out',
    {
      world: (world) => {
        let asked = 0
        return {
          ...world,
          source: {
            ...world.source,
            async events(filter) {
              asked += 1
              return (await world.source.events(filter)).slice(0, -asked)
            },
          },
        }
      },
    },
  ],
]

describe('a broken port is found by the promise that it breaks', () => {
  test.each(BITES)('%s: %s', async (promise, _how, spoil) => {
    expect([...(await brokenBy(spoil))]).toContain(promise)
  })

  test('no promise is left out', () => {
    expect(new Set(BITES.map(([promise]) => promise))).toEqual(new Set(Object.keys(PROMISES)))
  })
})

describe('a dispute that does not end is found', () => {
  const epochId = 2 as EpochId
  const batch = (batchCid: string) => ({ batchCid, projectIds: ['price:a:TEST'], isFinalized: true }) as unknown as AnchoredWithProjects
  const record = (rounds: number) =>
    ({ batches: Array.from({ length: rounds }, (_, index) => ({ batchCid: String(index), round: index + 1 })) }) as unknown as EpochEntry
  const foundIn = (rounds: number, ...anchored: AnchoredWithProjects[]): string[] => {
    const found: string[] = []
    checkDisputes([{ epochId, record: record(rounds), anchored }], (one) => found.push(one))
    return found
  }

  test('in one project that is final in two batches, and in rounds that the contract does not give', () => {
    expect(foundIn(3, batch('one'))).toEqual([])
    expect(foundIn(0, batch('one'), batch('two'))).toEqual(['price:a:TEST of epoch 2 is final in one and in two'])
    expect(foundIn(4)).toEqual(['epoch 2 was corrected in 4 rounds'])
  })
})
