import { createInterface } from 'node:readline/promises'
import { WeftError } from '#domain/errors.ts'
import { Secret } from '#domain/secret.ts'
import { EXIT_STOPPED } from '#node/stop.ts'

/** Asks a person at the terminal. Whatever is asked goes to stderr: stdout is for what the command prints. */
export async function askYes(process: NodeJS.Process, question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim())
  } catch (failure) {
    // Ctrl-C and Ctrl-D are a no.
    if ((failure as NodeJS.ErrnoException).code === 'ABORT_ERR') return false
    throw failure
  } finally {
    terminal.close()
  }
}

const ENTER = new Set(['\r', '\n', '\u0004'])
const BACKSPACE = new Set(['\b', '\u007f'])
const CTRL_C = '\u0003'

/** Asks for a password at the terminal without showing it. */
export async function askSecret(process: NodeJS.Process, question: string): Promise<Secret<string>> {
  const { stdin, stderr } = process
  stderr.write(`${question}: `)
  stdin.setRawMode(true)
  stdin.setEncoding('utf8')
  try {
    let typed: string[] = []
    for await (const chunk of stdin.iterator({ destroyOnReturn: false })) {
      for (const key of String(chunk)) {
        if (ENTER.has(key)) return new Secret(typed.join(''))
        if (key === CTRL_C) process.exit(EXIT_STOPPED)
        typed = BACKSPACE.has(key) ? typed.slice(0, -1) : [...typed, key]
      }
    }
    return new Secret(typed.join(''))
  } finally {
    stdin.setRawMode(false)
    stdin.pause()
    stderr.write('\n')
  }
}

/** Asks for a line; an empty one is `fallback`. Throws `STOPPED` when the person leaves. */
export async function askLine(process: NodeJS.Process, question: string, fallback: string | undefined): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const line = await terminal.question(`${question}${fallback === undefined ? '' : ` [${fallback}]`}: `)
    return line.trim() || (fallback ?? '')
  } catch (failure) {
    if ((failure as NodeJS.ErrnoException).code === 'ABORT_ERR') throw new WeftError('STOPPED', { what: 'weft init' })
    throw failure
  } finally {
    terminal.close()
  }
}
