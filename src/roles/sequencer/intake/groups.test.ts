import { deepStrictEqual } from 'node:assert/strict'
import { test } from 'vitest'
import type { BlockNumber, Cid, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import type { Submission } from '#domain/submission.ts'
import type { Inbound } from '#io/intake/port.ts'
import { createSeededRandom } from '#io/keys/random.ts'
import { CIDS, open, PROJECTS, type World } from '#roles/sequencer/sequencer.test-world.ts'
import { encodeCollectJson, encodeSubmission } from '#wire/submission-proto.ts'

/**
 * What comes together is answered as if each had come alone, whatever is in the group: one buffer holds the signatures of all of it, and some of its
 * members have none, have none that is looked at, or repeat each other. `FUZZ_INPUTS` says how many groups are tried, `FUZZ_SEED` where they begin.
 */

const GROUPS_PER_WORLD = 50
const COUNT = Number(process.env['FUZZ_INPUTS'] ?? 5_000)
const FIRST_SEED = Number(process.env['FUZZ_SEED'] ?? 1)
const LIMIT_MS = Math.max(180_000, COUNT * 50)
const MADE_UP = `0x${'77'.repeat(32)}`
/** In every other world slots run out of them, for all its time. What nobody signed is sent in the others: in a group it may be known as that before there are none left. */
const FEW = { tokensPerSecond: 1e-9, tokensMax: 40 }

interface Sent {
  readonly submissionId: string
  readonly protocol: Inbound['protocol']
  readonly payload: Uint8Array
}

/** A sequencer that is given groups as they are, and what it has answered to each delivery. */
async function createPlace(isScarce: boolean) {
  const groups: Inbound[][] = []
  let wake = (): void => undefined
  async function* inbound(signal: AbortSignal): AsyncGenerator<readonly Inbound[]> {
    signal.addEventListener('abort', () => wake(), { once: true })
    while (!signal.aborted) {
      const group = groups.shift()
      if (group !== undefined) yield group
      else {
        const given = Promise.withResolvers<void>()
        wake = given.resolve
        await given.promise
      }
    }
  }
  const world = await open({
    listener: { inbound },
    market: { snapshotWindowBlocks: 1_000 as never },
    counts: isScarce ? { slotLimits: { perSlot: FEW, perSlotAndEpoch: { ...FEW, tokensMax: 25 } } } : {},
  })
  await world.release()
  const codes = new Map<string, string[]>()
  let answers = 0
  return {
    world,
    isScarce,
    codes,
    async give(group: readonly Sent[], number: number) {
      const before = answers + world.sequencer.stats().waiting
      groups.push(
        group.map((sent, index) => ({
          ...sent,
          peer: 'p',
          respond({ code }) {
            answers += 1
            const name = `${number + index} ${sent.submissionId}`
            codes.set(name, [...(codes.get(name) ?? []), code])
          },
        })),
      )
      wake()
      await world.until(() => answers + world.sequencer.stats().waiting === before + group.length)
    },
    recorded: () =>
      ['vote/', 'evidence/', 'simulated/'].flatMap((prefix) => world.store.scan(prefix).map(({ key, value }) => `${key} ${value.toHex()}`)),
  }
}

type Place = Awaited<ReturnType<typeof createPlace>>

type Chance = ReturnType<typeof createChance>
function createChance(seed: number) {
  const { fraction, uuid } = createSeededRandom(seed)
  const below = (limit: number): number => Math.floor(fraction() * limit)
  return { uuid, below, oneOf: <Item>(items: readonly Item[]): Item => items[below(items.length)] as Item }
}

const NO_SIGNATURES: readonly ((right: string) => string)[] = [
  () => '',
  () => '0x',
  (right) => right.slice(0, -2),
  (right) => `${right}00`,
  (right) => `0x${'00'.repeat(65)}`.slice(0, right.length),
  (right) => `${right.slice(0, -2)}63`,
  (right) => `0x${'ff'.repeat(64)}1b`.slice(-right.length),
  (right) => right.replace(/[1-9a-f]/, 'g'),
]

/** Changes of what is signed, or of who has. */
const FORGED: readonly ((right: Submission, world: World) => Submission | Promise<Submission>)[] = [
  (right) => ({ ...right, signature: right.signature.slice(0, 12) + right.signature.slice(10, 12) + right.signature.slice(14) }),
  ({ request }, world) => world.submission({ ...request, signedBy: 1 + (request.slotId % 4) }),
  (right) => ({ ...right, request: { ...right.request, slotId: (1 + (right.request.slotId % 4)) as SlotId } }),
  (right) => ({
    ...right,
    request: { ...right.request, snapshotCid: right.request.snapshotCid === CIDS[0] ? CIDS[1] : CIDS[0] } as Submission['request'],
  }),
  (right) => ({ ...right, request: { ...right.request, deadlineBlock: (right.request.deadlineBlock + 1) as BlockNumber } }),
]

/** Anything that a stranger, a slot or somebody who copies it may send. */
async function anything(
  { world, isScarce }: Place,
  { below, oneOf }: Chance,
  earlier: readonly Submission[],
): Promise<Submission | Uint8Array> {
  const copied = earlier.length > 0 && below(5) < 2 ? oneOf(earlier.slice(-12)) : undefined
  const right =
    copied ??
    (await world.submission({
      slotId: (1 + below(4)) as SlotId,
      snapshotCid: oneOf(CIDS),
      projectId: oneOf([...PROJECTS, 'p:4:TEST', 'p:5:TEST', 'p:6:TEST']) as ProjectId,
      epochId: oneOf([1, 1, 1, 1, 2, 0]) as EpochId,
    }))
  const { request } = right
  switch (below(24)) {
    case 0:
      return Uint8Array.from({ length: below(40) }, () => below(256))
    case 1:
    case 2:
    case 3:
      return { ...right, signature: oneOf(NO_SIGNATURES)(right.signature) }
    case 4:
      return { ...right, header: MADE_UP }
    case 5:
      return { ...right, header: right.header.toUpperCase().replace('0X', '0x'), nodeVersion: 'another' }
    case 6:
      return { ...right, signature: right.signature.toUpperCase().replace('0X', '0x') }
    case 7:
    case 8:
    case 9:
      return isScarce ? right : oneOf(FORGED)(right, world)
    case 10:
      return { ...right, request: { ...request, snapshotCid: 'no CID' as Cid } }
    case 11:
      return { ...right, request: { ...request, slotId: 9 as SlotId } }
    case 12:
      return { ...right, dataMarket: `0x${'01'.repeat(20)}` }
    case 13:
      return world.submission({ ...request, epochId: 9 as EpochId, signedBy: 1 })
    default:
      return right
  }
}

const payloadOf = (one: Submission | Uint8Array, protocol: Inbound['protocol']): Uint8Array =>
  one instanceof Uint8Array ? one : protocol === 'weft' ? encodeSubmission(one) : new TextEncoder().encode(encodeCollectJson(one))

async function compare(seed: number, groups: number): Promise<void> {
  const chance = createChance(seed)
  const { below, oneOf, uuid } = chance
  const [together, alone] = [await createPlace(seed % 2 === 0), await createPlace(seed % 2 === 0)]
  const earlier: Submission[] = []
  const ids: string[] = []
  let number = 0
  for (let group = 0; group < groups; group += 1) {
    const sent: Sent[] = []
    for (let left = 1 + below(12); left > 0; left -= 1) {
      const one = await anything(together, chance, earlier)
      if (!(one instanceof Uint8Array)) earlier.push(one)
      const protocol = oneOf(['weft', 'weft', 'collect'] as const)
      const submissionId = below(30) === 0 ? 'no id' : below(8) === 0 && ids.length > 0 ? oneOf(ids) : uuid()
      ids.push(submissionId)
      sent.push({ submissionId, protocol, payload: payloadOf(one, protocol) })
    }
    await together.give(sent, number)
    for (const [index, each] of sent.entries()) await alone.give([each], number + index)
    number += sent.length
    // What waited for its epoch is judged then.
    if (group === Math.floor(groups / 2)) for (const { world } of [together, alone]) await world.release()
    deepStrictEqual(together.codes, alone.codes)
    deepStrictEqual(together.world.sequencer.stats().receipts, alone.world.sequencer.stats().receipts)
    deepStrictEqual(together.world.sequencer.stats().waiting, alone.world.sequencer.stats().waiting)
  }
  deepStrictEqual(together.recorded(), alone.recorded())
  for (const { world } of [together, alone]) await world.stop()
}

test(
  'S1, S2: what comes together is answered, and recorded, as if each had come alone',
  async () => {
    for (let from = 0; from < COUNT; from += GROUPS_PER_WORLD) {
      const seed = FIRST_SEED + from / GROUPS_PER_WORLD
      await compare(seed, Math.min(GROUPS_PER_WORLD, COUNT - from)).catch((cause: unknown) => {
        throw new Error(`FUZZ_SEED=${seed} FUZZ_INPUTS=${GROUPS_PER_WORLD}`, { cause })
      })
    }
  },
  LIMIT_MS,
)
