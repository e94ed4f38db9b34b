import { buildCommand } from '@stricli/core'
import { CONTRACT_CODES, CONTRACT_ERRORS, meaningOf } from '#domain/contract-codes.ts'
import { ERRORS, type ErrorRow } from '#domain/errors.ts'
import { REJECTIONS, type RejectionRow } from '#domain/rejection.ts'
import { meant, nearest } from './words.ts'

const CODES = [ERRORS, REJECTIONS, CONTRACT_CODES, CONTRACT_ERRORS].flatMap((table) => Object.keys(table))

function explanation(code: string): string | undefined {
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
      this.process.stderr.write(`weft: no code '${code}'${meant(nearest(code, CODES))} The codes are listed in docs/ERRORS.md.\n`)
      this.process.exitCode = 1
      return
    }
    this.process.stdout.write(`${text}\n`)
  },
  parameters: {
    positional: { kind: 'tuple', parameters: [{ brief: 'Code of an error, a rejection or a revert', parse: String, placeholder: 'code' }] },
  },
  docs: { brief: 'Say what a code means and what to do' },
})
