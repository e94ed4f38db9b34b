import { buildCommand } from '@stricli/core'
import { CONTRACT_ERRORS, meaningOf } from '#domain/contract-codes.ts'
import { EPOCH_REASONS } from '#domain/epoch.ts'
import { ERRORS, type ErrorRow } from '#domain/errors.ts'
import { EVENTS, type EventRow } from '#domain/events.ts'
import { PROJECT_REASONS } from '#domain/project.ts'
import { BATCH_REASONS, DELIVERY_REASONS } from '#domain/reasons.ts'
import { REJECTIONS, type RejectionRow } from '#domain/rejection.ts'

/** Tables of one line per name, and what a name in them is. A name may stand in several. */
const NAMED: readonly (readonly [kind: string, rows: Readonly<Record<string, string>>])[] = [
  [
    'an event of the log',
    Object.fromEntries(Object.entries<EventRow>(EVENTS).map(([event, { level, help }]) => [event, `${help} Level: ${level}.`])),
  ],
  ['why an epoch is over', EPOCH_REASONS],
  [
    'why a project of an epoch ended',
    Object.fromEntries(Object.entries(PROJECT_REASONS).map(([reason, { state, help }]) => [reason, `${help} The project is ${state}.`])),
  ],
  ['what a validator says of a batch', BATCH_REASONS],
  ['how a delivery ended', DELIVERY_REASONS],
]

function explanation(code: string): string | undefined {
  const named = NAMED.flatMap(([kind, rows]) => {
    const help = rowOf(rows, code.toLowerCase())
    return help === undefined ? [] : [`${code.toLowerCase()} (${kind})\n${help}`]
  })
  const all = [codeExplanation(code), ...named].filter((text) => text !== undefined)
  return all.length === 0 ? undefined : all.join('\n\n')
}

function codeExplanation(code: string): string | undefined {
  const failure = rowOf<ErrorRow>(ERRORS, code.toUpperCase())
  if (failure !== undefined) return `${code.toUpperCase()} (${failure.kind})\n${failure.help}\nIt tells: ${failure.facts.join(', ')}.`
  const rejection = rowOf<RejectionRow>(REJECTIONS, code.toLowerCase())
  if (rejection !== undefined)
    return `${code.toLowerCase()} (a submission is ${rejection.verdict === 'reject' ? 'refused for good' : 'refused for now'}; blame: ${rejection.blame})\n${rejection.help}`
  const contractCode = Object.keys(CONTRACT_ERRORS).find((name) => name.toUpperCase() === code.toUpperCase()) ?? code.toUpperCase()
  const meaning = meaningOf(contractCode)
  return meaning === undefined ? undefined : `${contractCode} (revert of the protocol state contracts)\n${meaning}`
}

/** Only what stands in the table: `constructor` is no code. */
function rowOf<Row>(table: Readonly<Record<string, Row>>, code: string): Row | undefined {
  return Object.hasOwn(table, code) ? table[code] : undefined
}

export const explainCommand = buildCommand({
  func(this: { process: NodeJS.Process }, _flags: Record<never, never>, code: string) {
    const text = explanation(code)
    if (text === undefined) {
      this.process.stderr.write(`weft: no code '${code}'. Codes are listed in docs/ERRORS.md, events and reasons in docs/LOG.md.\n`)
      this.process.exitCode = 1
      return
    }
    this.process.stdout.write(`${text}\n`)
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [
        { brief: 'Code of an error, a rejection or a revert, an event of the log, or a reason', parse: String, placeholder: 'code' },
      ],
    },
  },
  docs: { brief: 'Say what a code means and what to do' },
})
