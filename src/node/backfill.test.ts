import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { backfill, type BackfilledEpoch, type BackfillOptions } from './backfill.ts'
import { createRunWorld } from './compute-run.test-world.ts'
import { openNamed } from './compute-twice.ts'

let world: ReturnType<typeof createRunWorld>
beforeEach(() => {
  world = createRunWorld()
})
afterEach(() => rmSync(world.home, { recursive: true, force: true }))

async function fill(options: Partial<BackfillOptions> = {}): Promise<BackfilledEpoch[]> {
  const opened = openNamed(world.place.named)
  const done: BackfilledEpoch[] = []
  try {
    const given = { from: 4, to: 24, folder: join(world.home, 'out'), signal: new AbortController().signal }
    await backfill(world.place, opened, { ...given, onEpoch: (epoch) => void done.push(epoch), ...options })
    return done
  } finally {
    await opened.stop()
  }
}
const dataOf = (folder: string) =>
  Object.fromEntries(
    readdirSync(join(world.home, folder, 'data')).flatMap((project) =>
      readdirSync(join(world.home, folder, 'data', project)).map((file) => [
        `${project.split('%')[0]} ${file}`,
        readFileSync(join(world.home, folder, 'data', project, file), 'utf8'),
      ]),
    ),
  )

test('epochs that lie whole within the blocks are computed, aggregates over those before them', async () => {
  expect((await fill()).map(({ epochId, projects, failed, isKept }) => [epochId, projects, failed, isKept])).toEqual([
    [2, 2, 0, false],
    [3, 2, 0, false],
    [4, 2, 0, false],
  ])
  expect(dataOf('out')).toEqual({
    'block 2.json': '{"value":10}',
    'block 3.json': '{"value":15}',
    'block 4.json': '{"value":20}',
    'sum 2.json': '10',
    'sum 3.json': '25',
    'sum 4.json': '45',
  })
})

test('whatever ends it, called again it goes on where it was, and has the same in the end', async () => {
  await fill({ folder: join(world.home, 'whole') })
  let copied = 0
  const failing = async (): Promise<void> => {
    copied += 1
    // In the middle of the second epoch, of which one snapshot is not there yet.
    if (copied === 3) throw new Error('power')
  }
  await expect(fill({ copy: failing })).rejects.toThrow('power')
  const stopping = new AbortController()
  await expect(
    fill({ signal: stopping.signal, onEpoch: ({ epochId }) => epochId === 3 && stopping.abort(new Error('Ctrl-C')) }),
  ).rejects.toThrow('Ctrl-C')
  expect((await fill()).map(({ epochId, isKept }) => [epochId, isKept])).toEqual([
    [2, true],
    [3, true],
    [4, false],
  ])
  expect(dataOf('out')).toEqual(dataOf('whole'))
})

test('a folder that was begun with other computes is refused; a project that fails is counted, with its reason on record', async () => {
  world.write("(() => { if (epoch.epochId === 3) throw new Error('no luck'); return read as bigint })()")
  expect((await fill()).map(({ failed }) => failed)).toEqual([0, 2, 0])
  const record = JSON.parse(readFileSync(join(world.home, 'out/epochs/3.json'), 'utf8'))
  expect(record.projects['block:N']).toMatchObject({ reason: 'compute_failed', detail: expect.stringContaining('compute.ts:6: no luck') })
  world.place = { ...world.place, namespace: 'M' }
  await expect(fill()).rejects.toThrow(/was begun as/)
})
