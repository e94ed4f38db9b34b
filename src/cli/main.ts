import {
  ArgumentScannerError,
  buildApplication,
  formatMessageForArgumentScannerError,
  run,
  type StricliProcess,
  text_en,
} from '@stricli/core'
import { ERRORS, isWeftError, storeFailed, type WeftError } from '#domain/errors.ts'
import { printable } from '#domain/printable.ts'
import { flagOf } from '#node/settings/settings.ts'
import { EXIT_STOPPED } from '#node/stop.ts'
import { versionWithCommit } from '#node/version.ts'
import { answerTo, commandIn } from './help.ts'
import { routes } from './routes.ts'
import { wrapped } from './words.ts'

/** Exit codes: 0 done, 1 needs a person, 75 try again (a supervisor restarts), 130 stopped by Ctrl-C or a signal before it was done. */
const EXIT_TRY_AGAIN = 75

function exitCodeOf(failure: unknown): number {
  if (isWeftError(failure, 'STOPPED')) return EXIT_STOPPED
  return isWeftError(failure) && failure.kind === 'transient' ? EXIT_TRY_AGAIN : 1
}

const application = buildApplication(routes, {
  name: 'weft',
  scanner: { caseStyle: 'allow-kebab-for-camel', allowArgumentEscapeSequence: true },
  documentation: { caseStyle: 'convert-camel-to-kebab', disableAnsiColor: true },
  // Whatever the command said of what it had done before it failed: stricli leaves an exit code that is there.
  determineExitCode(failure) {
    process.exitCode = exitCodeOf(failure)
    return process.exitCode
  },
  localization: {
    text: {
      ...text_en,
      noCommandRegisteredForInput: ({ input, corrections }) =>
        `weft: there is no command '${input}'${corrections.length === 0 ? '.' : `; did you mean ${corrections.join(' or ')}?`} \`./${commandIn(args)} --help\` lists them.`,
      exceptionWhileParsingArguments: (failure) => misread(failure),
      exceptionWhileRunningCommand: (failure) => told(failure),
      commandErrorResult: (failure) => told(failure),
    },
  },
})

/** What is wrong with the arguments. Values that stand where none belongs are not repeated: one may be a key. */
function misread(failure: unknown): string {
  if (!(failure instanceof ArgumentScannerError)) return told(failure)
  const what = formatMessageForArgumentScannerError(failure, {
    ArgumentParseError: ({ externalFlagNameOrPlaceholder: name, exception }) =>
      `${args.some((word) => word.split('=', 1)[0] === `--${name}`) ? '--' : ''}${name}: ${exception instanceof Error ? exception.message : exception}`,
    UnsatisfiedFlagError: ({ externalFlagName }) => `--${externalFlagName} is needed, with a value`,
    UnsatisfiedPositionalError: ({ placeholder }) => `${placeholder} is missing`,
    UnexpectedPositionalError: ({ expectedCount }) => `too many arguments, ${expectedCount} expected. A value belongs behind its flag.`,
    // The library suggests names as the code has them, in camel case.
    FlagNotFoundError: ({ input, corrections }) => {
      const nearest = corrections.length === 0 ? '' : `, did you mean ${corrections.map(flagOf).join(' or ')}?`
      return `there is no flag --${input}${nearest}`
    },
    UnexpectedFlagError: ({ externalFlagName }) => `--${externalFlagName} is given more than once`,
  })
  return `weft: ${/[.?]$/.test(what) ? what : `${what}.`} See \`./${commandIn(args)} --help\`.`
}

/** A failure in the words that help; the stack only where it is our bug. */
function told(failure: unknown): string {
  if (isWeftError(failure) && 'problems' in failure.facts) return listed(failure)
  if (isWeftError(failure) && failure.kind !== 'bug') return `weft: ${failure.message}`
  return failure instanceof Error ? (failure.stack ?? failure.message) : String(failure)
}

/** A new role has half a dozen settings to give: one per line. */
function listed({ code, facts }: WeftError): string {
  const { problems = [], ...others } = facts as Readonly<Record<string, string | readonly string[]>>
  const where = Object.entries(others).map(([fact, value]) => ` (${fact}: ${printable(String(value))})`)
  return [
    `weft: ${code}${where.join('')}`,
    ...[problems].flat().map((problem) => `  ${printable(String(problem))}`),
    wrapped(ERRORS[code].help),
  ].join('\n')
}

/** Nobody reads any more: `| head -1` has what it wants, or the terminal is gone. That is no failure; what runs stops in order. */
function stopWhenUnread(stream: NodeJS.WriteStream): void {
  let isUnread = false
  stream.on('error', (cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'EPIPE' && cause.code !== 'EIO') {
      const failure = storeFailed('the output', 'writing it', cause)
      if (stream === process.stdout) process.stderr.write(`${told(failure)}\n`)
      process.exit(1)
    }
    if (isUnread) return
    isUnread = true
    if (!process.emit('SIGHUP')) process.exit()
  })
}

/**
 * A command that has returned has stopped what it started, or told why it could not: a timer that a library forgot is nothing to wait for.
 * What is written goes out first; a reader that does not read is waited for.
 */
async function end(): Promise<never> {
  const written = [process.stdout, process.stderr].map((stream) => new Promise<void>((resolve) => stream.write('', () => resolve())))
  await Promise.all(written)
  process.exit()
}

stopWhenUnread(process.stdout)
stopWhenUnread(process.stderr)
const args = process.argv.slice(2)
const answer = answerTo(args, versionWithCommit)
if (answer === undefined) await run(application, args, { process: process as StricliProcess & typeof process })
else {
  if (answer.isFailure) process.exitCode = 1
  const out = answer.isFailure ? process.stderr : process.stdout
  out.write(`${answer.text}\n`)
}
// The exit code stricli chose may be negative (its own codes for unknown flags and the like): people and supervisors know those above.
if (typeof process.exitCode === 'number' && process.exitCode < 0) process.exitCode = 1
await end()
