import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'

/** docs/BUILDING.md, done: every command of the page, in its order, in an empty folder; what is watched goes on beside the rest. */

const root = join(import.meta.dirname, '../..')
const PAGE = readFileSync(join(root, 'docs/BUILDING.md'), 'utf8')
const COMMANDS = [...PAGE.matchAll(/^```sh\n([\s\S]*?)^```/gm)].flatMap(([, text = '']) => text.trim().split('\n'))
/** A network starts, some epochs of it are finalized, on a busy machine. */
const LIMIT_MS = 230_000

const folder = mkdtempSync(join(tmpdir(), 'weft-building-'))
const watching: ChildProcess[] = []
afterAll(() => {
  for (const child of watching) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

/** As a shell in the folder would have it, with `./weft` for where it lies. */
const shell = (line: string): readonly [string, string[]] => ['/bin/sh', ['-c', line.replaceAll('./weft', join(root, 'weft'))]]

async function run(line: string): Promise<string> {
  const { stdout } = await promisify(execFile)(...shell(line), { cwd: folder, maxBuffer: 64 << 20 }).catch((failure) =>
    expect.fail(`${line}: ${failure.message}\n${failure.stdout}\n${failure.stderr}`),
  )
  return stdout
}

/** One that runs until it is stopped. `says` resolves with the first match in what it says, from where the last one ended. */
function beside(line: string) {
  const [program, [flag, command = '']] = shell(line) as [string, [string, string]]
  const child = spawn(program, [flag, `exec ${command}`], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] })
  watching.push(child)
  let said = ''
  let from = 0
  const more = (async () => {
    for await (const piece of child.stdout) {
      said += piece
      child.emit('more')
    }
    child.emit('more')
  })()
  return {
    async says(what: RegExp): Promise<RegExpExecArray> {
      for (;;) {
        const found = what.exec(said.slice(from))
        if (found !== null) {
          from += found.index + found[0].length
          return found
        }
        if (child.exitCode !== null) expect.fail(`${line} ended without saying ${what}: ${said}`)
        await once(child, 'more')
      }
    },
    async stop(): Promise<void> {
      child.kill('SIGINT')
      await more
    },
  }
}

/** What each command is to say, by how it begins. */
const SAYS: Readonly<Record<string, readonly (string | RegExp)[]>> = {
  './weft new market demo': [],
  'cd demo && npm test': ['pass 1'],
  './weft market graph': ['demo  snapshot ×2\n└─ demo_tokens  MultiProject ×1\n'],
  './weft devnet': [/^3 epochs finalized/m],
  './weft verify demo_tokens latest': [/^verified/m, 'demo_tokens:'],
  './weft new market pairs': [],
  './weft new market wallets': [],
  './weft new market bare': [],
  './weft compute run demo_tokens': [/(✔ the same as finalized.*){2}/s],
  './weft backfill': ['"failed":0'],
}
let live: ReturnType<typeof beside>

test('the page has the commands that are looked at here', () => {
  const begun = COMMANDS.filter((line) => !line.includes('--watch')).map((line) => line.split(' --')[0])
  expect(begun).toEqual(Object.keys(SAYS))
})

test.each(COMMANDS)(
  'in its turn: %s',
  async (line) => {
    if (line.includes('--watch')) {
      live = beside(line)
      await live.says(/^ +2 .* ms$/m)
      return
    }
    const said = await run(line)
    for (const what of SAYS[line.split(' --')[0] ?? ''] ?? []) expect(said).toMatch(what)
  },
  LIMIT_MS,
)

test.each(['demo', 'pairs', 'wallets', 'bare'])('the network that is watched has projects of %s', async (name) => {
  expect(await run(`./weft projects ${name} --data-dir live`)).toContain(`${name}:`)
})

test('an edit is shown and holds from the next epoch on, a broken one is told and nothing else', () => edits(), LIMIT_MS)

/** What the page says of edits. */
async function edits(): Promise<void> {
  const path = join(folder, 'demo/compute.ts')
  const good = readFileSync(path, 'utf8')
  const write = (from: string, to: string): void => writeFileSync(path, good.replace(from, to))
  write('BigInt(base.length)', 'BigInt(base.length) + 1n')
  await live.says(/~ epoch \d+, demo_tokens:\S+ bafk\w+ is bafk\w+ now\n {4}tokens: 3, not 2\n/)
  const [, first = ''] = await live.says(/edited: demo 0\.1\.0-edit\.1, in every node from epoch (\d+) on\n/)
  await live.says(new RegExp(`^ +${first} .* ms$`, 'm'))
  const again = await run(`./weft compute run demo_tokens --epoch ${first} --diff --data-dir live`)
  expect(again).toContain('"tokens":3')
  expect(again).toContain('✔ the same as finalized')
  write('export default {', 'export default {{')
  await live.says(/✘ the edit of \S+demo is not taken, demo 0\.1\.0-edit\.1 stays:\n +\S+compute\.ts:\d+: /)
  write('return { tokens:', "throw new Error('no luck')\n          return { tokens:")
  await live.says(/✘ epoch \d+, demo_tokens:\S+: compute_failed: .*compute\.ts:\d+: no luck/)
  await live.stop()
}
