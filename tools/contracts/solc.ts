// Answers the two questions forge asks of a compiler, `--version` and `--standard-json`, through npm's solc.
// solc as WebAssembly takes tens of seconds, so answers are kept under contracts/cache by the hash of the question.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'

const require = createRequire(import.meta.url)
const compilerVersion = (require('solc/package.json') as { version: string }).version
const cacheDir = join(import.meta.dirname, '../../contracts/cache/solc')

type Solc = { version(): string; compile(input: string): string }
const loadSolc = (): Solc => require('solc') as Solc

function cached(question: string, answer: () => string): string {
  const key = createHash('sha256').update(compilerVersion).update('\0').update(question).digest('hex')
  const file = join(cacheDir, `${key}.gz`)
  try {
    return gunzipSync(readFileSync(file)).toString('utf8')
  } catch {
    // Not asked before, or the file is damaged: both mean asking the compiler.
  }
  const text = answer()
  mkdirSync(cacheDir, { recursive: true })
  // Written aside and renamed, so that two builds at once never read half a file.
  const aside = `${file}.${process.pid}`
  writeFileSync(aside, gzipSync(text, { level: 1 }))
  renameSync(aside, file)
  return text
}

const flags = process.argv.slice(2)
if (flags.includes('--version')) {
  const version = cached('--version', () => loadSolc().version())
  process.stdout.write(`solc, the solidity compiler commandline interface\nVersion: ${version}\n`)
} else if (flags.includes('--standard-json')) {
  const input = readFileSync(0, 'utf8')
  process.stdout.write(cached(input, () => loadSolc().compile(input)))
} else {
  process.stderr.write(`solc shim: unsupported arguments ${flags.join(' ')}; only --version and --standard-json\n`)
  process.exitCode = 1
}
