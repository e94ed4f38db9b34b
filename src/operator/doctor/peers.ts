import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isWeftError } from '#domain/errors.ts'
import type { EpochId } from '#domain/ids.ts'
import { connectAnchorChain } from '#io/chain/read/anchor.ts'
import { systemClock } from '#io/clock/system.ts'
import { isServing } from '#io/grpc/serving.ts'
import { blockFiles } from '#io/ipfs/block-folder.ts'
import { createGateways } from '#io/ipfs/gateways.ts'
import { type HeliaNode, startHeliaNode } from '#io/ipfs/helia.ts'
import { parseCid } from '#io/ipfs/unixfs.ts'
import { createSubmissionDialer } from '#io/p2p/dialer.ts'
import { ipfsFolder } from '#node/adapters.ts'
import { announcedAt } from '#node/home.ts'
import type { Run } from '#node/run-file.ts'
import { createStarted } from '#node/stop.ts'
import { trustedSequencers } from '#node/trusted-sequencers.ts'
import type { Given } from './chains.ts'
import { bad, doubtful, type Finding, good, orFailed } from './finding.ts'

/** Whom the role speaks to: other IPFS nodes, its collector, the sequencers. Nothing is left behind. */

const TIMEOUT_MS = 10_000
const BYTES = new TextEncoder().encode('weft doctor')

async function inTemporaryFolder<Value>(work: (folder: string) => Promise<Value>): Promise<Value> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-doctor-'))
  try {
    return await work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const detailOf = (failure: unknown): string => {
  if (!isWeftError(failure)) throw failure
  return 'detail' in failure.facts ? String(failure.facts['detail']) : failure.message
}

/** Adds a file to one node and fetches it with another, over bitswap; then reaches out for the peers, and fetches from the node of the role if it runs. */
export const lookAtIpfs = ({ ipfsPeers = [], dataDir = '' }: Given, run?: Run): Promise<readonly Finding[]> =>
  inTemporaryFolder((folder) =>
    orFailed('IPFS', '`./weft explain` says what the code means', async () => {
      const started = createStarted()
      try {
        const [holder, reader] = [
          await startHeliaNode({ directory: join(folder, 'holder') }),
          await startHeliaNode({ directory: join(folder, 'reader') }),
        ]
        for (const node of [holder, reader]) started.add('IPFS node', node)
        const cid = await holder.add(BYTES, 0 as EpochId)
        await reader.connect(holder.addresses()[0] ?? '')
        await reader.get(cid, { bytesMax: BYTES.length, timeoutMs: TIMEOUT_MS, signal: AbortSignal.timeout(TIMEOUT_MS) })
        const findings = [good('IPFS', 'a file that one node added another has fetched')]
        const mend = 'is its node up, and its address still that one? See `endpoints.json` there, and --ipfs-peers here'
        for (const address of ipfsPeers) {
          const failure = await reader.connect(address).then(() => undefined, detailOf)
          findings.push(failure === undefined ? good('IPFS peer', address) : bad('IPFS peer', `${address}: ${failure}`, mend))
        }
        return run === undefined ? findings : [...findings, ...(await lookAtOwnNode(reader, dataDir))]
      } finally {
        await started.stop()
      }
    }),
  )

/** Of a role that runs: whether others get from it what it holds, by its node and by its gateway. */
async function lookAtOwnNode(reader: HeliaNode, dataDir: string): Promise<readonly Finding[]> {
  const { ipfs: [address] = [], gateway: gateways = [] } = announcedAt(dataDir)
  if (address === undefined) return []
  const cid = blockFiles(join(ipfsFolder(dataDir), 'blocks')).find(({ kind }) => kind === 'block')?.name
  const mend = 'the log of the role says more; `--ipfs-listen` must be an address that others reach'
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  return orFailed('IPFS node', mend, async () => {
    await reader.connect(address)
    if (cid === undefined) return [good('IPFS node', `${address} of the role is reached, and holds nothing yet`)]
    const { length } = await reader.find(cid, signal)
    const fetched = good('IPFS node', `${address} of the role gave ${cid}, ${length} bytes`)
    const [gateway] = gateways
    if (gateway === undefined) return [fetched]
    const answer = await fetch(`${gateway}/ipfs/${cid}?format=raw`, { signal }).catch(() => undefined)
    await answer?.body?.cancel()
    return [
      fetched,
      answer?.ok === true
        ? good('gateway', `${gateway} gave it too`)
        : bad('gateway', `${gateway}: ${answer === undefined ? 'no answer' : `HTTP ${answer.status}`} for ${cid}`, mend),
    ]
  })
}

/** A block of no bytes: gateways of the public network have it, and others say that they have not. */
const EMPTY = 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'

/** Whether each answers as a trustless gateway does. */
export async function lookAtGateways({ gateways = [] }: Given): Promise<readonly Finding[]> {
  const look = async (url: string): Promise<Finding> => {
    const told: string[] = []
    const outcomes: string[] = []
    const { fetch } = createGateways(
      { urls: [url], timeoutMs: TIMEOUT_MS },
      { onTrouble: ({ trouble, detail }) => void told.push(`${trouble}, ${detail}`), onUse: (use) => void outcomes.push(use.outcome) },
    )
    await fetch(parseCid(EMPTY), AbortSignal.timeout(2 * TIMEOUT_MS)).catch(detailOf)
    const { origin } = new URL(url)
    const mend = 'is it up, and a trustless gateway (`/ipfs/CID?format=raw`)? Mend --gateways'
    if (told.length > 0) return bad('IPFS gateway', `${origin}: ${told.join('; ')}`, mend)
    if (outcomes.includes('silent')) return doubtful('IPFS gateway', `${origin}: no answer in time for a block that most have`, mend)
    return good('IPFS gateway', `${origin} ${outcomes.includes('ok') ? 'gave a block' : 'answers'}`)
  }
  return Promise.all(gateways.map(look))
}

/** What its own health service says. */
export async function lookAtCollector({ collector }: Given): Promise<readonly Finding[]> {
  if (collector === undefined) return []
  const answer = await isServing(collector, TIMEOUT_MS)
  const mend = 'start `./weft collector`, or name the one that runs in --collector; its log says what it waits for'
  if (answer === true) return [good('collector', `${collector} serves`)]
  return [bad('collector', answer === false ? `${collector} is up, and does not serve yet` : `${collector}: ${answer}`, mend)]
}

/** Each that is named, and each of the trusted list. */
export async function lookAtSequencers(settings: Given): Promise<readonly Finding[]> {
  const { sequencers = [], trustedSequencers: list = '' } = settings
  return inTemporaryFolder((directory) =>
    orFailed('sequencer list', 'is it where --trusted-sequencers says, and does it name this market?', async () => {
      const named = list === '' ? [] : await listed(settings, directory)
      const addresses = [...new Set([...sequencers, ...named])]
      const dialer = await createSubmissionDialer({ identity: crypto.getRandomValues(new Uint8Array(32)) })
      try {
        const findings: Finding[] = list === '' ? [] : [good('sequencer list', `${named.length} for this market`)]
        for (const address of addresses) {
          const failure = await dialer
            .dial(address, AbortSignal.timeout(TIMEOUT_MS))
            .then((link) => link.close().then(() => undefined), detailOf)
          const mend = 'is it up, and is the address of today the one in its `endpoints.json`? Mend --sequencers'
          findings.push(failure === undefined ? good('sequencer', address) : bad('sequencer', `${address}: ${failure}`, mend))
        }
        return findings
      } finally {
        await dialer.stop()
      }
    }),
  )
}

async function listed(settings: Given, directory: string): Promise<readonly string[]> {
  const {
    anchorRpcUrl: rpcUrl,
    anchorChainId: chainId,
    protocolState,
    dataMarket,
    trustedSequencers: list = '',
    trustedSequencersPin = '',
  } = settings
  if (dataMarket === undefined) return []
  const chain =
    rpcUrl === undefined || chainId === undefined || protocolState === undefined
      ? undefined
      : await connectAnchorChain({ rpcUrl, chainId, protocolState, dataMarket, pollMs: 500, reorgDepthMax: 1, clock: systemClock })
  const trust = { dataMarket, sequencerId: (await chain?.sequencerId()) ?? '' }
  const home = { directory, report: () => undefined }
  return trustedSequencers({ trustedSequencers: list, trustedSequencersPin }, trust, { home, signal: AbortSignal.timeout(TIMEOUT_MS) })
}
