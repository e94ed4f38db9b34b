import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { devAccount } from '#devnet/accounts.ts'
import { type Anvil, startAnvil } from '#devnet/anvil.ts'
import { type Deployment, deployProtocol, fundAccounts } from '#devnet/deploy.ts'
import type { BlockNumber, Cid, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import { createProtocolSender } from '#io/chain/sender.ts'
import { connectAnchorChain } from '#io/chain/viem.ts'
import { systemClock } from '#io/clock/system.ts'
import { createGatewayReader } from '#io/ipfs/gateway.ts'
import { createSigner } from '#io/keys/secp256k1.ts'
import { createSubmissionDialer } from '#io/p2p/dialer.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { decodeBatch } from '#wire/batch-json.ts'
import { createSubmissionHasher } from '#wire/eip712.ts'
import { encodeSubmission } from '#wire/submission-proto.ts'

/** G1 on a real process: SIGKILL between receipt and the close of the window loses nothing that was receipted. */

const WINDOW_BLOCKS = 15
const PROJECTS = 30
const SLOTS = 2
/** Receipts after which the process is killed, while the others are still on their way. */
const KILL_AFTER_RECEIPTS = 40
const [owner, epochManager, sequencer, signer] = ['owner', 'epoch manager', 'sequencer', 'signer'].map(devAccount) as [ReturnType<typeof devAccount>, ReturnType<typeof devAccount>, ReturnType<typeof devAccount>, ReturnType<typeof devAccount>]

const dataDir = mkdtempSync(join(tmpdir(), 'weft-crash-'))
let anvil: Anvil | undefined
let running: ChildProcess | undefined
afterAll(async () => {
  running?.kill('SIGKILL')
  await anvil?.stop()
  rmSync(dataDir, { recursive: true, force: true })
})

async function startSequencer(rpcUrl: string, { chainId, protocolState, dataMarket }: Deployment): Promise<{ process: ChildProcess; p2p: string; gateway: string }> {
  rmSync(join(dataDir, 'endpoints.json'), { force: true })
  const flags = ['--anchor-rpc-url', rpcUrl, '--anchor-chain-id', String(chainId), '--protocol-state', protocolState, '--data-market', dataMarket, '--data-dir', dataDir, '--namespace', 'CRASH', '--window-unit', 'blocks', '--poll-ms', '100']
  const main = join(import.meta.dirname, '../../src/cli/main.ts')
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, 'sequencer', ...flags], { env: { PATH: process.env['PATH'], WEFT_SIGNER_KEY: sequencer.keyText }, stdio: ['ignore', 'inherit', 'pipe'] })
  let log = ''
  child.stderr?.on('data', (chunk) => {
    log += String(chunk)
  })
  await expect.poll(() => existsSync(join(dataDir, 'endpoints.json')) && /"msg":"ready"/.test(log), { timeout: 30_000 }).toBe(true)
  const places = JSON.parse(readFileSync(join(dataDir, 'endpoints.json'), 'utf8')) as { p2p: string[]; gateway: string[] }
  return { process: child, p2p: places.p2p[0] as string, gateway: places.gateway[0] as string }
}

async function releaseEpoch(rpcUrl: string, deployment: Deployment): Promise<BlockNumber> {
  const sender = createProtocolSender({ rpcUrl, ...deployment, privateKey: epochManager.key, journal: createFakeStore(), clock: systemClock, settleTimeoutMs: 30_000 })
  const outcome = await sender.send('release', { kind: 'releaseEpoch', begin: 1 as BlockNumber, end: 10 as BlockNumber }, new AbortController().signal)
  if (outcome.kind !== 'done') throw new Error(outcome.reason)
  return outcome.blockNumber
}

/** Signed submissions of every slot for every project, by submission id. */
function signedSubmissions({ chainId, protocolState, dataMarket }: Deployment, header: { hash: string; number: number }): Map<string, Uint8Array> {
  const hasher = createSubmissionHasher({ chainId, protocolState })
  const key = createSigner(signer.key)
  const submissions = new Map<string, Uint8Array>()
  for (let project = 0; project < PROJECTS; project += 1) {
    for (let slot = 1; slot <= SLOTS; slot += 1) {
      const request = {
        slotId: slot as SlotId, deadlineBlock: (header.number + 500) as BlockNumber, epochId: 1 as EpochId,
        snapshotCid: 'bafkreicecnx2gvntm6fbcrvnc336qze6st5u7qq7457igegamd3bzkx7ri' as Cid, projectId: `project:${project}:CRASH` as ProjectId,
      }
      const submission = { request, signature: key.sign(hasher.digest(request)), header: header.hash, dataMarket, nodeVersion: 'v1.0', protocolState: '' }
      submissions.set(crypto.randomUUID(), encodeSubmission(submission))
    }
  }
  return submissions
}

/** Sends everything at once; returns the ids whose receipts came before the link ended. */
async function submitUntilKilled(address: string, submissions: ReadonlyMap<string, Uint8Array>, victim: ChildProcess): Promise<Set<string>> {
  const dialer = await createSubmissionDialer({ identity: crypto.getRandomValues(new Uint8Array(32)) })
  const receipted = new Set<string>()
  try {
    const link = await dialer.dial(address, AbortSignal.timeout(10_000))
    const sending = [...submissions].map(async ([submissionId, payload], index) => {
      // The last third waits for receipts of the rest, so that the kill falls between deliveries.
      if (index >= KILL_AFTER_RECEIPTS) await expect.poll(() => receipted.size, { timeout: 10_000 }).toBeGreaterThanOrEqual(KILL_AFTER_RECEIPTS)
      const receipt = await link.send({ submissionId, payload })
      expect(receipt).toMatchObject({ code: 'accepted' })
      receipted.add(submissionId)
      if (receipted.size === KILL_AFTER_RECEIPTS + 5) victim.kill('SIGKILL')
    })
    await Promise.allSettled(sending)
  } finally {
    await dialer.stop()
  }
  return receipted
}

async function batchedIds(chain: AnchorChain, gateway: string): Promise<Set<string>> {
  const reader = createGatewayReader({ urls: [gateway], timeoutMs: 5_000 })
  const ids = new Set<string>()
  for (const batchCid of await chain.batchCids(1 as EpochId)) {
    const batch = decodeBatch(await reader.get(batchCid, { bytesMax: 1 << 24, timeoutMs: 10_000 }))
    for (const { submissionId } of batch?.submissions ?? []) ids.add(submissionId)
  }
  return ids
}

test('a sequencer killed between receipt and close of the window finalizes every receipted submission after its restart', async () => {
  anvil = await startAnvil({ chainId: 7_869, blockTimeSeconds: 1 })
  const { rpcUrl } = anvil
  const deployment = await deployProtocol({
    rpcUrl, deployerKey: owner.key, market: { epochSize: 10, sourceChainId: 1, sourceBlockTimeSeconds: 1, attestationsMin: 1 },
    windows: { snapshotBlocks: WINDOW_BLOCKS, batchBlocks: 60, attestationBlocks: 90 },
    slots: Array.from({ length: SLOTS }, () => signer.address), sequencers: [sequencer.address], validators: [owner.address], epochManager: epochManager.address,
  })
  await fundAccounts(rpcUrl, [epochManager.address, sequencer.address])
  const first = await startSequencer(rpcUrl, deployment)
  running = first.process
  const releaseBlock = await releaseEpoch(rpcUrl, deployment)
  const chain = await connectAnchorChain({ rpcUrl, ...deployment, pollMs: 100, reorgDepthMax: 64, clock: systemClock })
  const header = await chain.block(releaseBlock)
  if (header === undefined) throw new Error('the release block is gone')
  // The sequencer answers epoch_unknown until it has seen the release; a block later it has.
  await expect.poll(async () => (await chain.head()).number, { timeout: 10_000 }).toBeGreaterThan(releaseBlock)

  const submissions = signedSubmissions(deployment, header)
  const gone = once(first.process, 'exit')
  const receipted = await submitUntilKilled(first.p2p, submissions, first.process)
  await gone
  expect(receipted.size).toBeGreaterThanOrEqual(KILL_AFTER_RECEIPTS)
  expect((await chain.head()).number, 'the window is still open').toBeLessThanOrEqual(releaseBlock + WINDOW_BLOCKS)

  const second = await startSequencer(rpcUrl, deployment)
  running = second.process
  await expect.poll(() => chain.isEpochEnded(1 as EpochId), { timeout: 60_000 }).toBe(true)
  const batched = await batchedIds(chain, second.gateway)
  expect([...receipted].filter((id) => !batched.has(id))).toEqual([])
  const status = await chain.snapshotStatus('project:0:CRASH' as ProjectId, 1 as EpochId)
  expect(status.status).toBe('pending')
}, 150_000)
