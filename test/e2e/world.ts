import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import type { Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { type DevAccount, devAccount } from '#devnet/accounts.ts'
import { startAnvil } from '#devnet/anvil.ts'
import { type Deployment, deployProtocol, fundAccounts } from '#devnet/deploy.ts'
import type { BatchedSubmission } from '#domain/batch.ts'
import { type BlockNumber, type EpochId, parseProjectId } from '#domain/ids.ts'
import type { Secret } from '#domain/secret.ts'
import type { Submission, SubmissionRequest } from '#domain/submission.ts'
import type { AnchorChain, BlockRef } from '#io/chain/port.ts'
import { connectAnchorChain } from '#io/chain/read/anchor.ts'
import { createRpc } from '#io/chain/rpc/rpc.ts'
import { createProtocolSender } from '#io/chain/send/sender.ts'
import { systemClock } from '#io/clock/system.ts'
import { createGatewayReader } from '#io/ipfs/gateway-reader.ts'
import { createSigner } from '#io/keys/secp256k1.ts'
import type { SubmissionLink } from '#io/p2p/port.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { decodeBatch } from '#wire/batch-json.ts'
import { createSubmissionHasher } from '#wire/eip712.ts'
import { encodeSubmission } from '#wire/submission-proto.ts'
import { LIMIT_MS, until, within } from './within.ts'

/** What end-to-end tests play on: a real chain with the real contracts, roles as processes, and submissions made by hand. */

/** Epochs have this many source blocks; nothing here reads the source chain. */
const EPOCH_SIZE = 10
const NAMESPACE = 'STAGE'
/** How far ahead published nodes sign (spec/02 §1). */
const DEADLINE_BUFFER_BLOCKS = 500
/** A window and what comes after it, on a busy machine; the tests that wait for it have a minute or more. */
const EPOCH_END_TIMEOUT_MS = 55_000
const PROCESS_READY_TIMEOUT_MS = 25_000
/** CID of an empty file, and of one with other bytes. */
export const CIDS = [
  'bafkreicecnx2gvntm6fbcrvnc336qze6st5u7qq7457igegamd3bzkx7ri',
  'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku',
] as const

/** `weft` as a process. */
export interface WeftProcess {
  readonly child: ChildProcess
  /** What it wrote to stdout and stderr so far. */
  output(): string
  /** Resolves with the exit code, or `null` after a signal: whenever that may be. */
  readonly exited: Promise<number | null>
  /** As `exited`, but it must come now: otherwise it throws with what the process wrote. */
  ended(): Promise<number | null>
  /** Resolves when it has written that. Throws when it ends before, or takes too long, with what it wrote. */
  said(part: string): Promise<void>
  /** Resolves when that is so. Throws as `said`. */
  until(awaited: string, goal: () => boolean | Promise<boolean>): Promise<void>
}

export interface WeftRole extends WeftProcess {
  /** From its `endpoints.json`. */
  readonly places: Readonly<Record<string, readonly string[]>>
  readonly dataDir: string
}

type Variables = Readonly<Record<string, string>>

/** Not that of whoever runs the tests: what a snapshotter signs is written down there. */
const HOME = join(tmpdir(), 'weft-e2e-home')

/** Starts `weft` with an environment that holds nothing but `env`, in a folder. */
export function runWeft(args: readonly string[], env: Variables = {}, cwd?: string): WeftProcess {
  // As people start it: with the launcher's own flags.
  const child = spawn(join(import.meta.dirname, '../../weft'), args, {
    env: { PATH: process.env['PATH'], HOME, WEFT_LISTEN_EPOCHS: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      output += String(chunk)
    })
  }
  // `close` comes after the last byte of output, `exit` may come before.
  const exited = once(child, 'close').then(([code]) => code as number | null)
  const name = `weft ${args[0]}`
  const told = () => output
  return {
    child,
    output: told,
    exited,
    ended: () => within(exited, { awaited: `the end of ${name}`, limitMs: LIMIT_MS, told }),
    said: (part) => until(() => output.includes(part), { awaited: `'${part}' from ${name}`, limitMs: LIMIT_MS, told, ended: exited }),
    until: (awaited, goal) => until(goal, { awaited: `${awaited}, of ${name}`, limitMs: LIMIT_MS, told, ended: exited }),
  }
}

/** What a test says of a vote; the rest is as an honest snapshotter would have it. */
export interface Vote {
  readonly project: string
  readonly header: BlockRef
  readonly epochId: number
  readonly slotId?: number
  readonly snapshotCid?: string
  readonly deadlineBlock?: number
  readonly signedBy?: DevAccount
}

export interface World {
  readonly rpcUrl: string
  readonly deployment: Deployment
  readonly chain: AnchorChain
  readonly accounts: Readonly<Record<'owner' | 'epochManager' | 'sequencer' | 'signer', DevAccount>>
  /** Settings of `weft sequencer`, without its key. */
  sequencerFlags(dataDir: string): string[]
  /** Starts the role on `dataDir`, a new one when not given, with more flags; resolves when it is ready. */
  startSequencer(dataDir?: string, flags?: readonly string[]): Promise<WeftRole>
  /** The same of the market's only validator, which fetches from the sequencer, unless `ways` says from where. */
  startValidator(sequencer: WeftRole, dataDir?: string, ways?: readonly string[]): Promise<WeftRole>
  startRelay(dataDir?: string, flags?: readonly string[]): Promise<WeftRole>
  /** Of the market, on its chain, when flags are given; otherwise it asks no chain. */
  startCollector(sequencer: Pick<WeftRole, 'places'>, dataDir?: string, flags?: readonly string[]): Promise<WeftRole>
  /** An api whose index is in that database, or in its own folder; which asks the chain at `rpcUrl`, where one is given. */
  startApi(options?: { readonly database?: Secret<string>; readonly rpcUrl?: string; readonly dataDir?: string }): Promise<WeftRole>
  /** A folder that is removed with the world. */
  freshDir(): string
  /** Releases the next epoch; resolves with the block that did, when there is another one above it. */
  releaseEpoch(): Promise<{ readonly epochId: EpochId; readonly header: BlockRef }>
  mine(blocks: number): Promise<void>
  /** Replaces the newest blocks by empty ones. */
  reorg(depth: number): Promise<void>
  /** Calls of the account that are in the chain, or were up to a block; with `pending` those as well that wait for one. */
  callsOf(account: DevAccount, tag: 'latest' | 'pending' | BlockNumber): Promise<number>
  /** A submission as a snapshotter signs it. */
  sign(vote: Vote): Submission
  /** The submissions in the epoch's batches, by id in lower case. Waits until the epoch has ended. */
  batched(epochId: EpochId, sequencer: WeftRole): Promise<ReadonlyMap<string, Submission>>
  /** What every process of the world has written. */
  outputs(): string
  close(): Promise<void>
}

/** Project ids of the world's market. */
export const projectOf = (name: string) => parseProjectId(`project:${name}:${NAMESPACE}`)

export async function openWorld(options: {
  readonly chainId: number
  readonly windowBlocks: number
  readonly slots: number
}): Promise<World> {
  const [owner, epochManager, sequencer, signer] = ['owner', 'epoch manager', 'sequencer', 'signer'].map(devAccount) as [
    DevAccount,
    DevAccount,
    DevAccount,
    DevAccount,
  ]
  const anvil = await startAnvil({ chainId: options.chainId, blockTimeSeconds: 1 })
  const { rpcUrl } = anvil
  const { windowBlocks } = options
  const deployment = await deployProtocol({
    rpcUrl,
    deployerKey: owner.key,
    market: { epochSize: EPOCH_SIZE, sourceChainId: 1, sourceBlockTimeSeconds: 1, attestationsMin: 1 },
    windows: { snapshotBlocks: windowBlocks, batchBlocks: 4 * windowBlocks, attestationBlocks: 6 * windowBlocks },
    slots: Array.from({ length: options.slots }, () => signer.address),
    sequencers: [sequencer.address],
    validators: [owner.address],
    epochManager: epochManager.address,
  })
  await fundAccounts(rpcUrl, [epochManager.address, sequencer.address])
  const chain = await connectAnchorChain({ rpcUrl, ...deployment, pollMs: 100, reorgDepthMax: 64, clock: systemClock })
  const releaser = createProtocolSender({
    rpcUrl,
    ...deployment,
    signer: createSigner(epochManager.key),
    journal: createFakeStore(),
    clock: systemClock,
    settleTimeoutMs: 30_000,
  })
  const hasher = createSubmissionHasher(deployment)
  const rpc = createRpc({ rpcUrl, pause: systemClock })
  const folders: string[] = []
  const processes: WeftProcess[] = []

  const outputs = () => processes.map(({ output }) => output()).join('\n')

  function freshDir(): string {
    const folder = mkdtempSync(join(tmpdir(), 'weft-world-'))
    folders.push(folder)
    return folder
  }

  function chainFlags(anchorRpcUrl = rpcUrl): string[] {
    const { chainId, protocolState, dataMarket } = deployment
    const contracts = ['--anchor-chain-id', String(chainId), '--protocol-state', protocolState, '--data-market', dataMarket]
    return ['--anchor-rpc-url', anchorRpcUrl, ...contracts, '--poll-ms', '100']
  }
  const marketFlags = (dataDir: string, anchorRpcUrl?: string): string[] => [
    ...['--data-dir', dataDir, ...chainFlags(anchorRpcUrl)],
    ...['--namespace', NAMESPACE],
  ]
  const sequencerFlags = (dataDir: string): string[] => [...marketFlags(dataDir), '--window-unit', 'blocks']

  async function startRole(role: string, dataDir: string, flags: readonly string[], env: Variables, isReady: RegExp): Promise<WeftRole> {
    const endpoints = join(dataDir, 'endpoints.json')
    rmSync(endpoints, { force: true })
    const started = runWeft([role, ...flags], env)
    processes.push(started)
    const { output, exited } = started
    await until(() => existsSync(endpoints) && isReady.test(output()), {
      awaited: `${role} being ready`,
      limitMs: PROCESS_READY_TIMEOUT_MS,
      told: output,
      ended: exited,
    })
    return { ...started, dataDir, places: JSON.parse(readFileSync(endpoints, 'utf8')) as WeftRole['places'] }
  }

  async function releaseEpoch() {
    const last = await chain.currentEpoch()
    const [begin, end] = [last.end + 1, last.end + EPOCH_SIZE] as [BlockNumber, BlockNumber]
    const outcome = await releaser.send(`release/${begin}`, { kind: 'releaseEpoch', begin, end }, new AbortController().signal)
    if (outcome.kind !== 'done') throw new Error(outcome.reason)
    await until(async () => (await chain.head()).number > outcome.blockNumber, {
      awaited: 'a block above the release',
      limitMs: 10_000,
      told: outputs,
      ended: anvil.ended,
    })
    const header = await chain.block(outcome.blockNumber)
    if (header === undefined) throw new Error('the release block is gone')
    return { epochId: (last.epochId + 1) as EpochId, header }
  }

  async function batched(epochId: EpochId, { places, output, exited }: WeftRole) {
    await until(() => chain.isEpochEnded(epochId), {
      awaited: `the end of epoch ${epochId}`,
      limitMs: EPOCH_END_TIMEOUT_MS,
      told: output,
      ended: exited,
    })
    const reader = createGatewayReader({ urls: places['gateway'] ?? [], timeoutMs: 5_000 })
    const submissions: BatchedSubmission[] = []
    for (const batchCid of await chain.batchCids(epochId)) {
      const batch = decodeBatch(await reader.get(batchCid, { bytesMax: 1 << 24, timeoutMs: 10_000 }))
      submissions.push(...(batch?.submissions ?? []))
    }
    return new Map(submissions.map(({ submissionId, submission }) => [submissionId, submission]))
  }

  return {
    rpcUrl,
    deployment,
    chain,
    accounts: { owner, epochManager, sequencer, signer },
    sequencerFlags,
    startSequencer: (dataDir = freshDir(), flags = []) =>
      startRole('sequencer', dataDir, [...sequencerFlags(dataDir), ...flags], { WEFT_SIGNER_KEY: sequencer.keyText }, /"msg":"ready"/),
    startValidator({ places }, dataDir = freshDir(), ways = ['--ipfs-peers', (places['ipfs'] ?? []).join(',')]) {
      const flags = [...sequencerFlags(dataDir), ...ways]
      return startRole('validator', dataDir, flags, { WEFT_SIGNER_KEY: owner.keyText }, /"msg":"started"/)
    },
    startRelay: (dataDir = freshDir(), flags = []) => startRole('relay', dataDir, ['--data-dir', dataDir, ...flags], {}, /"msg":"started"/),
    startCollector({ places }, dataDir = freshDir(), more) {
      const flags = ['--data-dir', dataDir, '--sequencers', (places['p2p'] ?? []).join(',')]
      return startRole(
        'collector',
        dataDir,
        [...flags, ...(more ? [...chainFlags(), ...more] : ['--grpc-listen', '127.0.0.1:0'])],
        {},
        /"msg":"started"/,
      )
    },
    startApi({ database, rpcUrl: ownRpcUrl = rpcUrl, dataDir = freshDir() } = {}) {
      const flags = [...marketFlags(dataDir, ownRpcUrl), '--http-listen', '127.0.0.1:0']
      return startRole('api', dataDir, flags, database === undefined ? {} : { WEFT_DATABASE: database.reveal() }, /"msg":"started"/)
    },
    freshDir,
    releaseEpoch,
    async reorg(depth) {
      // An empty block made anew would be the very same block: another miner makes the difference.
      await rpc.call('anvil_setCoinbase', [owner.address])
      await rpc.call('anvil_reorg', [depth, []])
    },
    async callsOf({ address }, tag) {
      return Number(await rpc.call('eth_getTransactionCount', [address, typeof tag === 'number' ? `0x${tag.toString(16)}` : tag]))
    },
    mine: async (blocks) => void (await rpc.call('anvil_mine', [`0x${blocks.toString(16)}`])),
    sign({
      project,
      header,
      epochId,
      slotId = 1,
      snapshotCid = CIDS[0],
      deadlineBlock = header.number + DEADLINE_BUFFER_BLOCKS,
      signedBy,
    }) {
      const request = { slotId, deadlineBlock, snapshotCid, epochId, projectId: project } as SubmissionRequest
      const signature = createSigner((signedBy ?? signer).key).sign(hasher.digest(request))
      return { request, signature, header: header.hash, dataMarket: deployment.dataMarket, nodeVersion: 'v1.0', protocolState: '' }
    },
    batched,
    outputs,
    async close() {
      for (const { child } of processes) child.kill('SIGKILL')
      await Promise.all(processes.map(({ exited }) => exited))
      await anvil.stop()
      for (const folder of folders) rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Sends until the sequencer has seen the release that the submission is for: what an honest sender does with a code that says "later". */
export async function deliverFirst(link: SubmissionLink, submission: Submission, { output, exited }: WeftRole): Promise<void> {
  const delivery = { submissionId: crypto.randomUUID(), payload: encodeSubmission(submission) }
  let last = 'no receipt at all'
  await until(
    async () => {
      const receipt = await link.send(delivery)
      last = receipt === 'unacknowledged' ? receipt : receipt.code
      return last === 'accepted'
    },
    { awaited: 'the first submission being accepted', limitMs: 20_000, told: () => `${output()}\nlast answer: ${last}`, ended: exited },
  )
}

/** A libp2p peer made of libp2p alone. */
export interface Stranger {
  open(protocol: string): Promise<Stream>
  /**
   * Opens a stream, writes the pieces one by one, ends its own side when `isHangingUp`, and resolves with all that comes back once the
   * other side has ended the stream.
   */
  converse(protocol: string, pieces: readonly Uint8Array[], isHangingUp?: boolean): Promise<Uint8Array>
  stop(): Promise<void>
}

export async function createStranger(address: string): Promise<Stranger> {
  const node = await createLibp2p({
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false },
    connectionGater: { denyDialMultiaddr: () => false },
  })
  const connection = await node.dial(multiaddr(address))
  const open = (protocol: string) => connection.newStream(protocol, { signal: AbortSignal.timeout(10_000) })
  return {
    open,
    async converse(protocol, pieces, isHangingUp = false) {
      const stream = await open(protocol)
      const answer: Uint8Array[] = []
      stream.addEventListener('message', ({ data }) => answer.push(data.subarray()))
      const ended = Promise.withResolvers<void>()
      stream.addEventListener('remoteCloseWrite', () => ended.resolve())
      stream.addEventListener('close', () => ended.resolve())
      for (const piece of pieces) if (stream.writeStatus === 'writable') stream.send(piece)
      if (isHangingUp) await stream.close()
      const told = () => `${Buffer.concat(answer).length} bytes of answer, and a stream that is ${stream.status}`
      await within(ended.promise, { awaited: `the end of a stream of ${protocol}`, limitMs: LIMIT_MS, told })
      await stream.close()
      return Buffer.concat(answer)
    },
    stop: async () => node.stop(),
  }
}
