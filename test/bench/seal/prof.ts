import { Session } from 'node:inspector/promises'
import { writeFileSync } from 'node:fs'
import { openWorld } from './world.ts'
import { mineUntil } from './sealed.ts'
const form = process.argv[2] as 'json'
const world = await openWorld({ projects: 1000, slots: 20, form })
const session = new Session()
session.connect()
await session.post('Profiler.enable')
await session.post('Profiler.setSamplingInterval', { interval: 200 })
for (const epoch of [1, 2, 3]) {
  await world.release(epoch)
  await world.vote(epoch)
  const ready = Promise.withResolvers<void>()
  world.onFirstFile(ready.resolve)
  if (epoch === 3) await session.post('Profiler.start')
  const b = process.cpuUsage()
  await world.close(epoch)
  await ready.promise
  console.log(epoch, process.cpuUsage(b))
  if (epoch === 3) writeFileSync('/tmp/seal.cpuprofile', JSON.stringify((await session.post('Profiler.stop')).profile))
  await mineUntil(world, () => world.ended.length === epoch)
}
await world.stop()
