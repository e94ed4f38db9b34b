import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { WeftError } from '#domain/errors.ts'
import { endGroup } from '#node/process-group.ts'

/** A program of others that runs beside ours. */
export interface Program {
  /** What it says of itself, as it was sought in its output. */
  readonly told: string
  /** Of the group of processes that it is. */
  readonly groupId: number
  /** Resolves when the process has ended, for whatever reason. */
  readonly ended: Promise<void>
  /** Ends it as a power cut would. */
  kill(): Promise<void>
  stop(): Promise<void>
}

/** How long it may take to listen; those we run need 50 ms on an idle machine. */
const START_TIMEOUT_MS = 20_000
/** How long it may take to end when it is asked to; then it is not asked any more. */
const STOP_TIMEOUT_MS = 5_000

/**
 * Starts a program as the parent of nobody's orphans: a shell waits beside it for the end of our stdin pipe, which comes even when
 * this process is killed with SIGKILL, and then ends the program.
 */
const KEEPER = `exec 3<&0
"$0" "$@" </dev/null & program=$!
( cat <&3 >/dev/null 2>&1; kill "$program" 2>/dev/null ) >/dev/null 2>&1 &
wait "$program"`

export interface ProgramOptions {
  /** For people. */
  readonly name: string
  readonly path: string
  readonly args: readonly string[]
  /** Of the line that says that it listens, in its output. */
  readonly listening: RegExp
}

/** Resolves when it listens. Throws `CHILD_PROCESS_FAILED`. */
export async function startProgram({ name, path, args, listening }: ProgramOptions): Promise<Program> {
  // In a process group of its own: Ctrl-C at a terminal reaches the whole group, and it must outlive the roles that still work with it.
  const child = spawn('sh', ['-c', KEEPER, path, ...args], { stdio: ['pipe', 'pipe', 'pipe'], detached: true })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const stop = async (): Promise<void> => {
    child.stdin.end()
    // The whole group: the shell's end alone would leave the program behind.
    const timer = setTimeout(() => endGroup(child.pid), STOP_TIMEOUT_MS)
    await ended
    clearTimeout(timer)
  }
  const kill = async (): Promise<void> => {
    endGroup(child.pid)
    await ended
  }
  try {
    return { told: await heard(name, listening, [child.stdout, child.stderr], ended), groupId: child.pid ?? 0, ended, kill, stop }
  } catch (failure) {
    await stop()
    throw failure
  }
}

async function heard(name: string, listening: RegExp, outputs: readonly NodeJS.ReadableStream[], ended: Promise<void>): Promise<string> {
  const lastWords: string[] = []
  const failed = (detail: string): WeftError =>
    new WeftError('CHILD_PROCESS_FAILED', { program: name, detail: `${detail} ${lastWords.slice(-20).join(' ')}`.trim() })
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(failed(`did not listen within ${START_TIMEOUT_MS} ms`)), START_TIMEOUT_MS)
    void ended.then(() => {
      clearTimeout(timer)
      reject(failed('ended before it listened'))
    })
    let isListening = false
    for (const input of outputs)
      createInterface({ input }).on('line', (line) => {
        // Lines after that one are read and dropped, so that the program never blocks on a full pipe.
        if (isListening) return
        lastWords.push(line.slice(0, 500))
        const told = listening.exec(line)?.[1]
        if (told === undefined) return
        isListening = true
        clearTimeout(timer)
        resolve(told)
      })
  })
}
