import { systemClock } from '#io/clock/system.ts'
import { createFakeGrpc } from './fake.ts'
import { grpcSuite } from './suite.ts'

grpcSuite('gRPC in memory', () => createFakeGrpc(systemClock))
