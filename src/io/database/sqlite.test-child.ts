/** Run by sqlite.test.ts: indexes epochs without end, from where the database is, and prints each block once it is applied, until it is killed. */
import { content, createChain, MARKET } from './chain.test-world.ts'
import { openSqliteIndex } from './sqlite.ts'

const database = await openSqliteIndex({ path: String(process.argv[2]), market: MARKET, indexId: 'index' })
if (!(await database.lead())) throw new Error('another process leads')
const chain = createChain()
const [last] = (await database.knownBlocks()).toReversed()
if (last !== undefined) chain.rollback(last)
/** Two blocks an epoch: its release with a batch, and its end. */
for (let blocks = last === undefined ? 0 : last.number - 99; ; blocks += 1) {
  const id = Math.floor(blocks / 2) + 1
  if (blocks % 2 === 0) await database.apply([chain.block(['EpochReleased', id], ['SnapshotBatchSubmitted', id, `batch${id}`])])
  else await database.apply([chain.block(['SnapshotBatchFinalized', id, `batch${id}`])])
  for (const { batchNo, epochId } of await database.wantedBatches(0, 10))
    await database.putBatch(batchNo, content({ A: `a${epochId}`, B: `b${epochId}` }))
  process.stdout.write(`${chain.head?.number}\n`)
}
