import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'

/** docs/BUILDING.md, done: every command of the page, in its order, in an empty folder. */

const root = join(import.meta.dirname, '../..')
const PAGE = readFileSync(join(root, 'docs/BUILDING.md'), 'utf8')
const COMMANDS = [...PAGE.matchAll(/^```sh\n([\s\S]*?)^```/gm)].flatMap(([, text = '']) => text.trim().split('\n'))
/** A network starts, and three epochs are finalized, on a busy machine. */
const LIMIT_MS = 240_000

const folder = mkdtempSync(join(tmpdir(), 'weft-building-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** As a shell in the folder would, with `./weft` for where it lies. */
async function run(line: string): Promise<string> {
  const command = line.replaceAll('./weft', join(root, 'weft'))
  const { stdout } = await promisify(execFile)('/bin/sh', ['-c', command], { cwd: folder, maxBuffer: 64 << 20 }).catch((failure) =>
    expect.fail(`${line}: ${failure.message}\n${failure.stdout}\n${failure.stderr}`),
  )
  return stdout
}

test(
  'the commands of the page, in their order, bring data of a set of one’s own to a proof',
  async () => {
    const said = new Map<string, string>()
    for (const line of COMMANDS) said.set(line.split(' --')[0] ?? '', await run(line))
    expect([...said.keys()]).toEqual(['./weft new market demo', 'cd demo && npm test', './weft devnet', './weft verify demo_tokens latest'])
    expect(said.get('cd demo && npm test')).toContain('pass 1')
    expect(said.get('./weft devnet')).toMatch(/^3 epochs finalized/m)
    expect(said.get('./weft verify demo_tokens latest')).toMatch(/^verified/m)
    expect(said.get('./weft verify demo_tokens latest')).toContain('demo_tokens:')
  },
  LIMIT_MS,
)
