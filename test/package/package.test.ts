import { execFile, execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'vite'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildPackage, pack } from '../../tools/package/build.ts'

/** The package that others install: into an empty folder, with what it declares and nothing else, in Node.js, in a page that Vite builds, in types. */

const root = join(import.meta.dirname, '../..')
const home = mkdtempSync(join(tmpdir(), 'weft-package-'))
/** Somebody's project: see `app` beside this file. */
const app = join(home, 'app')
const { proofs } = JSON.parse(readFileSync(join(root, 'test/vectors/proof/proofs.json'), 'utf8')) as {
  proofs: { projects: { trust: { blockHash: string; dataMarket: string }; proof: Record<string, string | number> } }
}
const { trust, proof } = proofs.projects

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
  buildPackage(join(home, 'package'))
  install(pack(join(home, 'package')))
}, 120_000)

afterAll(() => {
  server.close()
  rmSync(home, { recursive: true, force: true })
})

/** As npm would, without a registry: the tarball, and beside it the packages that it declares, which are those of this repository. */
function install(tarball: string): void {
  const installed = join(app, 'node_modules/weft')
  mkdirSync(installed, { recursive: true })
  execFileSync('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1'])
  for (const name of Object.keys(dependenciesOf(installed))) {
    const link = join(app, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), link, 'junction')
  }
}

const dependenciesOf = (folder: string): Record<string, string> =>
  (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { dependencies: Record<string, string> }).dependencies

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

test('it holds what it names, and no source, no test and nothing of Node.js', () => {
  const files = readdirSync(join(app, 'node_modules/weft'), { recursive: true, encoding: 'utf8', withFileTypes: false })
  expect(files).toEqual(
    expect.arrayContaining(['README.md', 'LICENSE', join('dist', 'client', 'client.js'), join('dist', 'client', 'client.d.ts')]),
  )
  expect(files.filter((name) => /test|(?<!\.d)\.ts$/.test(name))).toEqual([])
  const code = files.filter((name) => name.endsWith('.js')).map((name) => readFileSync(join(app, 'node_modules/weft', name), 'utf8'))
  expect(code.filter((text) => /from 'node:/.test(text))).toEqual([])
  expect(Object.values(dependenciesOf(join(app, 'node_modules/weft')))).not.toContain(undefined)
})
