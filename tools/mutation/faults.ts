import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Fault, faultyText, readFaults } from './fault.ts'
import { evidenceOf, judge, runTests, type Verdict } from './judge.ts'

/** Plants the faults of `test/faults` one at a time in copies of the project, and says of each which test noticed. */

const root = join(import.meta.dirname, '../..')
const memoryPath = join(root, 'node_modules/.cache/weft-mutation/faults.json')
/** What no test needs, and what a copy must not share. */
const NOT_COPIED = new Set(['node_modules', '.git', '.stryker-tmp', '.weft', 'coverage', 'dist'])

type Known = Record<string, { readonly evidence: string; readonly verdict: Verdict }>

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    again: { type: 'boolean', default: false },
    jobs: { type: 'string', default: '2' },
  },
})

/** Chosen by area and name (`chain/07-`), or by the file in which they are (`src/io/chain`). */
function chosen(fault: Fault): boolean {
  return (
    positionals.length === 0 ||
    positionals.some(
      (text) => fault.name.startsWith(text.replace(/^test\/faults\//, '').replace(/\.patch$/, '')) || fault.path.startsWith(text),
    )
  )
}

function copyProject(): string {
  const copy = mkdtempSync(join(tmpdir(), 'weft-mutate-'))
  cpSync(root, copy, { recursive: true, filter: (source) => !NOT_COPIED.has(basename(source)) || source === root })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  return copy
}

function print(fault: Fault, verdict: Verdict, isKnown: boolean): void {
  if (values.json) {
    process.stdout.write(`${JSON.stringify({ fault: fault.name, breaks: fault.breaks, ...verdict })}\n`)
    return
  }
  const mark = verdict.kind === 'near' || verdict.kind === 'far' ? 'noticed' : verdict.kind.toUpperCase()
  const what = 'by' in verdict ? `${verdict.kind === 'far' ? 'far away, ' : ''}${verdict.testPath} › ${verdict.by}` : fault.sentence
  process.stdout.write(`${mark.padEnd(8)} ${fault.name}${isKnown ? ' (known)' : ''}: ${what}\n`)
  if ('tail' in verdict) process.stdout.write(`${verdict.tail}\n`)
}

function printTable(results: ReadonlyMap<Fault, Verdict>): void {
  const areas = new Map<string, Record<Verdict['kind'], number>>()
  for (const [{ name }, { kind }] of results) {
    const area = name.split('/')[0] ?? ''
    const row = areas.get(area) ?? { near: 0, far: 0, unseen: 0, hung: 0, mute: 0 }
    row[kind] += 1
    areas.set(area, row)
  }
  process.stdout.write(`\n${'area'.padEnd(14)}   near    far unseen   hung   mute\n`)
  for (const [area, row] of areas)
    process.stdout.write(
      `${area.padEnd(14)} ${Object.values(row)
        .map((count) => String(count).padStart(6))
        .join(' ')}\n`,
    )
}

async function main(): Promise<number> {
  const controller = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => controller.abort(new Error('stopped')))
  const faults = readFaults(join(root, 'test/faults')).filter(chosen)
  if (faults.length === 0) throw new Error(`no fault in test/faults has that name or breaks such a file: ${positionals.join(', ')}`)
  // Before anything takes long: a fault that no longer applies says nothing about the tests.
  for (const fault of faults) faultyText(root, fault)
  const known: Known = existsSync(memoryPath) && !values.again ? (JSON.parse(readFileSync(memoryPath, 'utf8')) as Known) : {}
  const results = new Map<Fault, Verdict>()
  const left: Fault[] = []
  for (const fault of faults) {
    const before = known[fault.name]
    const isSame =
      before !== undefined && 'testPath' in before.verdict && before.evidence === evidenceOf(root, fault, before.verdict.testPath)
    if (!isSame) left.push(fault)
    else {
      results.set(fault, before.verdict)
      print(fault, before.verdict, true)
    }
  }
  const copies: string[] = []
  try {
    for (let job = 0; left.length > 0 && job < Math.min(Number(values.jobs), left.length); job += 1) copies.push(copyProject())
    const folders = [...new Set(left.map(({ path }) => `${path.slice(0, path.lastIndexOf('/'))}/`))]
    if (copies[0] !== undefined) {
      if (!values.json) process.stdout.write(`${left.length} faults to plant. First the tests around them, without any …\n`)
      const sound = await runTests({ copy: copies[0], paths: folders, limitMs: 600_000, signal: controller.signal })
      if (sound !== 'green') throw new Error(`the tests fail without any fault: ${JSON.stringify(sound)}`)
    }
    const queue = [...left]
    await Promise.all(
      copies.map(async (copy) => {
        for (let fault = queue.shift(); fault !== undefined; fault = queue.shift()) {
          const verdict = await judge(copy, fault, controller.signal)
          results.set(fault, verdict)
          print(fault, verdict, false)
          if ('testPath' in verdict) known[fault.name] = { evidence: evidenceOf(root, fault, verdict.testPath), verdict }
        }
      }),
    )
  } finally {
    for (const copy of copies) rmSync(copy, { recursive: true, force: true })
    mkdirSync(join(memoryPath, '..'), { recursive: true })
    writeFileSync(memoryPath, JSON.stringify(known))
  }
  if (!values.json) printTable(results)
  return [...results.values()].every(({ kind }) => kind === 'near' || kind === 'far') ? 0 : 1
}

try {
  process.exitCode = await main()
} catch (failure) {
  process.stderr.write(`weft: ${failure instanceof Error ? failure.message : String(failure)}\n`)
  process.exitCode = 1
}
