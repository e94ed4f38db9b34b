import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Cid } from '#domain/ids.ts'
import type { IndexDatabase } from '#io/database/port.ts'
import { openPostgresIndex } from '#io/database/postgres.ts'
import { startPostgres } from '#io/database/server.test-world.ts'
import { openSqliteIndex } from '#io/database/sqlite.ts'
import { openWorld, type World } from '#roles/api/api.test-world.ts'

/**
 * What an epoch of 1,000 projects with 20 votes each costs whoever indexes it: CPU of this process, from the chain's steps to the text of every
 * snapshot in the tables; what the IPFS node takes to fetch and hash is its own. An epoch a second leaves it 1,000 ms of one core.
 */

const PROJECTS = 1_000
const SLOTS = 20
const BATCHES = 2
const EPOCHS = 10
/** Code is warm after these. */
const WARM_EPOCHS = 4
/** CPU an epoch may take. */
const AIM_MS = 300

/** About what a Uniswap V2 pair's trade volume is: 2.5 kB. */
const snapshotOf = (epoch: number, project: number) => ({
  contract: `0x${String(project).padStart(40, '0')}`,
  chainHeightRange: { begin: epoch * 10, end: epoch * 10 + 9 },
  ...Object.fromEntries(
    ['token0Reserves', 'token1Reserves', 'token0ReservesUSD', 'token1ReservesUSD', 'token0Prices', 'token1Prices'].map((name, field) => [
      name,
      Object.fromEntries(
        Array.from({ length: 10 }, (_, block) => [
          `block${epoch * 10 + block}`,
          (project + 1) * 1_234.567_89 + epoch * 7.77 + block / (field + 3),
        ]),
      ),
    ]),
  ),
})

/** Contents as a node has them that need not be fetched. */
function createContents({ ipfs }: World) {
  const contents = new Map<Cid, Uint8Array>()
  const limits = { bytesMax: 2 ** 30, timeoutMs: 1_000 }
  return {
    node: { ...ipfs.node('api'), get: async (cid: Cid) => contents.get(cid) as Uint8Array, pin: async () => undefined },
    async take(cids: readonly Cid[]): Promise<void> {
      for (const cid of cids) contents.set(cid, await ipfs.node('sequencer').get(cid, limits))
    },
  }
}

async function addEpochs(world: World, count: number, contents: ReturnType<typeof createContents>): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const epochId = await world.release()
    const anchored = []
    for (let batch = 0; batch < BATCHES; batch += 1) {
      const projects = Array.from({ length: PROJECTS / BATCHES }, (_, project) => batch * (PROJECTS / BATCHES) + project)
      const values = Object.fromEntries(projects.map((project) => [`pair${project}`, snapshotOf(epochId, project)]))
      anchored.push(await world.anchor(values, { slots: SLOTS, byRoots: true }))
    }
    await world.end(epochId)
    for (const each of anchored) {
      await world.attest(each)
      await contents.take([each.batchCid, ...each.batch.snapshotCids])
    }
  }
}

async function measure(name: string, database: IndexDatabase): Promise<void> {
  const world = await openWorld(database)
  const contents = createContents(world)
  await addEpochs(world, WARM_EPOCHS, contents)
  const warm = await world.start({}, { ipfs: contents.node })
  await settled(world, database)
  await warm.stop()
  await addEpochs(world, EPOCHS, contents)
  const running = await world.start({}, { ipfs: contents.node })
  const before = process.cpuUsage()
  const begun = performance.now()
  await settled(world, database)
  const { user, system } = process.cpuUsage(before)
  const elapsedMs = performance.now() - begun
  await running.stop()
  const { points, bytes } = await database.summary()
  const cpuMs = (user + system) / 1_000 / EPOCHS
  process.stdout.write(
    `index ${name}: ${cpuMs.toFixed(0)} ms of CPU an epoch of ${PROJECTS} projects x ${SLOTS} votes (at most ${AIM_MS}), ` +
      `${(elapsedMs / EPOCHS).toFixed(0)} ms of time, ${(bytes / points).toFixed(0)} bytes on disk a point\n`,
  )
  if (cpuMs > AIM_MS) process.exitCode = 1
}

/** Without asking all the time, which would be most of the work. */
async function settled({ clock, chain }: World, database: IndexDatabase): Promise<void> {
  const head = await chain.head()
  for (;;) {
    await clock.advance(20)
    await new Promise((resolve) => setTimeout(resolve, 5))
    const known = (await database.knownBlocks()).at(-1)
    if (known?.number !== head.number) continue
    const left = (await database.wantedBatches(clock.nowMs(), 1)).length + (await database.wantedSnapshots(clock.nowMs(), 1)).length
    if (left === 0) return
  }
}

const folder = mkdtempSync(join(tmpdir(), 'weft-bench-index-'))
try {
  const sqlite = await openSqliteIndex({ path: join(folder, 'index.sqlite'), market: 'bench', indexId: 'bench' })
  await sqlite.lead()
  await measure('in SQLite', sqlite)
  await sqlite.close()
  const server = await startPostgres()
  try {
    const postgres = await openPostgresIndex({ url: await server.database(), market: 'bench', indexId: 'bench' })
    await postgres.lead()
    await measure('in PostgreSQL (of the server nothing is counted)', postgres)
    await postgres.close()
  } finally {
    await server.stop()
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
