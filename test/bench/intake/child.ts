import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** A process of its own that is asked by lines of JSON and answers each by one: so its CPU and memory are nobody else's. Its temporary files lie in a folder of its own. */
export interface Child {
  /** Asks for a step by its name. Rejects with what the step threw, or when the process ends first. */
  ask<Answer>(step: string, facts?: unknown): Promise<Answer>
  /** Ends it as a power cut does, and removes what it has left. */
  kill(): Promise<void>
}

/** CPU of this process since its start, all threads, in µs. */
export function ownCpuUs(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

type Reply = { readonly id: number } & ({ readonly answer: unknown } | { readonly failed: string })

/** How the launcher sizes the heap of a command: what is measured is what runs. */
export function heapOf(command: string): readonly string[] {
  const launcher = readFileSync(join(import.meta.dirname, '../../../weft'), 'utf8')
  const flags = new RegExp(`^${command}\\)\\n(?: +[^ ;].*\\n)*? +heap='(.+)'$`, 'm').exec(launcher)?.[1]
  if (flags === undefined) throw new Error(`the launcher says nothing of the heap of ${command}`)
  return flags.split(' ')
}

/** `heap`: flags of V8, which go before those of this process. */
export function startChild(file: string, heap: readonly string[] = []): Child {
  const folder = mkdtempSync(join(tmpdir(), 'weft-bench-'))
  const child = spawn(process.execPath, [...process.execArgv, ...heap, '--expose-gc', file], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, TMPDIR: folder },
  })
  const exited = once(child, 'exit')
  const end = (): void => {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  }
  process.once('exit', end)
  child.stdin.on('error', () => undefined)
  const open = new Map<number, PromiseWithResolvers<unknown>>()
  let asked = 0
  createInterface({ input: child.stdout }).on('line', (line) => {
    const reply = JSON.parse(line) as Reply
    if ('failed' in reply) open.get(reply.id)?.reject(new Error(reply.failed))
    else open.get(reply.id)?.resolve(reply.answer)
    open.delete(reply.id)
  })
  child.once('exit', () => {
    for (const { reject } of open.values()) reject(new Error(`${file} ended before it answered`))
  })
  return {
    ask<Answer>(step: string, facts: unknown = {}) {
      const answer = Promise.withResolvers<unknown>()
      asked += 1
      open.set(asked, answer)
      child.stdin.write(`${JSON.stringify({ id: asked, step, facts })}\n`)
      return answer.promise as Promise<Answer>
    },
    async kill() {
      end()
      await exited
      process.off('exit', end)
    },
  }
}

/** The other end of `startChild`: carries out steps, several at once where they are asked so, until the asking process ends it. */
// biome-ignore lint/suspicious/noExplicitAny: each step has facts of its own.
export async function serveSteps(steps: Readonly<Record<string, (facts: any) => unknown>>): Promise<void> {
  const tell = (reply: Reply): void => void process.stdout.write(`${JSON.stringify(reply)}\n`)
  // Nobody listens any more.
  process.stdout.on('error', () => process.exit())
  for await (const line of createInterface({ input: process.stdin })) {
    const { id, step, facts } = JSON.parse(line) as { readonly id: number; readonly step: string; readonly facts: unknown }
    Promise.try(() => steps[step]?.(facts)).then(
      (answer) => tell({ id, answer: answer ?? {} }),
      (cause) => tell({ id, failed: `${step}: ${(cause as Error).stack ?? cause}` }),
    )
  }
  process.exit()
}
