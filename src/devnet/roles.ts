import { join } from 'node:path'
import type { Cid, EpochId, ProjectId } from '#domain/ids.ts'
import type { ProjectReason } from '#domain/project.ts'
import { systemClock } from '#io/clock/system.ts'
import { wireApi } from '#node/api.ts'
import { wireCollector } from '#node/collector.ts'
import { wireEpochs } from '#node/epochs.ts'
import { NETWORK_FILE } from '#node/network.ts'
import { readSettings } from '#node/read-settings.ts'
import { wireRelay } from '#node/relay.ts'
import type { RunningRole, Wire } from '#node/role.ts'
import { wireSequencer } from '#node/sequencer.ts'
import type { Role } from '#node/settings/roles.ts'
import type { Given } from '#node/settings/settings.ts'
import { wireSnapshotter } from '#node/snapshotter.ts'
import { startWith } from '#node/start.ts'
import type { Started } from '#node/stop.ts'
import { wireValidator } from '#node/validator.ts'
import type { EpochEntry } from '#roles/sequencer/ledger.ts'
import type { Snapshotter } from '#roles/snapshotter/snapshotter.ts'
import type { Sequencer } from '#roles/sequencer/sequencer.ts'
import type { Validator } from '#roles/validator/validator.ts'
import type { Planted } from './fault.ts'
import { type Ground, type RpcFor, SNAPSHOTTERS } from './ground.ts'
import { falsify } from './lie.ts'
import type { DevnetReport, Endpoint } from './report.ts'
import { startParts } from './scale-out.ts'

/** How often roles ask their chains; a tenth of a block keeps the network's own share of the time small. */
const POLL_MS = '100'
/** Honest snapshotters see the same chain at different moments, as anywhere: what they agree about does not hang on the moment. */
const POLLS_MS = [POLL_MS, '250']
/** Under which the sequencer is found at the relay. */
const RENDEZVOUS_POINT = 'devnet'
/** The devnet's source chain never rewrites itself. */
const HEAD_OFFSET = '1'

/** Every role of the network, started, each with settings as the command line would read them. */
export interface NetworkRoles {
  readonly relay: RunningRole
  /** Where the sequencer takes submissions. */
  readonly sequencerPlaces: readonly string[]
  readonly sequencerHttp: string
  readonly api: string
  /** What the sequencer knows of an epoch; nothing while it is away. */
  recordOf(epochId: EpochId): EpochEntry | undefined
  /** Stops the sequencer and starts it again after so long, at the same places. */
  silenceSequencer(forMs: number): Promise<void>
  /** Why honest snapshotters have no data of a project. */
  failureOf(epochId: EpochId, projectId: ProjectId): { readonly reason: ProjectReason; readonly detail: string } | undefined
  /** What validators found wrong with a batch, in words. */
  evidenceOf(epochId: EpochId, batchCid: Cid): string | undefined
  readonly collectors: readonly RunningRole[]
  readonly gateways: Readonly<Record<string, string>>
  readonly listening: readonly Endpoint[]
  /** Rejects when any role fails in a way that needs a person. */
  readonly failed: Promise<never>
}

interface Hosting {
  readonly report: DevnetReport
  readonly started: Started
  readonly signal: AbortSignal
  readonly rpcFor?: RpcFor
  /** Of all roles alike. */
  readonly settings?: Given
  /** The sequencer is several processes' worth of parts. */
  readonly scaleOut?: boolean
}

/** Starts the roles in the order in which they need each other. Throws the signal's reason when it aborts meanwhile. */
export async function startRoles(
  ground: Ground,
  hosting: Hosting,
  fault: Pick<Planted, 'outside' | 'computes'> = {},
): Promise<NetworkRoles> {
  const { roles, start } = createStarting(ground, hosting)
  const { cast, honestSeats, lyingSlots } = ground

  const relay = await start('relay', 'relay', wireRelay, { rendezvous: 'on', admission: 'slots' })
  const relayAddress = first(relay, 'p2p')
  // A devnet has no end of a day to wait for: it counts with every epoch.
  const sequencerFlags = {
    signerKey: cast.sequencer.keyText,
    relays: relayAddress,
    rendezvousPoint: RENDEZVOUS_POINT,
    countsEveryEpochs: '1',
  }
  const wireThrough = wireSequencer(fault.outside)
  const { folder } = ground
  const parts = hosting.scaleOut === true ? await startParts(sequencerFlags, { folder, start, started: hosting.started }) : undefined
  const sequencer = parts?.sealer ?? (await start('sequencer', 'sequencer', wireThrough, sequencerFlags))
  /** Where submissions are taken, and where from through the relay. */
  const doors = (parts?.listeners ?? [sequencer]).map((listener) => first(listener, 'p2p'))
  const validators = await startValidators(ground, start, first(sequencer, 'ipfs'))
  // Whoever keeps content is its peer: what one has let go of another may have.
  const holders = [sequencer, ...validators].map((role) => first(role, 'ipfs')).join(',')
  const api = await start('api', 'api', wireApi, { ipfsPeers: holders, sequencerHttp: first(sequencer, 'http') })
  const alsoTo = validators.map((validator) => first(validator, 'p2p')).join(',')
  const direct = await start('collector-direct', 'collector', wireCollector, {
    grpcListen: '127.0.0.1:0',
    sequencers: doors.join(','),
    alsoTo,
    gateways: first(sequencer, 'gateway'),
  })
  const relayed = await start('collector-relayed', 'collector', wireCollector, {
    grpcListen: '127.0.0.1:0',
    sequencers: `${relayAddress}/p2p-circuit/p2p/${peerIdIn(doors.at(-1) ?? '')}`,
    // Should the relay fail it, it finds the direct way.
    rendezvousAt: relayAddress,
    rendezvousPoint: RENDEZVOUS_POINT,
    // The relay serves whom a slot speaks for.
    signerKey: cast.honest.keyText,
    slots: String(honestSeats[0]?.[0] ?? ''),
    alsoTo,
    gateways: first(sequencer, 'gateway'),
  })
  const snapshotters: RunningRole<Snapshotter>[] = []
  for (const [seat, name] of SNAPSHOTTERS.entries()) {
    const snapshotter = await start(name, 'snapshotter', wireSnapshotter(fault.computes), {
      signerKey: cast.honest.keyText,
      slots: (honestSeats[seat] ?? []).join(','),
      collector: first(direct, 'grpc'),
      // A CID becomes final only when the sequencer can fetch its bytes: one side connects, both fetch.
      ipfsPeers: first(sequencer, 'ipfs'),
      pollMs: POLLS_MS[seat] ?? POLL_MS,
    })
    snapshotters.push(snapshotter)
  }
  if (lyingSlots.length > 0) {
    await start('liar', 'snapshotter', wireSnapshotter(falsify), {
      signerKey: cast.liar.keyText,
      slots: lyingSlots.join(','),
      collector: first(relayed, 'grpc'),
      ipfsPeers: first(sequencer, 'ipfs'),
    })
  }
  await start('epochs', 'epochs', wireEpochs, { signerKey: cast.epochManager.keyText, headOffset: HEAD_OFFSET })

  const withGateway = roles.filter(([name, { places }]) => name !== 'liar' && places['gateway'] !== undefined)
  return {
    relay,
    sequencerPlaces: parts === undefined ? (sequencer.places['p2p'] ?? []) : doors,
    sequencerHttp: sequencer.places['http']?.[0] ?? '',
    api: api.places['http']?.[0] ?? '',
    ...keepSequencer(sequencer, (places) => start('sequencer', 'sequencer', wireThrough, { ...sequencerFlags, ...places })),
    failureOf: (epochId, projectId) => failureOf(snapshotters, epochId, projectId),
    evidenceOf: (epochId, batchCid) => evidenceOf(validators, epochId, batchCid),
    collectors: [direct, relayed],
    gateways: Object.fromEntries(withGateway.map(([name, role]) => [name, first(role, 'gateway')])),
    listening: placesOf(ground, roles),
    failed: Promise.race(roles.map(([, { ended }]) => ended.then(() => new Promise<never>(() => undefined)))),
  }
}

/** Each hears the submissions too. */
async function startValidators({ cast }: Ground, start: Start, sequencerIpfs: string): Promise<readonly RunningRole<Validator>[]> {
  const validators: RunningRole<Validator>[] = []
  for (const [index, validator] of cast.validators.entries()) {
    const role = await start(`validator-${index + 1}`, 'validator', wireValidator, {
      signerKey: validator.keyText,
      // What stands in for the sequencer's batch comes from one of them.
      ipfsPeers: [sequencerIpfs, ...validators.map((earlier) => first(earlier, 'ipfs'))].join(','),
      hearListen: '/ip4/127.0.0.1/tcp/0',
      // One computes some of the data anew.
      ...(index === 0 ? { level: 'recompute' } : {}),
    })
    validators.push(role)
  }
  return validators
}

/** What the first that failed says of it. */
function failureOf(snapshotters: readonly RunningRole<Snapshotter>[], epochId: EpochId, projectId: ProjectId) {
  const records = snapshotters.map(({ handle }) => handle.project(epochId, projectId))
  const failed = records.find((record) => record?.state === 'missed' && record.reason !== undefined)
  return failed?.reason && { reason: failed.reason, detail: failed.detail }
}

/** What the first that has evidence found: which checks failed how often, and for which slots. */
function evidenceOf(validators: readonly RunningRole<Validator>[], epochId: EpochId, batchCid: Cid): string | undefined {
  const failures = validators.map(({ handle }) => handle.evidence(epochId, batchCid)?.failures).find((found) => found !== undefined)
  if (failures === undefined) return undefined
  const told = [...Map.groupBy(failures, ({ check }) => check)].map(([check, some]) => {
    const slots = [...new Set(some.flatMap(({ slotId }) => (slotId > 0 ? [slotId] : [])))]
    return `${some.length} ${check}${slots.length > 0 ? ` of slot ${slots.join(', ')}` : ''}`
  })
  return told.join('; ')
}

/** The sequencer that is there now, which may go and come back. */
function keepSequencer(sequencer: RunningRole<Sequencer>, startAgain: (places: Given) => Promise<RunningRole<Sequencer>>) {
  let current: RunningRole<Sequencer> | undefined = sequencer
  return {
    recordOf: (epochId: EpochId) => current?.handle.epoch(epochId),
    async silenceSequencer(forMs: number): Promise<void> {
      current = undefined
      await sequencer.stop()
      await systemClock.sleep(forMs)
      const listenAt = (what: string): string => first(sequencer, what).split('/p2p/')[0] ?? ''
      const httpListen = new URL(first(sequencer, 'http')).host
      current = await startAgain({ p2pListen: listenAt('p2p'), ipfsListen: listenAt('ipfs'), httpListen })
    },
  }
}

type Start = ReturnType<typeof createStarting>['start']

/** Starts one role after the other, each in a folder of its own. */
function createStarting(
  ground: Ground,
  { report, started, signal, rpcFor = (_role, _chain, rpcUrl) => rpcUrl, settings: alike = {} }: Hosting,
) {
  const roles: [string, RunningRole][] = []
  /** One that was away comes back to its own. */
  const folders = new Map<string, string>()
  async function start<Handle>(name: string, role: Role, wire: Wire<Handle>, flags: Given): Promise<RunningRole<Handle>> {
    signal.throwIfAborted()
    report.progress(`starting ${name} …`)
    const dataDir = folders.get(name) ?? ground.folder.make(name)
    folders.set(name, dataDir)
    const given = { ...common(ground, (chain, rpcUrl) => rpcFor(name, chain, rpcUrl)), ...alike, ...flags, dataDir }
    const read = readSettings(role, given, {})
    // Of folders that are watched all roles have the editions as they come.
    const settings = ground.editions === undefined ? read : { ...read, computes: ground.editions }
    const running = await startWith(role, settings, wire, { logTo: join(ground.dataDir, 'logs', `${name}.log`) })
    started.add(name, running)
    roles.push([name, running])
    return running
  }
  return { roles, start }
}

/** Where everything of the network is, by name. */
function placesOf(ground: Ground, roles: readonly (readonly [string, RunningRole])[]): readonly Endpoint[] {
  return [
    { name: 'anchor chain', where: ground.anchor.rpcUrl },
    { name: 'source chain', where: ground.source.rpcUrl },
    { name: 'protocol state', where: ground.protocol.protocolState },
    { name: 'data market', where: ground.protocol.dataMarket },
    ...roles.flatMap(([name, { places }]) => Object.entries(places).map(([what, where]) => ({ name: `${name} ${what}`, where }))),
    { name: 'data', where: ground.dataDir },
  ]
}

/** The settings that every role finds the same; those it does not know are left aside. What the market asks for is in its manifest. */
function common(
  { anchor, source, dataDir, computes, editions }: Ground,
  rpcFor: (chain: 'anchor' | 'source', rpcUrl: string) => string,
): Given {
  const sourceRpcUrl = rpcFor('source', source.rpcUrl)
  return {
    anchorRpcUrl: rpcFor('anchor', anchor.rpcUrl),
    network: join(dataDir, NETWORK_FILE),
    sourceRpcUrl,
    recomputeRpcUrl: sourceRpcUrl,
    // What it signs concerns no other network.
    signedDir: join(dataDir, 'signed'),
    // Nobody else has its keys.
    listenEpochs: '0',
    pollMs: POLL_MS,
    ...(computes.length > 0 && editions === undefined && { computes: computes.map(({ folder }) => folder).join(',') }),
  }
}

function first(role: RunningRole, what: string): string {
  return role.places[what]?.[0] ?? ''
}

function peerIdIn(address: string): string {
  return address.slice(address.lastIndexOf('/') + 1)
}
