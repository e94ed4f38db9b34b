import { clockSuite } from './suite.ts'
import { systemClock } from './system.ts'

clockSuite('system', () => ({ clock: systemClock, pass: () => Promise.resolve() }))
