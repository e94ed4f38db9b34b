import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'

/** The import walls of AGENTS.md: each is shown to bite by planting what it forbids. A rule never seen failing is not a rule. */

const root = join(import.meta.dirname, '../..')
/** A house of its own with the same rules and nothing in it but what is planted: one run of the linter looks at all of it. */
const plot = mkdtempSync(join(tmpdir(), 'weft-walls-'))
afterAll(() => rmSync(plot, { recursive: true, force: true }))

interface Found {
  readonly rule: string
  readonly path: string
}

function lint(folder: string, paths: readonly string[]): Found[] {
  const biome = join(root, 'node_modules/.bin/biome')
  const options = { cwd: folder, encoding: 'utf8', stdio: 'pipe', maxBuffer: 64 << 20 } as const
  const flags = ['--reporter=json', '--diagnostic-level=error', '--max-diagnostics=none']
  let report: string
  try {
    report = execFileSync(biome, ['lint', ...flags, ...paths], options)
  } catch (failure) {
    report = (failure as { stdout: string }).stdout
  }
  const { diagnostics } = JSON.parse(report) as { diagnostics: { category: string; location: { path: string | { file: string } } }[] }
  return diagnostics.map(({ category, location: { path } }) => ({ rule: category, path: typeof path === 'string' ? path : path.file }))
}

const imports = (specifier: string): string => `import { planted } from '${specifier}'\nexport const used = planted\n`

const FORBIDDEN: readonly (readonly [folder: string, specifier: string])[] = [
  ['src/domain', 'viem'],
  ['src/domain', 'node:fs'],
  ['src/domain', '#wire/merkle.ts'],
  ['src/domain', '../wire/merkle.ts'],
  ['src/wire', '#io/clock/port.ts'],
  ['src/wire', '#roles/sequencer/intake/verify.ts'],
  ['src/wire', 'node:crypto'],
  ['src/io/store', '#io/clock/system.ts'],
  ['src/io/chain/read', '#io/store/sqlite.ts'],
  ['src/io/chain/read', '../port.ts'],
  ['src/io/store', '../clock/port.ts'],
  ['src/io/store', '#roles/sequencer/intake/verify.ts'],
  ['src/roles/sequencer', '#roles/validator/recheck.ts'],
  ['src/roles/sequencer', '../validator/recheck.ts'],
  ['src/roles/sequencer/days', '#roles/validator/recheck.ts'],
  ['src/roles/sequencer/days', '../../validator/recheck.ts'],
  ['src/roles/sequencer/days', '#io/store/sqlite.ts'],
  ['src/roles/consumer/proof', '#roles/validator/recheck.ts'],
  ['src/roles/consumer/proof', '#io/chain/read/state-prover.ts'],
  ['src/roles/validator', '#roles/sequencer/ledger.ts'],
  ['src/roles/api/serve', '#roles/sequencer/ledger.ts'],
  ['src/roles/api/serve', '#io/database/sqlite.ts'],
  ['src/roles/api/serve', 'node:http'],
  ['src/roles/validator', 'graphql'],
  ['src/roles/sequencer', '#io/store/sqlite.ts'],
  ['src/roles/sequencer', '#io/store/fake.ts'],
  ['src/roles/sequencer', 'viem'],
  ['src/roles/sequencer', 'node:fs'],
  ['src/node', '#cli/main.ts'],
  ['src/node', '#devnet/devnet.ts'],
  ['src/node', '#io/store/fake.ts'],
  ['src/node', '#io/chain/fake/anchor.ts'],
  ['src/node', '#operator/plan.ts'],
  ['src/operator', '#devnet/devnet.ts'],
  ['src/operator', '#roles/sequencer/sequencer.ts'],
  ['src/operator', '#io/chain/fake/anchor.ts'],
  ['src/life', '#roles/sequencer/intake/verify.ts'],
  ['src/life', '#io/clock/system.ts'],
  ['src/devnet', '#cli/main.ts'],
  ['src/cli', '#roles/sequencer/sequencer.ts'],
  ['src/cli', '#io/store/sqlite.ts'],
  ['src/client', '#io/chain/read/anchor.ts'],
  ['src/client', '#roles/consumer/verify.ts'],
  ['src/client', '#life/persist.ts'],
  ['src/client', 'node:crypto'],
  ['src/client', 'viem'],
  ['src/client', './api.test-world.ts'],
  ['dashboard/src', '#wire/cid.ts'],
  ['dashboard/src', '../../src/wire/cid.ts'],
  ['dashboard/src/pages', '../../../src/client/client.ts'],
  ['dashboard/src', 'node:fs'],
  ['dashboard/src', 'zod'],
  ['computes/uniswap-v2', 'viem'],
  ['computes/eth-price', '../uniswap-v2/contracts.ts'],
  ['computes/uniswap-v2', '#wire/cid.ts'],
  ['computes/uniswap-v2', 'zod/v4/locales'],
  // What tests are made of is for tests alone, also within a folder.
  ['src/domain', './planted.test-world.ts'],
  ['src/wire', './planted.test-world.ts'],
  ['src/io/p2p', './scripted.test-stream.ts'],
  ['src/roles/collector', './collector.test-world.ts'],
  ['src/node', '#roles/collector/collector.test-world.ts'],
  ['src/node', './planted.test-world.ts'],
  ['src/devnet', '#roles/collector/collector.test-world.ts'],
  ['src/cli', './planted.test-world.ts'],
  ['computes/uniswap-v2', './planted.test-world.ts'],
]
const ALLOWED: typeof FORBIDDEN = [
  ['src/wire', '#domain/ids.ts'],
  ['src/io/store', '#wire/merkle.ts'],
  ['src/io/p2p', '#io/intake/port.ts'],
  ['src/io/ipfs', '#io/disk/folder.ts'],
  ['src/io/ipfs', '#io/p2p/lean-muxer.ts'],
  ['src/io/chain/read', '#io/chain/port.ts'],
  ['src/roles/sequencer', '#life/persist.ts'],
  ['src/roles/sequencer', './days/count.ts'],
  ['src/roles/sequencer/days', '#roles/sequencer/keys.ts'],
  ['src/roles/sequencer', '#io/store/port.ts'],
  ['src/roles/sequencer', './verify.ts'],
  ['src/node', '#io/store/sqlite.ts'],
  ['src/cli', '#node/settings/settings.ts'],
  ['src/client', '#wire/cid.ts'],
  ['src/client', '#roles/consumer/proof/check.ts'],
  ['src/client', './http.ts'],
  ['dashboard/src', 'weft/client'],
  ['dashboard/src', '#client/client.ts'],
  ['dashboard/src', '#wire/api.ts'],
  ['dashboard/src', 'react'],
  ['dashboard/src/pages', '../ui/number.ts'],
  ['computes/uniswap-v2', 'weft/compute'],
  ['computes/eth-price', 'weft/computes/uniswap-v2'],
  ['computes/uniswap-v2', 'zod'],
  ['computes/aave-v3', 'decimal.js'],
]
/** Tests, and what they are made of, may import anything: the two kinds of file that hold them. */
const ALLOWED_TO_TESTS: typeof FORBIDDEN = [
  ['src/io/p2p/planted.test.ts', './scripted.test-stream.ts'],
  ['src/io/p2p/planted.test-stream.ts', './scripted.test-stream.ts'],
  ['src/roles/collector/planted.test.ts', './collector.test-world.ts'],
  ['src/roles/collector/planted.test-world.ts', './scripted.test-dialer.ts'],
  ['src/roles/collector/planted.test-other.ts', '#io/store/fake.ts'],
]
const AMBIENT: readonly (readonly [folder: string, source: string, rule: string])[] = [
  ['src/roles/sequencer', 'export const now = Date.now()', 'plugin'],
  ['src/roles/sequencer', 'export const now = new Date()', 'plugin'],
  ['src/domain', 'export const chance = Math.random()', 'plugin'],
  ['src/wire', 'export const id = crypto.randomUUID()', 'plugin'],
  ['computes/uniswap-v2', 'export const now = performance.now()', 'plugin'],
  ['src/roles/sequencer', 'setTimeout(() => 1, 5)', 'lint/style/noRestrictedGlobals'],
  ['src/roles/sequencer', 'export const home = process.env', 'lint/style/noRestrictedGlobals'],
  ['computes/uniswap-v2', "export const page = fetch('http://127.0.0.1')", 'lint/style/noRestrictedGlobals'],
  ['src/domain', 'async function work() { return 1 }\nwork()\n', 'lint/nursery/noFloatingPromises'],
  ['src/domain', 'export function quiet() { try { return JSON.parse("") } catch {} }', 'lint/suspicious/noEmptyBlockStatements'],
]

/** Plants each, in a file of that name or in one of its own in that folder, lints all at once; the rules that each broke, in the same order. */
function rulesBrokenBy(planted: readonly (readonly [place: string, source: string])[]): readonly (readonly string[])[] {
  for (const path of ['biome.json', 'package.json', 'tsconfig.json', 'tools/grit'])
    cpSync(join(root, path), join(plot, path), { recursive: true })
  const paths = planted.map(([place, source], index) => {
    const path = place.endsWith('.ts') ? place : join(place, `planted-${index}.ts`)
    mkdirSync(join(plot, dirname(path)), { recursive: true })
    writeFileSync(join(plot, path), source)
    return path
  })
  const found = lint(plot, ['src', 'computes', 'dashboard'])
  return paths.map((planted) => found.filter(({ path }) => path.endsWith(planted)).map(({ rule }) => rule))
}

describe('each wall stops what it forbids', () => {
  const withImport = [...FORBIDDEN, ...ALLOWED, ...ALLOWED_TO_TESTS].map(([folder, specifier]) => [folder, imports(specifier)] as const)
  const broken = rulesBrokenBy([...withImport, ...AMBIENT.map(([folder, source]) => [folder, source] as const)])

  test.each(FORBIDDEN.map((row, index) => [...row, index] as const))('%s must not import %s', (_folder, _specifier, index) => {
    expect(broken[index]).toContain('lint/style/noRestrictedImports')
  })

  test.each([...ALLOWED, ...ALLOWED_TO_TESTS].map((row, index) => [...row, FORBIDDEN.length + index] as const))(
    '%s may import %s',
    (_folder, _specifier, index) => {
      expect(broken[index]).not.toContain('lint/style/noRestrictedImports')
    },
  )

  test.each(AMBIENT.map((row, index) => [...row, withImport.length + index] as const))(
    '%s must not hold: %s',
    (_folder, _source, rule, index) => {
      expect(broken[index]).toContain(rule)
    },
  )
})

function sourceFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(root, folder, name))
}

/** A thousand files and more, on a machine that has other things to do. */
const WHOLE_TREE_MAX_MS = 120_000

describe('the house', () => {
  test('the whole tree keeps the rules', { timeout: WHOLE_TREE_MAX_MS }, () => {
    expect(lint(root, ['src', 'computes', 'test', 'tools'])).toEqual([])
  })

  test('no type is imported behind the walls through import(…)', () => {
    // A type annotation `import('viem').Hex` is not seen by the linter's import rule.
    const found = [...sourceFiles('src/domain'), ...sourceFiles('src/roles')].filter((file) =>
      /:\s*import\(/.test(readFileSync(file, 'utf8')),
    )
    expect(found).toEqual([])
  })

  test('no file or folder has a name that says nothing', () => {
    const homeless = /^(utils?|common|helpers?|lib|types|manager|misc|shared)(\.ts)?$/
    const found = [...sourceFiles('src'), ...sourceFiles('computes')].filter((file) =>
      relative(root, file)
        .split('/')
        .some((part) => homeless.test(part)),
    )
    expect(found).toEqual([])
  })

  test('G11: no role reads a batch that others may have written in one go', () => {
    const files = sourceFiles('src/roles').filter((file) => !/\.test(-\w+)?\.ts$/.test(file))
    const atOnce = files.filter((file) => /\b(parseBatchFile|parseBatch|decodeBatch)\b/.test(readFileSync(file, 'utf8')))
    // The plan of a sequencer is its own; a file that somebody looks at by itself keeps nobody else waiting.
    const own = ['src/roles/consumer/batch-alone.ts', 'src/roles/sequencer/seal/planned-votes.ts']
    expect(atOnce.map((file) => relative(root, file)).sort()).toEqual(own)
  })

  test('docs/FLOW.md names every stage file, and no file that is gone', () => {
    const flow = readFileSync(join(root, 'docs/FLOW.md'), 'utf8')
    const named = new Set([...flow.matchAll(/`((?:src|computes|test|contracts)\/[\w./-]+)`/g)].map(([, path]) => path ?? ''))
    const stages = sourceFiles('src/roles')
      .map((file) => relative(root, file))
      .filter((file) => !/\.test(-\w+)?\.ts$/.test(file))
    expect(stages.filter((file) => !named.has(file))).toEqual([])
    const exists = (path: string): boolean => {
      try {
        readdirSync(join(root, path))
        return true
      } catch (failure) {
        return (failure as NodeJS.ErrnoException).code === 'ENOTDIR'
      }
    }
    expect([...named].filter((path) => !exists(path))).toEqual([])
  })

  test('every role, and every folder of one, has a README with numbered invariants, under 120 lines', () => {
    for (const folder of new Set(sourceFiles('src/roles').map(dirname))) {
      const readme = readFileSync(join(folder, 'README.md'), 'utf8')
      expect(readme, folder).toMatch(/\*\*[A-Z][1-9][0-9]?\*\* /)
      expect(readme.split('\n').length, folder).toBeLessThan(120)
    }
  })
})
