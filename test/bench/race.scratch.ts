import { startNetwork } from './intake/network.ts'
const [peers, perWrite, perSecond, file] = [...process.argv.slice(2, 5).map(Number), process.argv[5]] as [number, number, number, string | undefined]
const network = await startNetwork({ slots: peers, projects: 1000, recoveries: 20000 })
await network.load.ask('connect', { count: peers, address: await network.address('direct') })
const shape = { peers, perWrite, perSecond }
await network.measured({ ...shape, count: 8000 })
if (file !== undefined) await network.sequencer.ask<any>('prof', { on: true })
const { main: b } = await network.sequencer.ask<any>('main')
const m = await network.measured({ ...shape, count: Math.min(40000, perSecond * 5) })
const { main: a } = await network.sequencer.ask<any>('main')
if (file !== undefined) await network.sequencer.ask<any>('prof', { on: false, file })
const f = (n: number) => n.toFixed(1)
console.log(`floor ${f(network.floorUs)} x ${(m.cpuUs / network.floorUs).toFixed(2)} cpu ${f(m.cpuUs)} main ${f((a.user + a.system - b.user - b.system) / m.accepted)} sys ${f((a.system - b.system) / m.accepted)} perSecond ${f(m.perSecond)} p50 ${f(m.p50Ms)} p99 ${f(m.p99Ms)} refused ${m.refused}`)
await network.stop()
process.exit()
