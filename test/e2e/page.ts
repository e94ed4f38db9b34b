import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { runWeft, type WeftProcess } from './world.ts'

/** A page of `docs`, done: its commands in their order, in a folder of their own, with what it says of files and addresses. */

export interface PageProcess extends WeftProcess {
  readonly name: string
  readonly dataDir: string
}

export interface Page {
  readonly folder: string
  /** What the page calls `$NAME`. */
  readonly variables: Map<string, string>
  /** The blocks of a language, each as it stands there. */
  blocks(language: string): readonly string[]
  /** With what the variables are. */
  filledIn(text: string): string
  /** Runs one command of the page; `env` beside what it sets itself. */
  run(line: string, env?: Readonly<Record<string, string>>): PageProcess
  /** Looks up where the page says that addresses stand, as a reader does once their role has started. */
  lookUp(): void
  /** Everything that its processes have written so far. */
  outputs(): string
  stop(): Promise<void>
}

/** `change` is for words that are somebody's on this machine, such as ports. */
export function openPage(name: string, change: (word: string, command: string) => string = (word) => word): Page {
  const text = readFileSync(join(import.meta.dirname, '../../docs', name), 'utf8')
  const folder = mkdtempSync(join(tmpdir(), 'weft-page-'))
  const processes: WeftProcess[] = []
  const variables = new Map<string, string>()
  /** Where the page says that an address stands. */
  const places = [...text.matchAll(/^\| `\$(\w+)` \| `(\w+)` in `(\S+)` \|$/gm)].map(([, variable = '', what = '', path = '']) => ({
    variable,
    what,
    path,
  }))
  const filledIn = (words: string): string =>
    words.replace(/\$(\w+)/g, (whole, variable: string) => variables.get(variable) ?? expect.fail(`the page does not say what ${whole} is`))
  const first = (path: string, what: string): string | undefined =>
    existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Record<string, string[]>)[what]?.[0] : undefined
  return {
    folder,
    variables,
    blocks: (language) => [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, block = '']) => block),
    filledIn,
    run(line, env = {}) {
      const words = filledIn(line).split(' ')
      const at = words.indexOf('./weft')
      const own = Object.fromEntries(words.slice(0, at).map((word) => word.split('=') as [string, string]))
      const args = words.slice(at + 1).map((word) => change(word, words[at + 1] ?? ''))
      const running = runWeft(args, { ...own, ...env }, folder)
      processes.push(running)
      return { ...running, name: args[0] ?? '', dataDir: join(folder, args[args.indexOf('--data-dir') + 1] ?? '') }
    },
    lookUp() {
      for (const { variable, what, path } of places) variables.set(variable, first(join(folder, path), what) ?? '')
    },
    outputs: () => processes.map(({ output }) => output()).join('\n'),
    async stop() {
      for (const { child } of processes) child.kill('SIGKILL')
      await Promise.all(processes.map(({ exited }) => exited))
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
