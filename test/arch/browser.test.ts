import { readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build, type Plugin } from 'vite'
import { expect, test } from 'vitest'

/** Whoever verifies may do so in a browser: what that takes imports nothing of Node.js, neither do the libraries below it. */

const src = join(import.meta.dirname, '../../src')
const CLIENT = [
  'roles/consumer/verify.ts',
  'roles/consumer/proof/check.ts',
  'io/chain/read/anchor.ts',
  'io/clock/system.ts',
  'io/ipfs/gateway-reader.ts',
  'io/keys/portable.ts',
  'wire/batch-json.ts',
  'wire/canonical-json.ts',
  'wire/cid.ts',
  'wire/eip712.ts',
  'wire/merkle.ts',
]

/**
 * Bundles the modules for a browser; tells what was asked of Node.js, by whom, which files of ours went in, and how many bytes, gzipped, come out: those
 * loaded at once, and all.
 */
async function bundle(modules: readonly string[]) {
  const ofNode: string[] = []
  const ours = new Set<string>()
  const watcher: Plugin = {
    name: 'client',
    enforce: 'pre',
    resolveId(id, importer) {
      if (!isBuiltin(id)) return undefined
      ofNode.push(`${importer} imports ${id}`)
      return { id, external: true }
    },
    moduleParsed({ id }) {
      if (id.startsWith(src)) ours.add(id)
    },
  }
  const built = await build({
    configFile: false,
    logLevel: 'silent',
    plugins: [watcher],
    build: { write: false, minify: true, lib: { entry: modules.map((path) => join(src, path)), formats: ['es'] } },
  })
  const parts = [built].flat().flatMap((output) => ('output' in output ? output.output : []))
  const byName = new Map(parts.map((part) => [part.fileName, part]))
  const atOnce = new Set(parts.filter((part) => 'isEntry' in part && part.isEntry).map(({ fileName }) => fileName))
  // A set that grows is walked to its end.
  for (const name of atOnce)
    for (const needed of (byName.get(name) as { imports?: string[] } | undefined)?.imports ?? []) atOnce.add(needed)
  const bytesOf = (some: typeof parts) => some.reduce((sum, part) => sum + gzipSync('code' in part ? part.code : part.source).length, 0)
  return { ofNode, ours: [...ours], bytes: { atOnce: bytesOf(parts.filter(({ fileName }) => atOnce.has(fileName))), all: bytesOf(parts) } }
}

/** Comments may speak of it. */
const code = (path: string): string => readFileSync(path, 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')

/** What a page that reads data has to load, verification included. */
const CLIENT_BYTES_MAX = 150 * 1024

test('the client can be bundled for a browser, and is small', async () => {
  const { ofNode, ours, bytes } = await bundle(['client/client.ts'])
  expect(ofNode).toEqual([])
  expect(ours.filter((path) => /\bBuffer\b|\bprocess\.|NodeJS\./.test(code(path)))).toEqual([])
  // The types of the api come along, and what checks its requests does not.
  expect(ours.filter((path) => /wire\/(api|routes)\.ts$/.test(path))).toEqual([])
  console.info(`weft/client, gzipped: ${bytes.atOnce} bytes, ${bytes.all} with all that verifies`)
  expect(bytes.atOnce).toBeLessThan(CLIENT_BYTES_MAX / 5)
  expect(bytes.all).toBeLessThan(CLIENT_BYTES_MAX)
})

test('what a verifying client needs can be bundled for a browser', async () => {
  const { ofNode, ours } = await bundle(CLIENT)
  expect(ofNode).toEqual([])
  expect(ours.length).toBeGreaterThan(CLIENT.length)
  expect(ours.filter((path) => /\bBuffer\b|\bprocess\.|NodeJS\./.test(code(path)))).toEqual([])
})

test('a module of Node.js in it is found, with who imports it', async () => {
  const { ofNode } = await bundle([...CLIENT, 'io/store/sqlite.ts'])
  expect(ofNode).toContain(`${join(src, 'io/store/sqlite.ts')} imports node:sqlite`)
})
