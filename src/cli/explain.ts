import { buildCommand } from '@stricli/core'
import { CONTRACT_ERRORS, meaningOf } from '#domain/contract-codes.ts'
import { EPOCH_REASONS } from '#domain/epoch.ts'
import { ERRORS, type ErrorRow } from '#domain/errors.ts'
import { PROJECT_REASONS, type ProjectReason } from '#domain/project.ts'
import { REJECTIONS, type RejectionRow } from '#domain/rejection.ts'

/** What the code means, in each of the tables that has it: `window_closed` refuses a submission and ends a project. */
function explanations(code: string): readonly string[] {
  const [upper, lower] = [code.toUpperCase(), code.toLowerCase()]
  const failure = rowOf<ErrorRow>(ERRORS, upper)
  const rejection = rowOf<RejectionRow>(REJECTIONS, lower)
  const ofEpoch = rowOf<string>(EPOCH_REASONS, lower)
  const ofProject = rowOf<(typeof PROJECT_REASONS)[ProjectReason]>(PROJECT_REASONS, lower)
  const revert = Object.keys(CONTRACT_ERRORS).find((name) => name.toUpperCase() === upper) ?? upper
  const meaning = meaningOf(revert)
  const refused = rejection?.verdict === 'reject' ? 'refused for good' : 'refused for now'
  return [
    ...(failure ? [`${upper} (${failure.kind})\n${failure.help}\nIt tells: ${failure.facts.join(', ')}.`] : []),
    ...(rejection ? [`${lower} (a submission is ${refused}; blame: ${rejection.blame})\n${rejection.help}`] : []),
    ...(ofEpoch ? [`${lower} (an epoch is over)\n${ofEpoch}`] : []),
    ...(ofProject ? [`${lower} (a project of an epoch is ${ofProject.state})\n${ofProject.help}`] : []),
    ...(meaning ? [`${revert} (revert of the protocol state contracts)\n${meaning}`] : []),
  ]
}

/** Only what stands in the table: `constructor` is no code. */
function rowOf<Row>(table: Readonly<Record<string, Row>>, code: string): Row | undefined {
  return Object.hasOwn(table, code) ? table[code] : undefined
}

export const explainCommand = buildCommand({
  func(this: { process: NodeJS.Process }, _flags: Record<never, never>, code: string) {
    const texts = explanations(code)
    if (texts.length === 0) {
      this.process.stderr.write(`weft: no code '${code}'. The codes are listed in docs/ERRORS.md.\n`)
      this.process.exitCode = 1
      return
    }
    this.process.stdout.write(`${texts.join('\n\n')}\n`)
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [
        { brief: 'Code of an error, a rejection, a revert or the end of an epoch or a project', parse: String, placeholder: 'code' },
      ],
    },
  },
  docs: { brief: 'Say what a code means and what to do' },
})
