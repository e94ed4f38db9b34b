import { randomBytes } from 'node:crypto'
import { createRelay } from '#io/p2p/relay.ts'
import { serveSteps } from './child.ts'

/** A relay in a process of its own: what it costs is not the sequencer's. */
const relay = await createRelay({ identity: randomBytes(32) })
await serveSteps({ addresses: () => ({ addresses: relay.addresses() }) })
