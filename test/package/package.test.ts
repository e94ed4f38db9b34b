import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'vite'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { commitAt } from '#node/commit.ts'
import { buildPackage, pack } from '../../tools/package/build.ts'
import { dependenciesOf, install } from './install.ts'

/**
 * The package that others install: into an empty folder, with what it declares and nothing else, in Node.js, in a page that Vite builds, in types, as a
 * command. A whole network from it is `node_modules/.bin/node test/package/devnet.ts`.
 */

const root = join(import.meta.dirname, '../..')
const home = mkdtempSync(join(tmpdir(), 'weft-package-'))
/** Somebody's project: see `app` beside this file. */
const app = join(home, 'app')
const { proofs } = JSON.parse(readFileSync(join(root, 'test/vectors/proof/proofs.json'), 'utf8')) as {
  proofs: { projects: { trust: { blockHash: string; dataMarket: string }; proof: Record<string, string | number> } }
}
const { trust, proof } = proofs.projects
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }

/** The api, and the RPC endpoint, of the chain that the vectors of docs/PROOF.md are from. */
const answers: Record<string, unknown> = {
  [`/v1/projects/${proof['projectId']}/latest`]: {
    projectId: proof['projectId'],
    epochId: proof['epochId'],
    status: 'finalized',
    snapshotCid: proof['snapshotCid'],
    batchCid: proof['batchCid'],
    text: Buffer.from(String(proof['snapshot']), 'base64').toString(),
  },
  [`/v1/proofs/${proof['projectId']}/${proof['epochId']}`]: proof,
  '/rpc': { jsonrpc: '2.0', id: 1, result: { hash: trust.blockHash } },
}
let server: Server
let url: string

beforeAll(async () => {
  server = createServer((request, response) => {
    const answer = answers[decodeURIComponent(request.url ?? '').replace(/\?.*/, '')]
    response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' }).end(JSON.stringify(answer ?? {}))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  cpSync(join(import.meta.dirname, 'app'), app, { recursive: true })
  await buildPackage(join(home, 'package'))
  install(pack(join(home, 'package')), app)
}, 120_000)

afterAll(() => {
  server.close()
  rmSync(home, { recursive: true, force: true })
})

test.each([
  ['the engine of this repository', process.execPath],
  ['that of the machine, which may be older,', 'node'],
])('%s reads and proves a data point with it', async (_, node) => {
  const { stdout } = await promisify(execFile)(node, ['read.mjs', url, trust.dataMarket, String(proof['projectId'])], { cwd: app })
  expect(stdout.trim().split('\n')).toEqual(['v=1n,1.5', 'proof', 'weft/compute: 10,11,12'])
})

test('a page that Vite builds reads and proves a data point with it', async () => {
  const out = join(home, 'page')
  await build({ root: app, configFile: false, logLevel: 'silent', build: { outDir: out, target: 'esnext', modulePreload: false } })
  const [script = ''] = readdirSync(join(out, 'assets')).filter((name) => /^index-.*\.js$/.test(name))
  // Without a browser: the page's script, on the engine of this repository, with what a page has around it.
  const page = `globalThis.location = { hash: '#${url} ${trust.dataMarket} ${proof['projectId']}' }
    globalThis.document = { createElement: () => ({}), body: { set textContent(text) { console.log(text) } } }
    await import(${JSON.stringify(join(out, 'assets', script))})`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', page], { cwd: home })
  expect(stdout.trim()).toBe('1.5 (proof)')
})

test.each(['nodenext', 'bundler'])('its types check, as %s resolves them', async (moduleResolution) => {
  const module = moduleResolution === 'bundler' ? 'esnext' : moduleResolution
  const tsconfig = join(app, `tsconfig.${moduleResolution}.json`)
  const compilerOptions = {
    strict: true,
    noEmit: true,
    target: 'es2022',
    module,
    moduleResolution,
    lib: ['es2022', 'dom'],
    types: [],
    exactOptionalPropertyTypes: true,
  }
  writeFileSync(tsconfig, JSON.stringify({ compilerOptions, files: ['types.ts'] }))
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const { stdout } = await promisify(execFile)(process.execPath, [tsc, '-p', tsconfig]).catch((failure: { stdout: string }) => failure)
  expect(stdout).toBe('')
})

const installed = join(app, 'node_modules/weft')
const filesIn = (folder: string): string[] => readdirSync(join(installed, folder), { recursive: true, encoding: 'utf8' })

test('it holds what it names, no source and no test of ours', () => {
  const { exports, bin } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
  const named = [...Object.values<Record<string, string>>(exports).flatMap((entry) => Object.values(entry)), bin.weft]
  const others = [
    'README.md',
    'LICENSE',
    'CHANGELOG.md',
    'docs/CLI.md',
    'dashboard/dist/index.html',
    'contracts/artifacts/DevnetToken.json',
  ]
  for (const path of [...named, ...others]) expect(existsSync(join(installed, path)), path).toBe(true)
  const code = ['src', 'computes'].flatMap((folder) => filesIn(folder).map((name) => join(folder, name)))
  const isOurs = (name: string): boolean => !name.startsWith(join('computes', 'templates'))
  expect(code.filter((name) => isOurs(name) && /\.test\b|suite|(?<!\.d)\.ts$/.test(name))).toEqual([])
  expect(Object.keys(dependenciesOf(installed))).not.toEqual(expect.arrayContaining(['vite', 'typescript']))
})

/** As somebody types it in the folder. */
async function weft(...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(join(app, 'node_modules/.bin/weft'), args, { cwd: app })
  return stdout
}

test('it is the command: which version, of which commit, what there is, and keys', async () => {
  const commit = commitAt(root)
  expect(await weft('--version')).toBe(`weft ${version}${commit === undefined ? '' : ` (${commit.slice(0, 12)})`}\n`)
  expect(await weft('--help')).toMatch(/^Weft: the whole Powerloom Protocol V2 network in one command\n/)
  const keystores = join(root, 'test/vectors/keystores')
  const { address } = JSON.parse(readFileSync(join(keystores, 'ethers-compat.json'), 'utf8')) as { address: string }
  expect(await weft('keys', 'list', keystores)).toContain(address.replace(/^(0x)?/, '0x').toLowerCase())
})

test('where the Node.js beside it was not installed it says how to have it', async () => {
  const bare = join(home, 'bare/node_modules/weft')
  cpSync(installed, bare, {
    recursive: true,
    filter: (path) =>
      [installed, join(installed, 'src'), join(installed, 'src/cli'), join(installed, 'weft'), join(installed, 'src/cli/main.js')].includes(
        path,
      ),
  })
  await expect(promisify(execFile)(join(bare, 'weft'), ['--version'])).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('npm install --ignore-scripts=false'),
  })
})

test('what works on the sources says that there are none', async () => {
  await expect(weft('bench')).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('weft: CHECKOUT_NEEDED (command: bench)') })
})

test('a compute set that it begins passes its test there, in isolates and twice', async () => {
  await weft('new', 'market', 'Mine', '--template', 'empty')
  const { scripts } = JSON.parse(readFileSync(join(app, 'Mine/package.json'), 'utf8'))
  const { stdout } = await promisify(execFile)('/bin/sh', ['-c', scripts.test], { cwd: join(app, 'Mine') })
  expect(stdout).toMatch(/pass 1\n/)
})
