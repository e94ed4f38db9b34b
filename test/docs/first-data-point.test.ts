import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { BLOCK_HASH, DATA_MARKET, PROVEN } from '#client/proven.test-world.ts'
import type { ChainStep } from '#domain/chain-step.ts'
import { batchOf, contentOf, openWorld, served, type World } from '#roles/api/serve/serve.test-world.ts'
import { hasKeccak, isPythonThere, pythonEnv } from '../package/python.ts'
import { commandsOf, curl } from './curl.ts'

/** docs/FIRST-DATA-POINT.md, done: each command and each program of the page, against an api whose index holds one final data point. */

const root = join(import.meta.dirname, '../..')
const PAGE = readFileSync(join(root, 'docs/FIRST-DATA-POINT.md'), 'utf8')
const blocksOf = (language: string): readonly string[] =>
  [...PAGE.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].filter(([, named]) => named === language).map(([, , text = '']) => text)
const COMMANDS = commandsOf(PAGE)

let server: Awaited<ReturnType<typeof served>>
let rpc: Server
let world: World
let env: Record<string, string>

/** An epoch whose batch is the one that the proof is of. */
async function anchor({ index, chain, files }: World): Promise<void> {
  const { batchCid, projectId, snapshotCid, snapshot } = PROVEN
  const entries = [[projectId, snapshotCid]] as const
  const inBatch = (step: ChainStep): ChainStep =>
    step.kind === 'block' ? { ...step, events: step.events.map((event) => ('batchCid' in event ? { ...event, batchCid } : event)) } : step
  files.set(batchCid, batchOf(entries))
  await index.apply([chain.block(['EpochReleased', 1]), inBatch(chain.block(['SnapshotBatchSubmitted', 1, '']))])
  await index.putBatch((await index.batch(batchCid, PROVEN.epochId))?.batchNo ?? 0, contentOf(entries))
  await index.putSnapshots([{ snapshotCid, state: 'here', text: Buffer.from(snapshot, 'base64').toString() }])
  await index.apply([
    chain.block(['BatchSubmissionsCompleted', 1]),
    inBatch(chain.block(['SnapshotBatchAttestationSubmitted', 1, '', '1'], ['SnapshotBatchFinalized', 1, ''])),
  ])
}

beforeAll(async () => {
  world = await openWorld()
  await anchor(world)
  server = await served({ deps: { ...world.deps, proofOf: async () => PROVEN } })
  rpc = createServer((_, response) => response.end(JSON.stringify({ jsonrpc: '2.0', id: 1, result: { hash: BLOCK_HASH } })))
  await new Promise<void>((resolve) => rpc.listen(0, '127.0.0.1', resolve))
  const rpcUrl = `http://127.0.0.1:${(rpc.address() as AddressInfo).port}`
  env = { URL: server.url, PROJECT: PROVEN.projectId, MARKET: DATA_MARKET, RPC: [rpcUrl, rpcUrl, rpcUrl].join(',') }
})
afterAll(async () => {
  rpc.close()
  await server.stop()
  await world.index.close()
})

test('has the commands and programs that it promises', () => {
  expect([COMMANDS.length, blocksOf('ts').length, blocksOf('python').length]).toEqual([6, 2, 2])
})

test.each(COMMANDS)('%s', async (command) => {
  const response = await curl(command, env)
  expect(response.status).toBe(200)
  const text = await response.text()
  if (command.includes('format=csv')) return expect(text).toMatch(/^epochId,at,block,status,value\r\n1,.*,finalized,1\.5\r\n$/)
  const { items, ...point } = JSON.parse(text) as { items?: unknown[] }
  if (items === undefined) expect(point).toMatchObject({ epochId: 1, status: 'finalized', data: { price: 1.5 } })
  else expect(items).not.toEqual([])
})

const SHOWN = { believed: /^1 finalized 1\.5\n1 \{[^}]*price: 1\.5/, proved: /^1 proof \{[^}]*price: 1\.5/ }
test.each(blocksOf('ts').map((program, index) => [index === 0 ? 'believed' : 'proved', program] as const))(
  'TypeScript, %s',
  async (how, program) => {
    const options = ['--disable-warning=ExperimentalWarning', '--input-type=module-typescript', '--eval', program]
    const { stdout } = await promisify(execFile)(process.execPath, options, { cwd: root, env: { ...process.env, ...env } })
    expect(stdout.replace(/\[Object: null prototype\] /g, '')).toMatch(SHOWN[how])
  },
)

const SHOWN_BY_PYTHON = { believed: /^1 finalized \{'epochId': 1, 'price': 1\.5.*\n1 \{/, proved: /^1 proof \{'epochId': 1, 'price': 1\.5/ }
test.each(blocksOf('python').map((program, index) => [index === 0 ? 'believed' : 'proved', program] as const))(
  'Python, where there is one, %s',
  async (how, program) => {
    if (!isPythonThere() || (how === 'proved' && !hasKeccak())) return
    const { stdout } = await promisify(execFile)('python3', ['-c', program], { cwd: root, env: pythonEnv(env) })
    expect(stdout).toMatch(SHOWN_BY_PYTHON[how])
  },
  // What proofs take may have to be installed first.
  120_000,
)
