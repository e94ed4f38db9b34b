import { readdirSync, readFileSync } from 'node:fs'
import { execSync } from 'node:child_process'
import { startNetwork } from './intake/network.ts'
const [peers, perWrite, perSecond] = process.argv.slice(2, 5).map(Number) as [number, number, number]
const network = await startNetwork({ slots: peers, projects: 1000, recoveries: 20000 })
await network.load.ask('connect', { count: peers, address: await network.address('direct') })
const shape = { peers, perWrite, perSecond }
await network.measured({ ...shape, count: 8000 })
const pid = Number(execSync(`pgrep -f intake/sequencing.ts | head -1`).toString().trim())
const read = () => Object.fromEntries(readdirSync(`/proc/${pid}/task`).map((t) => { const s = readFileSync(`/proc/${pid}/task/${t}/schedstat`, 'utf8').split(' '); const c = readFileSync(`/proc/${pid}/task/${t}/comm`,'utf8').trim(); return [t + ' ' + c, Number(s[0]) / 1e3] }))
console.error('BEGIN'); const b = read()
const m = await network.measured({ ...shape, count: Math.min(40000, perSecond * 5) })
console.error('END'); const a = read()
console.log(`floor ${network.floorUs.toFixed(1)} x ${(m.cpuUs / network.floorUs).toFixed(2)} cpu ${m.cpuUs.toFixed(1)} accepted ${m.accepted}`)
for (const [k, v] of Object.entries(a)) { const d = (v - (b[k] ?? 0)) / m.accepted; if (d > 0.2) console.log(k, d.toFixed(2)) }
await network.stop()
process.exit()
