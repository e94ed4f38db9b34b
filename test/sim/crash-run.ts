import type { Cid, EpochId, ProjectId, SlotId, SubmissionId } from '#domain/ids.ts'
import { WeftError } from '#domain/errors.ts'
import { isTaken } from '#domain/rejection.ts'
import { isProjectOver } from '#domain/project.ts'
import type { FakeTransaction } from '#io/chain/fake/anchor.ts'
import type { FakeCall } from '#io/chain/fake/contract.ts'
import type { BlockRef, ProtocolCall } from '#io/chain/port.ts'
import type { FakeIpfsNode } from '#io/ipfs/fake.ts'
import { createSeededRandom } from '#io/keys/random.ts'
import { createSigner, parsePrivateKey } from '#io/keys/secp256k1.ts'
import type { SubmissionLink } from '#io/p2p/port.ts'
import type { FakeStore } from '#io/store/fake.ts'
import type { StoreWrite } from '#io/store/port.ts'
import { sameRules } from '#life/rules.ts'
import type { Sequencer } from '#roles/sequencer/sequencer.ts'
import { batchesPrefix } from '#roles/validator/keys.ts'
import type { Validator } from '#roles/validator/validator.ts'
import { BATCH_BYTES_MAX, decodeBatch } from '#wire/batch-json.ts'
import { createSubmissionHasher } from '#wire/eip712.ts'
import { encodeSubmission } from '#wire/submission-proto.ts'
import {
  createWorld,
  identity,
  type Machine,
  RULES,
  startEpochs,
  startSequencer,
  startValidator,
  unchanged,
  type World,
  type WorldOptions,
  EPOCH_SIZE,
} from '../journey/cast.ts'
import { lying } from './lie.ts'
import { effectOf } from './safety.ts'

/**
 * One epoch of a sequencer and three validators, in which one of them loses power at chosen steps. A step is a commit about to be made, a
 * commit that has just become durable, or an effect that has just happened: between two of them a process does nothing that outlives it.
 */

export const VICTIMS = ['sequencer', 'validator 1'] as const
export const STAGES = ['window open', 'planned', 'anchored', 'attested', 'ended'] as const
type Stage = (typeof STAGES)[number]

export interface CrashPlan {
  readonly victim: (typeof VICTIMS)[number]
  /** Of each life of the victim the step at which it ends, counted from 0. A life without one lasts. */
  readonly cuts: readonly number[]
  /** The anchor chain is rewritten when the epoch has come so far; the steps of the first life are counted from there. */
  readonly reorg?: { readonly at: Stage; readonly depth: number; readonly isLosingTransactions: boolean }
  /**
   * Batches are anchored by their roots alone; or the sequencer swaps two CIDs of one, is refuted, and sends a corrected one; or the contract is
   * told what the slots of a day have earned, to its last word.
   */
  readonly story?: 'roots' | 'refuted' | 'rewards'
  /** Half of what is asked of the chain fails; or the victim's IPFS refuses everything for a while, from its first call on. */
  readonly trouble?: 'rpc' | 'ipfs'
}

export interface CrashOutcome {
  /** The steps of each life of the victim, in words. */
  readonly lives: readonly (readonly string[])[]
  readonly batchCids: readonly Cid[]
  /** What was not as it must be, in words; nothing when all was. */
  readonly broken: readonly string[]
}

const EPOCH_1 = 1 as EpochId
const SIGNERS = ['11', '22', '33'].map((digits) => createSigner(parsePrivateKey(digits.repeat(32))))
const PROJECTS = ['a', 'b', 'c'].map((name) => `price:${name}:${RULES.namespace}` as ProjectId)
/** By slot: the last was outvoted once. */
const EARNED = [3, 3, 2]
const SUBMISSIONS = SIGNERS.length * PROJECTS.length
/** Three projects make two batches. */
const PROJECTS_PER_BATCH = 2
/** In anchor blocks: room for two crashes in each. */
const WINDOWS = { snapshotWindowBlocks: 8, batchWindowBlocks: 24, attestationWindowBlocks: 40 }
const BLOCKS_BEFORE = 80
const WARM_UP_MS = 2_000
/** Power is back after this. */
const OFF_MS = 700
const LOOK_MS = 100
const IPFS_REFUSES_MS = 4_000
const QUIET_LIMIT_MS = 240_000
/** After the end: what would be done once more is done by then. */
const AFTERMATH_MS = 3_000

const never = <Value>(): Promise<Value> => new Promise(() => undefined)

/** Where the victim's lives end. */
function createFate({ victim, cuts }: CrashPlan, cutPower: () => 'running' | 'starting') {
  const lives: string[][] = [[]]
  const cutAtStart = new Set<number>()
  let isCounting = false
  return {
    lives,
    life: (): number => lives.length,
    count(): void {
      isCounting = true
    },
    /** Whether the process of this life does nothing any more. */
    isOver: (machine: string, life: number): boolean => machine === victim && life !== lives.length,
    /** What the process of a life that is over finds wherever it turns: it waits for ever, or, where somebody waits for it to start, it fails. */
    end: (life: number): Promise<never> => (cutAtStart.has(life) ? Promise.reject(new WeftError('STOPPED', { what: victim })) : never()),
    /** A step of the victim; its power may go right here. */
    step(machine: string, what: string): void {
      if (machine !== victim || !isCounting) return
      const steps = lives.at(-1) as string[]
      steps.push(what)
      if (steps.length - 1 !== cuts[lives.length - 1]) return
      const life = lives.push([]) - 1
      if (cutPower() === 'starting') cutAtStart.add(life)
    },
  }
}
type Fate = ReturnType<typeof createFate>

/** The kinds of what is written, with the state of an epoch. */
function toldWrites(writes: readonly StoreWrite[]): string {
  const told = writes.map(({ key, value }) => {
    const kind = key.split(/[/ ]/, 1).join()
    const state = kind === 'epoch' && value !== undefined ? (JSON.parse(new TextDecoder().decode(value)) as { state: string }).state : ''
    return `${value === undefined ? 'no ' : ''}${kind}${state && ` ${state}`}`
  })
  return [...new Set(told)].join(' + ')
}

/** A disk that the process of one life writes to. */
function diskOf(name: string, disk: FakeStore, fate: Fate): FakeStore {
  const life = fate.life()
  return {
    ...disk,
    async commit(writes) {
      if (fate.isOver(name, life)) return fate.end(life)
      const what = toldWrites(writes)
      fate.step(name, `before ${what}`)
      if (fate.isOver(name, life)) return fate.end(life)
      await disk.commit(writes)
      fate.step(name, `after ${what}`)
      if (fate.isOver(name, life)) return fate.end(life)
    },
  }
}

/** The same of its node on IPFS. */
function nodeOf(name: string, node: FakeIpfsNode, fate: Fate): FakeIpfsNode {
  const life = fate.life()
  const told =
    <Args extends unknown[], Value>(what: string, work: (...args: Args) => Promise<Value>) =>
    async (...args: Args): Promise<Value> => {
      const value = await work(...args)
      fate.step(name, `after ${what}`)
      return fate.isOver(name, life) ? fate.end(life) : value
    }
  return { ...node, add: told('add', node.add), pin: told('pin', node.pin) }
}

interface Courier {
  /** Ids that were answered as taken, of the release that counts now. */
  taken(): ReadonlySet<string>
  /** What is still on its way, in words. */
  left(): string | undefined
  stop(): void
}

/** Signing takes longer than all else of a run. */
const signed = new Map<string, string>()

/** Snapshotters and their collectors in one: signs for the release that the chain has, and sends until all is taken. */
function sendSubmissions(address: string, cids: readonly Cid[], world: World, onReceipt: () => void): Courier {
  const { chain, clock, links } = world
  const hasher = createSubmissionHasher(chain)
  let release: BlockRef | undefined
  let lastCode = 'none'
  const taken = new Set<string>()
  /** Came when a reorganisation had moved the release so far down that its window was over. */
  const late = new Set<string>()

  const wanted = (header: BlockRef) =>
    SIGNERS.flatMap((signer, index) =>
      PROJECTS.map((projectId, project) => {
        const slotId = (index + 1) as SlotId
        // The last slot says something else of the first project.
        const snapshotCid = cids[index === 2 && project === 0 ? 3 : project] as Cid
        const request = { slotId, deadlineBlock: (header.number + 500) as BlockRef['number'], snapshotCid, epochId: EPOCH_1, projectId }
        const digest = hasher.digest(request)
        const name = digest.toHex()
        const signature = signed.get(name) ?? signer.sign(digest)
        signed.set(name, signature)
        const submission = { request, signature, header: header.hash, dataMarket: chain.dataMarket, nodeVersion: 'v1', protocolState: '' }
        const submissionId = `00000000-0000-4000-8000-${header.hash.slice(2, 10)}00${slotId}${project}` as SubmissionId
        return { submissionId, payload: encodeSubmission(submission) }
      }),
    )

  async function sendAll(header: BlockRef, link: SubmissionLink): Promise<void> {
    for (const { submissionId, payload } of wanted(header)) {
      if (taken.has(submissionId) || late.has(submissionId) || release !== header) continue
      const receipt = await link.send({ submissionId, payload })
      if (receipt === 'unacknowledged') return
      if (isTaken(receipt.code)) taken.add(submissionId)
      if (receipt.code === 'window_closed') late.add(submissionId)
      lastCode = receipt.code
      onReceipt()
    }
  }

  async function run(signal: AbortSignal): Promise<void> {
    const dialer = await links.createSubmissionDialer({ identity: identity(1) })
    while (!signal.aborted) {
      const block = chain.blocks().find(({ events }) => events.some((event) => event.kind === 'EpochReleased'))?.block
      if (block?.hash !== release?.hash) {
        release = block
        taken.clear()
        late.clear()
      }
      if (release !== undefined && taken.size + late.size < SUBMISSIONS) {
        const link = await dialer.dial(address, signal).catch(() => undefined)
        if (link !== undefined) await sendAll(release, link).catch(() => undefined)
        link?.close()
      }
      await clock.sleep(LOOK_MS, signal).catch(() => undefined)
    }
  }
  const stopping = new AbortController()
  void run(stopping.signal)
  return {
    taken: () => taken,
    left: () =>
      taken.size + late.size === SUBMISSIONS ? undefined : `${taken.size} submissions are taken, the last answer was ${lastCode}`,
    stop: () => stopping.abort(),
  }
}

interface Scene {
  /** Of each call to the chain, where half of what is asked fails. One for the whole run: begun anew it would fail the same calls again and again. */
  readonly isReached: () => boolean
  readonly plan: CrashPlan
  readonly world: World
  readonly fate: Fate
  readonly sequencer: Machine<Sequencer>
  readonly validators: readonly Machine<Validator>[]
  readonly courier: Courier
  readonly broadcast: readonly FakeTransaction[]
  readonly failures: readonly string[]
}

export async function playCrash(plan: CrashPlan, report?: WorldOptions['report']): Promise<CrashOutcome> {
  const failures: string[] = []
  const broadcast: FakeTransaction[] = []
  const machines = new Map<string, Machine<unknown>>()
  const fate = createFate(plan, () => {
    const machine = machines.get(plan.victim) as Machine<unknown>
    const state = machine.isOn() ? 'running' : 'starting'
    if (state === 'running') machine.cutPower()
    else machine.replaceDisk(machine.disk().crash())
    void bare.clock.sleep(OFF_MS).then(async () => {
      const life = fate.life()
      await machine.restart().catch((failure: unknown) => {
        // Cut off again while it started.
        if (!fate.isOver(plan.victim, life)) failures.push(`${plan.victim} did not start: ${String(failure)}`)
      })
    })
    return state
  })
  const bare = createWorld({
    seed: 1,
    signers: SIGNERS.map(({ address }) => address),
    validators: 3,
    market: WINDOWS,
    rewards: { epochsInADay: 1, dailySnapshotQuota: 1, areRewardsEnabled: plan.story === 'rewards' },
    rules: () =>
      sameRules({
        ...RULES,
        projectsPerBatch: PROJECTS_PER_BATCH,
        availability: 'required',
        anchoring: plan.story === 'roots' ? 'roots' : 'projects',
      }),
    disk: (name, disk) => diskOf(name, disk, fate),
    ...(report && { report }),
    onFailure: (name, failure) => failures.push(`${name} ended: ${String(failure)}`),
    onBroadcast(transaction) {
      broadcast.push(transaction)
      fate.step(accountOf(plan.victim, bare) === transaction.from ? plan.victim : 'another', `after broadcast ${transaction.call.kind}`)
    },
  })
  const refusal = createRefusal(plan, bare)
  const ipfs = { node: (name: string) => nodeOf(name, refusal(name, bare.ipfs.node(name)), fate) }
  const world: World = { ...bare, ipfs }
  const cids = await Promise.all(
    ['a', 'b', 'c', 'other'].map((text) => bare.ipfs.node('snapshotter').add(new TextEncoder().encode(`{"is":"${text}"}`))),
  )
  const { machine: sequencer, addresses } = await startSequencer(
    { relays: [], anchoring: plan.story === 'refuted' ? lyingAtFirst() : unchanged },
    world,
  )
  machines.set('sequencer', sequencer)
  const validators: Machine<Validator>[] = []
  for (const index of [0, 1, 2]) {
    validators.push(await startValidator(index, unchanged, world))
    machines.set(`validator ${index + 1}`, validators[index] as Machine<unknown>)
  }
  await startEpochs(world)
  const courier = sendSubmissions(addresses[0] as string, cids, world, () => fate.step('sequencer', 'after receipt'))
  if (plan.story === 'roots') world.chain.setRootOnlyAllowed(true)
  // Roles that have just been set up must have seen more blocks than a reorganisation here takes back.
  world.chain.mine(BLOCKS_BEFORE)
  await world.clock.advance(WARM_UP_MS)
  if (plan.reorg === undefined) fate.count()
  const scene: Scene = { plan, world, isReached: failingCalls(), fate, sequencer, validators, courier, broadcast, failures }
  if (plan.trouble === 'rpc') world.chain.setReachable(scene.isReached)
  // A day has one epoch here, and its last word comes when the one after it is over.
  world.source.mine(EPOCH_SIZE * (plan.story === 'rewards' ? 2 : 1))
  const broken = await playOut(scene)
  const batchCids = await readingWell(scene, () => world.chain.batchCids(EPOCH_1))
  courier.stop()
  await world.processes.stop()
  world.chain.stop()
  return { lives: fate.lives, batchCids, broken }
}

/** Of the epoch's first batch, until another takes its place. */
function lyingAtFirst(): (call: ProtocolCall) => ProtocolCall {
  let lied: Cid | undefined
  return (call) => {
    if (call.kind !== 'submitSubmissionBatch') return call
    lied ??= call.batchCid
    return call.batchCid === lied ? lying({ epochId: EPOCH_1, how: 'swap' })(call) : call
  }
}

/** Each call is tried three times (`io/chain/rpc/rpc.ts`): where half of all tries fail, one call in eight does. */
function failingCalls(): () => boolean {
  const random = createSeededRandom(7)
  return () => random.fraction() > 0.125
}

/** Whoever looks at the chain from outside is spared its troubles. */
async function readingWell<Value>(
  { plan, world, isReached }: Pick<Scene, 'plan' | 'world' | 'isReached'>,
  read: () => Promise<Value>,
): Promise<Value> {
  if (plan.trouble !== 'rpc') return read()
  world.chain.setReachable(true)
  const reading = read()
  world.chain.setReachable(isReached)
  return reading
}

/** A node that is cut off from all others for a while, and takes nothing, from the first time that it is asked to take or to fetch something. */
function createRefusal({ victim, trouble }: CrashPlan, { clock }: World) {
  let until: number | undefined
  return (name: string, node: FakeIpfsNode): FakeIpfsNode => {
    if (trouble !== 'ipfs' || name !== victim) return node
    const begin = (): void => {
      if (until !== undefined) return
      until = clock.nowMs() + IPFS_REFUSES_MS
      node.setConnected(false)
      void clock.sleep(IPFS_REFUSES_MS).then(() => node.setConnected(true))
    }
    return {
      ...node,
      async add(bytes, epochId) {
        begin()
        if (clock.nowMs() < (until as number)) throw new WeftError('PLACE_FAILED', { place: 'own', detail: 'refused' })
        return node.add(bytes, epochId)
      },
      get(cid, limits) {
        begin()
        return node.get(cid, limits)
      },
    }
  }
}

const accountOf = (name: string, { market }: World): string | undefined =>
  name === 'sequencer' ? market.sequencers[0] : market.validators[Number(name.split(' ')[1]) - 1]

async function playOut(scene: Scene): Promise<string[]> {
  const { plan, world, fate, failures } = scene
  const until = async (goal: () => Promise<string | undefined>): Promise<string | undefined> => {
    let left: string | undefined
    for (let passed = 0; passed < QUIET_LIMIT_MS; passed += LOOK_MS) {
      left = failures[0] ?? (await goal())
      if (left === undefined || failures.length > 0) return left
      await world.clock.advance(LOOK_MS)
    }
    return left
  }
  if (plan.reorg !== undefined) {
    const { at, depth, isLosingTransactions } = plan.reorg
    const missed = await until(async () => ((await hasCome(at, scene)) ? undefined : `${at} never came`))
    if (missed !== undefined) return [missed]
    world.chain.reorg(depth, { isLosingTransactions })
    // A lost release goes out again when the next range is there, as it is in life all the time.
    world.source.mine(EPOCH_SIZE)
    fate.count()
    // Whoever lives on looks at the chain within this.
    await world.clock.advance(2 * LOOK_MS)
  }
  const left = await until(() => unfinished(scene))
  if (left !== undefined) return [left, ...failures]
  await world.clock.advance(AFTERMATH_MS)
  return [...failures, ...(await brokenBy(scene))]
}

async function hasCome(stage: Stage, { world: { chain }, sequencer, courier }: Scene): Promise<boolean> {
  switch (stage) {
    case 'window open':
      return courier.taken().size === SUBMISSIONS
    case 'planned':
      return sequencer.current().epoch(EPOCH_1)?.state === 'planned'
    case 'anchored':
      return (await chain.batchCids(EPOCH_1)).length === 2
    case 'attested':
      return (await chain.snapshotStatus(PROJECTS[2] as ProjectId, EPOCH_1)).status === 'finalized'
    case 'ended':
      return sequencer.current().epoch(EPOCH_1)?.state === 'ended'
  }
}

/**
 * Such a reorganisation takes the release with all that came after. What of it is in the pool all the same may be mined under the next release,
 * in an order that is nobody's: then the epoch may be over before it is batched, its votes, which name blocks that are gone, may count nothing, and
 * who was away when its windows passed has no word about it.
 */
const isReleaseTaken = ({ plan: { reorg } }: Scene): boolean => reorg !== undefined && reorg.depth > WINDOWS.attestationWindowBlocks

/** What has not come to its end yet. */
async function unfinished(scene: Scene): Promise<string | undefined> {
  const {
    world: { chain },
    sequencer,
    validators,
    courier,
  } = scene
  const off = [sequencer, ...validators].find((machine) => !machine.isOn())
  if (off !== undefined) return `${off.name} is off`
  const waiting = courier.left()
  if (waiting !== undefined) return waiting
  const record = sequencer.current().epoch(EPOCH_1)
  const open = record?.projects.find(({ state }) => !isProjectOver(state))
  const isEpochAtEnd = record?.state === 'ended' || (record?.state === 'missed' && isReleaseTaken(scene))
  if (!isEpochAtEnd || open !== undefined) return `the epoch is ${record?.state}, ${record?.reason}; ${open?.projectId} is ${open?.state}`
  const batchCids = await readingWell(scene, () => chain.batchCids(EPOCH_1))
  const slow = validators.find((validator) => validator.disk().scan(batchesPrefix(EPOCH_1)).length < batchCids.length)
  if (slow !== undefined && !isReleaseTaken(scene)) return `${slow.name} has not said its last word`
  if (scene.plan.story === 'rewards' && (await rewardedSlots(scene.world)) < SIGNERS.length) return 'the last word of the day is not said'
  return chain.pendingCount() > 0 ? 'calls wait for a block' : undefined
}

async function rewardedSlots({ chain }: World): Promise<number> {
  const days = await Promise.all(SIGNERS.map((_, index) => chain.slotDay((index + 1) as SlotId, 1)))
  return days.filter(({ submissions, isRewarded }, index) => isRewarded && submissions === EARNED[index]).length
}

/** The promises: each batch on chain once, each attestation once, no gap in nonces, nothing lost that has a receipt. */
function effectsOf(from: string, call: FakeCall): string[] {
  if (call.kind === 'submitRootOnlyBatches') return call.batches.map(({ batchCid }) => `batch ${call.epochId} ${batchCid}`)
  if (call.kind === 'updateRewards') return [`rewards ${JSON.stringify(call)}`]
  return [effectOf(from, call)].filter((effect) => effect !== undefined)
}

async function brokenBy(scene: Scene): Promise<string[]> {
  const {
    world: { chain, market },
    sequencer,
    courier,
    broadcast,
  } = scene
  const broken: string[] = []
  const mined = chain.transactions()
  const effects = new Map<string, number>()
  for (const { from, call, receipt } of mined)
    for (const effect of effectsOf(from, call)) {
      if (receipt === undefined) broken.push(`${effect} waits`)
      else if (receipt.reverted === undefined) effects.set(effect, (effects.get(effect) ?? 0) + 1)
    }
  const batchCids = await readingWell(scene, () => chain.batchCids(EPOCH_1))
  const final = sequencer.current().epoch(EPOCH_1)
  const isMissed = final?.state === 'missed'
  const wanted = [
    ...(isMissed ? [] : [`end ${EPOCH_1}`]),
    ...batchCids.flatMap((cid) => [
      `batch ${EPOCH_1} ${cid}`,
      ...market.validators.map((validator) => `attest ${EPOCH_1} ${cid} ${validator}`),
    ]),
  ]
  for (const effect of isReleaseTaken(scene) ? [] : wanted)
    if (effects.get(effect) !== 1) broken.push(`${effect} is ${effects.get(effect) ?? 0} times on chain`)
  if (scene.plan.reorg === undefined) {
    const made = new Map<string, number>()
    for (const { from, call } of new Map(broadcast.map((one) => [one.hash, one])).values())
      for (const effect of effectsOf(from, call)) made.set(effect, (made.get(effect) ?? 0) + 1)
    for (const [effect, times] of made) if (times > 1) broken.push(`${times} transactions for ${effect}`)
    for (const { from, call, receipt } of mined)
      if (receipt?.reverted !== undefined) broken.push(`${effectsOf(from, call).join()} is refused: ${receipt.reverted}`)
  }
  for (const account of [...market.sequencers, ...market.validators]) {
    const nonces = mined.filter(({ from, nonce }) => from === account && nonce !== undefined).map(({ nonce }) => nonce)
    if (nonces.some((nonce, index) => nonce !== index)) broken.push(`nonces of ${account}: ${nonces.join(' ')}`)
  }
  if (!isReleaseTaken(scene))
    for (const { projectId, state } of final?.projects ?? []) if (state !== 'finalized') broken.push(`${projectId} is ${state}`)
  for (const [effect, times] of effects) if (times > 1) broken.push(`${effect} is ${times} times on chain`)
  if (isMissed) return broken
  // Where the release was moved, a vote that is fixed in a plan may have been given again, under an id of its new header (S10): ids end with slot and project.
  const nameOf = (submissionId: string): string => (scene.plan.reorg === undefined ? submissionId : submissionId.slice(-4))
  const counted = (final?.projects.length === PROJECTS.length ? await submissionIds(scene, batchCids) : []).map(nameOf)
  const taken = [...courier.taken().keys()].map(nameOf)
  for (const id of taken) if (!counted.includes(id)) broken.push(`${id} has a receipt and is in no batch`)
  for (const id of counted) if (!taken.includes(id) && scene.plan.reorg === undefined) broken.push(`${id} is in a batch and has no receipt`)
  return broken
}

async function submissionIds({ world: { ipfs, clock } }: Scene, batchCids: readonly Cid[]): Promise<string[]> {
  const ids: string[] = []
  for (const cid of batchCids) {
    const bytes = await clock.runUntil(ipfs.node('consumer').get(cid, { bytesMax: BATCH_BYTES_MAX, timeoutMs: 5_000 }), { limitMs: 10_000 })
    ids.push(...(decodeBatch(bytes)?.submissions ?? []).map(({ submissionId }) => submissionId))
  }
  return ids
}
