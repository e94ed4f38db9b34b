import { buildApplication, run } from '@stricli/core'
import { routes } from './routes.ts'

/** Runs a command in this process, and gives what it wrote; only for those that start nothing. */
export const weft = (env: Readonly<Record<string, string>>, ...args: string[]) => weftAt({ env, isTTY: false }, ...args)

/** The same where it may be at a terminal. */
export async function weftAt(
  { env, isTTY }: { readonly env: Readonly<Record<string, string>>; readonly isTTY: boolean },
  ...args: string[]
) {
  const [out, err]: [string[], string[]] = [[], []]
  const process = {
    env,
    exitCode: undefined as number | undefined,
    stdout: { write: (text: string) => void out.push(text), isTTY },
    stderr: { write: (text: string) => void err.push(text) },
    // It does not end.
    once: () => undefined,
  }
  const application = buildApplication(routes, {
    name: 'weft',
    scanner: { caseStyle: 'allow-kebab-for-camel', allowArgumentEscapeSequence: true },
    documentation: { caseStyle: 'convert-camel-to-kebab', disableAnsiColor: true },
  })
  await run(application, args, { process: process as never })
  return { out: out.join(''), err: err.join(''), exitCode: process.exitCode ?? 0 }
}
