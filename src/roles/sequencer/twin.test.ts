import { expect, test } from 'vitest'
import type { FakeConnection } from '#io/chain/fake/anchor.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { type TwinWatch, watchTwins } from '#life/twins.ts'
import { createWire, EPOCH_1, open, PROJECTS, SEQUENCER, type Settings, vote, type World } from './sequencer.test-world.ts'

/** Two processes with one key, each with a folder of its own, started by mistake. Collectors know the first alone. */

/** Looks out for another process, as the wiring of the role does. */
function watching(store = createFakeStore()) {
  const told: string[] = []
  let watch: TwinWatch | undefined
  const watched = ({ chain, clock }: Pick<World, 'chain' | 'clock'>): Settings => ({
    onDisk: store,
    wire: {
      ...createWire(),
      around(connection: FakeConnection) {
        watch = watchTwins(
          { listenEpochs: 1, place: 'here' },
          {
            chain: connection,
            sender: connection.sender({ address: SEQUENCER, journal: store }),
            store,
            senderOf: async (hash) => chain.transactions().find((one) => one.hash === hash)?.from,
            clock,
            random: { fraction: () => 1 },
            report: (event) => void told.push(event),
          },
        )
        return watch.chain
      },
    },
    sends: () => (watch as TwinWatch).sender,
  })
  return { watched, told, unready: () => watch?.unready()?.reason }
}

/** Votes on the epoch, to the first, and lets it come to its end. */
async function live(world: World, epochId: number): Promise<void> {
  await world.release()
  for (const slotId of [1, 2]) await vote(world, slotId, 0, 0, epochId)
  await world.mine(30)
}

const callsIn = ({ chain }: World) =>
  chain
    .transactions()
    .filter(({ from }) => from === SEQUENCER)
    .map(({ call, receipt }) => [call.kind, 'epochId' in call && call.epochId, receipt?.reverted])

test('S33, G4: the second says so and sends nothing, and the epochs of the first are whole, however far apart epochs are', async () => {
  const first = await open()
  await live(first, 1)
  const { watched, told, unready } = watching()
  const second = await open({ around: first, ...watched(first) })
  await live(first, 2)
  await live(first, 3)
  expect(callsIn(first)).toEqual(
    [1, 2, 3].flatMap((epochId) => [
      ['submitSubmissionBatch', epochId, undefined],
      ['endBatchSubmissions', epochId, undefined],
    ]),
  )
  expect(first.records.map(({ epochId, reason }) => [epochId, reason])).toEqual([1, 2, 3].map((id) => [id, 'all_batches_anchored']))
  expect([told, unready()]).toEqual([['twin_listening', 'twin_found'], 'twin_found'])
  await Promise.all([first.stop(), second.stop()])
})

test('S33: one that is alone anchors the epoch that it listened to, in time', async () => {
  const { watched, told, unready } = watching()
  const before = await open()
  await before.stop()
  const world = await open({ around: before, ...watched(before) })
  await live(world, 1)
  expect(world.records.map(({ epochId, reason }) => [epochId, reason])).toEqual([[EPOCH_1, 'all_batches_anchored']])
  expect(await world.chain.snapshotStatus(PROJECTS[0] as (typeof PROJECTS)[number], EPOCH_1)).toMatchObject({ status: 'pending' })
  expect([told, unready()]).toEqual([['twin_listening'], undefined])
  await world.stop()
})
