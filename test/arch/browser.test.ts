import { readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'
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

/** Bundles the modules for a browser; tells what was asked of Node.js, by whom, and which files of ours went in. */
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
  await build({
    configFile: false,
    logLevel: 'silent',
    plugins: [watcher],
    build: { write: false, minify: false, lib: { entry: modules.map((path) => join(src, path)), formats: ['es'] } },
  })
  return { ofNode, ours: [...ours] }
}

/** Comments may speak of it. */
const code = (path: string): string => readFileSync(path, 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')

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
