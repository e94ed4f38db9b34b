import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { WeftError } from '#domain/errors.ts'
import { endGroup } from '#node/process-group.ts'

/** A running development chain. */
export interface Anvil {
  readonly rpcUrl: string
  /** Resolves when the process has ended, for whatever reason. */
  readonly ended: Promise<void>
  stop(): Promise<void>
}

/** How long anvil may take to listen; it needs 50 ms on an idle machine. */
const START_TIMEOUT_MS = 20_000
/** How long it may take to end when it is asked to; then it is not asked any more. */
const STOP_TIMEOUT_MS = 5_000

/**
 * Starts anvil as the parent of nobody's orphans: a shell waits beside it for the end of our stdin pipe, which comes even when
 * this process is killed with SIGKILL, and then ends anvil.
 */
const KEEPER = `exec 3<&0
"$0" "$@" </dev/null & anvil=$!
( cat <&3 >/dev/null 2>&1; kill "$anvil" 2>/dev/null ) >/dev/null 2>&1 &
wait "$anvil"`

/** The binary itself, not the npm wrapper script: the wrapper would leave it behind when killed. */
function binaryPath(): string {
  const arch = process.arch === 'x64' ? 'amd64' : process.arch
  const wrapper = createRequire(import.meta.url).resolve('@foundry-rs/anvil/package.json')
  try {
    const found = createRequire(wrapper).resolve(`@foundry-rs/anvil-${process.platform}-${arch}/package.json`)
    return join(dirname(found), 'bin', 'anvil')
  } catch (cause) {
    throw new WeftError('CHILD_PROCESS_FAILED', { program: 'anvil', detail: `no binary for ${process.platform}-${process.arch}` }, cause)
  }
}

export interface AnvilOptions {
  readonly chainId: number
  /** Seconds between blocks; without it blocks are mined only on request. */
  readonly blockTimeSeconds?: number
  /** More flags, passed on as they are. */
  readonly flags?: readonly string[]
}

/** Starts a chain on a free loopback port. Throws `CHILD_PROCESS_FAILED`. */
export async function startAnvil(options: AnvilOptions): Promise<Anvil> {
  const mining = options.blockTimeSeconds === undefined ? ['--no-mining'] : ['--block-time', String(options.blockTimeSeconds)]
  const flags = ['--host', '127.0.0.1', '--port', '0', '--chain-id', String(options.chainId), ...mining, ...(options.flags ?? [])]
  // In a process group of its own: Ctrl-C at a terminal reaches the whole group, and the chain must outlive the roles that still settle on it.
  const child = spawn('sh', ['-c', KEEPER, binaryPath(), ...flags], { stdio: ['pipe', 'pipe', 'pipe'], detached: true })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const stop = async (): Promise<void> => {
    child.stdin.end()
    // The whole group: the shell's end alone would leave the chain behind.
    const timer = setTimeout(() => endGroup(child.pid), STOP_TIMEOUT_MS)
    await ended
    clearTimeout(timer)
  }
  try {
    return { rpcUrl: await listening(child.stdout, child.stderr, ended), ended, stop }
  } catch (failure) {
    await stop()
    throw failure
  }
}

async function listening(stdout: NodeJS.ReadableStream, stderr: NodeJS.ReadableStream, ended: Promise<void>): Promise<string> {
  const lastWords: string[] = []
  stderr.on('data', (chunk) => lastWords.push(String(chunk).slice(0, 500)))
  const failed = (detail: string): WeftError =>
    new WeftError('CHILD_PROCESS_FAILED', { program: 'anvil', detail: `${detail} ${lastWords.join('')}`.trim() })
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(failed(`did not listen within ${START_TIMEOUT_MS} ms`)), START_TIMEOUT_MS)
    void ended.then(() => {
      clearTimeout(timer)
      reject(failed('ended before it listened'))
    })
    createInterface({ input: stdout }).on('line', (line) => {
      // Lines after this one are read and dropped, so that anvil never blocks on a full pipe.
      const address = /^Listening on (\S+)$/.exec(line)?.[1]
      if (address === undefined) return
      clearTimeout(timer)
      resolve(`http://${address}`)
    })
  })
}
