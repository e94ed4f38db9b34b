import {
  ArgumentScannerError,
  buildApplication,
  buildRouteMap,
  formatMessageForArgumentScannerError,
  run,
  type StricliProcess,
  text_en,
} from '@stricli/core'
import { isWeftError } from '#domain/errors.ts'
import { benchCommand } from './bench.ts'
import { deployCommand } from './deploy.ts'
import { devnetCommand } from './devnet.ts'
import { explainCommand } from './explain.ts'
import { marketRoutes } from './market.ts'
import { roleCommands } from './run.ts'
import { settingsCommand } from './settings.ts'
import { slotsRoutes } from './slots.ts'
import { testCommand } from './test.ts'
import { verifyCommand } from './verify.ts'

/** Exit codes: 0 done, 1 needs a person, 75 try again (a supervisor restarts). */
const EXIT_TRY_AGAIN = 75

const routes = buildRouteMap({
  routes: {
    devnet: devnetCommand,
    verify: verifyCommand,
    test: testCommand,
    bench: benchCommand,
    ...roleCommands,
    deploy: deployCommand,
    market: marketRoutes,
    slots: slotsRoutes,
    settings: settingsCommand,
    explain: explainCommand,
  },
  docs: {
    brief: 'Weft: the whole Powerloom Protocol V2 network in one command',
    fullDescription:
      'Start with `./weft devnet`: it runs a whole network on this machine and needs no key, account, server or configuration.',
  },
})

const application = buildApplication(routes, {
  name: 'weft',
  scanner: { caseStyle: 'allow-kebab-for-camel', allowArgumentEscapeSequence: true },
  documentation: { caseStyle: 'convert-camel-to-kebab', disableAnsiColor: true },
  determineExitCode: (failure) => (isWeftError(failure) && failure.kind === 'transient' ? EXIT_TRY_AGAIN : 1),
  localization: {
    text: {
      ...text_en,
      exceptionWhileParsingArguments: (failure) => `weft: ${misread(failure)}`,
      exceptionWhileRunningCommand: (failure) => told(failure),
      commandErrorResult: (failure) => told(failure),
    },
  },
})

/** What is wrong with the arguments. Values that stand where none belongs are not repeated: one may be a key. */
function misread(failure: unknown): string {
  if (!(failure instanceof ArgumentScannerError)) return told(failure)
  return formatMessageForArgumentScannerError(failure, {
    UnexpectedPositionalError: ({ expectedCount }) => `too many arguments, ${expectedCount} expected. A value belongs behind its flag.`,
    UnexpectedFlagError: ({ externalFlagName }) => `--${externalFlagName} is given more than once`,
  })
}

/** A failure in the words that help; the stack only where it is our bug. */
function told(failure: unknown): string {
  if (isWeftError(failure) && failure.kind !== 'bug') return `weft: ${failure.message}`
  return failure instanceof Error ? (failure.stack ?? failure.message) : String(failure)
}

await run(application, process.argv.slice(2), { process: process as StricliProcess & typeof process })
// The exit code stricli chose may be negative (its own codes for unknown flags and the like): people and supervisors know 0, 1 and 75.
if (typeof process.exitCode === 'number' && process.exitCode < 0) process.exitCode = 1
