import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { EpochId } from '#domain/ids.ts'
import { type RunRow, runComputes } from './compute-run.ts'
import { createRunWorld } from './compute-run.test-world.ts'
import { openNamed } from './compute-twice.ts'

let world: ReturnType<typeof createRunWorld>
beforeEach(() => {
  world = createRunWorld()
})
afterEach(() => rmSync(world.home, { recursive: true, force: true }))

async function run(name: string, epochIds: readonly number[], isCompared = false, source?: string): Promise<RunRow[]> {
  const named = { ...world.place.named, ...(source !== undefined && { added: { projectType: name, source } }) }
  const opened = openNamed(named)
  try {
    const asked = {
      name,
      epochIds: epochIds as EpochId[],
      folder: join(world.home, 'cache'),
      isCompared,
      signal: new AbortController().signal,
    }
    return await Array.fromAsync(runComputes({ ...world.place, named }, opened, asked))
  } finally {
    await opened.stop()
  }
}

test('an aggregate is run with what it builds on, over the epochs that are run; a second time nobody is asked', async () => {
  const rows = await run('sum', [2, 3])
  expect(rows.map(({ projectId, epochId, text }) => [projectId.split(':')[0], epochId, text])).toEqual([
    ['sum', 2, '10'],
    ['sum', 3, '25'],
  ])
  expect(world.asked.filter((name) => name === 'read')).toHaveLength(2)
  world.asked.length = 0
  expect(await run('sum', [2, 3])).toEqual(rows)
  expect(world.asked).toEqual([])
})

test('of blocks that may be replaced it is asked whether they were, and what is said of others is not believed', async () => {
  const [before] = await run('block', [39])
  world.asked.length = 0
  await run('block', [39])
  expect(world.asked.filter((name) => name === 'read')).toEqual([])
  world.chain.reorg(10)
  world.asked.length = 0
  expect((await run('block', [39]))[0]?.text).toBe(before?.text)
  expect(world.asked.filter((name) => name === 'read')).toHaveLength(1)
})

test('a run is compared with the run before, field by field', async () => {
  await run('block', [2])
  expect((await run('block', [2], true))[0]?.compared).toMatchObject({ with: 'the run before', differences: [] })
  world.write('2n * (read as bigint)')
  expect((await run('block', [2], true))[0]?.compared?.differences).toEqual(['value: 20, not 10'])
})

test('what was finalized comes before the run before', async () => {
  world.place = { ...world.place, finalized: async () => ({ cid: 'bafk', text: '{"value":7}' }) }
  await run('block', [2])
  expect((await run('block', [2], true))[0]?.compared).toEqual({
    with: 'finalized',
    snapshotCid: 'bafk',
    differences: ['value: 10, not 7'],
  })
})

test('a compute that hangs on which answer comes first is shown with the first byte that differs; one that fails with file and line', async () => {
  world.write('await Promise.race([epoch.begin, epoch.end].map((at) => source.timestamp(at).then(() => BigInt(at))))')
  const { block } = world.chain
  const connect = world.place.source.connect
  // The answer about the epoch's first block comes after that about its last, the first time.
  const last = Promise.withResolvers<void>()
  world.place = {
    ...world.place,
    source: {
      ...world.place.source,
      connect: async () => ({
        ...(await connect()),
        block: async (number) => {
          if (number === 10) last.resolve()
          if (number === 6) await last.promise.then(() => new Promise((resolve) => setImmediate(resolve)))
          return block(number)
        },
      }),
    },
  }
  expect((await run('block', [2]))[0]?.nondeterministic).toMatch(/^byte \d+: /)
  world.write("(() => { throw new Error('no luck') })()")
  expect((await run('block', [2]))[0]).toMatchObject({ reason: 'compute_failed', detail: expect.stringContaining('compute.ts:6: no luck') })
})

test('a name that no project has is told with those that there are', async () => {
  await expect(run('blok', [2])).rejects.toThrow("no project has 'blok'; did you mean block? There are block, sum")
})

test('a source that is not configured is run alone, in both processes', async () => {
  const set = join(world.home, 'set')
  writeFileSync(
    join(set, 'compute.ts'),
    `import { configOf, list, object, text, type ComputeSetModule } from 'weft/compute'
export default { name: 'set', version: '1', config: configOf(object({ tokens: list(text()) })), create: ({ tokens }) => ({ preloads: [],
  snapshots: [{ projectType: 'token', dataSources: tokens, preloads: [], async compute({ dataSource }) { return { of: dataSource! } } }],
  aggregates: [] }) } satisfies ComputeSetModule<{ tokens: readonly string[] }>
`,
  )
  writeFileSync(join(set, 'config.json'), '{ "tokens": ["0x01", "0x02"] }')
  const rows = await run('token', [2], false, '0x0A')
  expect(rows.map(({ projectId, text, nondeterministic }) => [projectId, text, nondeterministic])).toEqual([
    ['token:0x0a:N', '{"of":"0x0A"}', undefined],
  ])
})
