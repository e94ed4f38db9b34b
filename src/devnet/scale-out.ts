import type { RunningRole, Wire } from '#node/role.ts'
import { wirePart } from '#node/scale-out.ts'
import { wireSequencer } from '#node/sequencer.ts'
import type { Role } from '#node/settings/roles.ts'
import type { Given } from '#node/settings/settings.ts'
import type { Started } from '#node/stop.ts'
import type { Sequencer } from '#roles/sequencer/sequencer.ts'
import type { DevnetFolder } from './folder.ts'
import { startNatsServer } from './nats-server.ts'

const LISTENERS = 2
const PARTITIONS = 2
/** All of it is one process here: what need not be as prompt as the sealer asks less often. */
const POLL_MS = '250'

type Start = <Handle>(name: string, role: Role, wire: Wire<Handle>, flags: Given) => Promise<RunningRole<Handle>>

/** The sequencer in parts: a NATS server, the box of each partition, listeners, and a sealer with another that stands by. */
export async function startParts(
  flags: Given,
  { folder, start, started }: { readonly folder: Pick<DevnetFolder, 'make'>; readonly start: Start; readonly started: Started },
): Promise<{ readonly sealer: RunningRole<Sequencer>; readonly listeners: readonly RunningRole[] }> {
  const nats = await startNatsServer({ directory: folder.make('nats') })
  started.add('nats-server', nats)
  const alike = { ...flags, nats: nats.url, natsReplicas: '1', partitions: String(PARTITIONS) }
  const sealer = await start('sequencer', 'sequencer', wireSequencer(), { ...alike, mode: 'seal' })
  const beside = { ...alike, pollMs: POLL_MS }
  const ipfsPeers = sealer.places['ipfs']?.[0] ?? ''
  await start('sequencer-standby', 'sequencer', wireSequencer(), { ...beside, mode: 'seal', ipfsPeers })
  for (let partition = 0; partition < PARTITIONS; partition += 1)
    await start(`ballot-box-${partition + 1}`, 'sequencer', wirePart('ballot'), { ...beside, mode: 'ballot' })
  const listeners: RunningRole[] = []
  // Their key is for the relay, which serves whom a slot or the sequencer vouches for; they sign nothing else.
  for (let number = 1; number <= LISTENERS; number += 1)
    listeners.push(await start(`listener-${number}`, 'sequencer', wirePart('listen'), { ...beside, mode: 'listen' }))
  return { sealer, listeners }
}
