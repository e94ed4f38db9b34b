import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createRpc } from '#io/chain/rpc/rpc.ts'
import { systemClock } from '#io/clock/system.ts'
import { createGatewayReader } from '#io/ipfs/gateway-reader.ts'
import { type Anvil, startAnvil } from './anvil.ts'
import { openDevnet } from './kept.ts'
import { announce, type DevnetEndpoints, keep } from './registry.ts'

/** The CID of the five bytes `hello`. */
const CID = 'bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq'
const RICH = '0x0101010101010101010101010101010101010101'

const before = process.env['TMPDIR']
let folder: string
let dataDir: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-kept-'))
  process.env['TMPDIR'] = folder
  dataDir = join(folder, 'data')
  mkdirSync(join(dataDir, 'snapshotter/ipfs/blocks', CID.slice(-2)), { recursive: true })
  writeFileSync(join(dataDir, 'snapshotter/ipfs/blocks', CID.slice(-2), CID), 'hello')
})
afterEach(() => {
  if (before === undefined) delete process.env['TMPDIR']
  else process.env['TMPDIR'] = before
  rmSync(folder, { recursive: true, force: true })
})

const chainState = (): string => join(dataDir, 'anchor-chain.json')
const ask = (url: string, method: string, params: readonly unknown[]) => createRpc({ rpcUrl: url, pause: systemClock }).call(method, params)

/** A devnet of a chain alone. */
async function runAndStop(): Promise<void> {
  const anvil: Anvil = await startAnvil({ chainId: 7, flags: ['--dump-state', chainState()] })
  const none = {
    sourceRpcUrl: 'http://127.0.0.1:1',
    sourceChainId: 1,
    protocolState: '',
    dataMarket: '',
    nodes: '',
    sequencer: [],
    sequencerHttp: '',
    api: '',
    relay: [],
  }
  const folder = { file: (name: string) => join(dataDir, name) }
  const gateways = { snapshotter: 'http://127.0.0.1:1' }
  announce(
    {
      processId: process.pid,
      dataDir,
      anchorRpcUrl: anvil.rpcUrl,
      anchorChainId: 7,
      ...none,
      gateways,
      collectors: [],
      projects: [],
    },
    folder,
  )
  await ask(anvil.rpcUrl, 'anvil_setBalance', [RICH, '0x5'])
  await ask(anvil.rpcUrl, 'anvil_mine', ['0x3'])
  keep(dataDir, folder)
  await anvil.stop()
}

test('a devnet that was kept is opened again on what it left, and nothing of that is changed', async () => {
  await runAndStop()
  const left = readFileSync(chainState())
  const { endpoints, stop } = await openDevnet(dataDir)
  try {
    expect(await ask(endpoints.anchorRpcUrl, 'eth_blockNumber', [])).toBe('0x3')
    expect(await ask(endpoints.anchorRpcUrl, 'eth_getBalance', [RICH, 'latest'])).toBe('0x5')
    // Its source chain is gone, and where it was may be that of another devnet.
    expect(endpoints.sourceRpcUrl).toBe('')
    const reader = createGatewayReader({ urls: Object.values((endpoints satisfies DevnetEndpoints).gateways), timeoutMs: 5_000 })
    const bytes = await reader.get(CID as Parameters<typeof reader.get>[0], { bytesMax: 100, timeoutMs: 5_000 })
    expect(Buffer.from(bytes).toString()).toBe('hello')
  } finally {
    await stop()
  }
  await expect(ask(endpoints.anchorRpcUrl, 'eth_chainId', [])).rejects.toThrow()
  expect(readFileSync(chainState())).toEqual(left)
})

test('without a name it is found when it was the one started last', async () => {
  await runAndStop()
  const { endpoints, stop } = await openDevnet()
  await stop()
  expect(endpoints.dataDir).toBe(dataDir)
})

test('one that was killed left no state, and is not found', async () => {
  await runAndStop()
  rmSync(chainState())
  await expect(openDevnet(dataDir)).rejects.toMatchObject({ code: 'DATA_DIR_UNKNOWN', facts: { dataDir } })
})

test('a state that is damaged is told as the failure of its chain', async () => {
  await runAndStop()
  writeFileSync(chainState(), '{')
  await expect(openDevnet(dataDir)).rejects.toMatchObject({ code: 'CHILD_PROCESS_FAILED' })
})
