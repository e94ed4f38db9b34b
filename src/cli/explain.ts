import { buildCommand } from '@stricli/core'
import { ERRORS, type ErrorRow } from '#domain/errors.ts'
import { REJECTIONS, type RejectionRow } from '#domain/rejection.ts'

/** The contract's short codes (spec/contracts.md §3) as far as roles meet them. */
const CONTRACT_CODES: Readonly<Record<string, string>> = {
  E01: 'The caller is not a validator of the data market.',
  E02: 'The data market is not enabled.',
  E03: 'The caller does not own the data market.',
  E04: 'The caller is not a sequencer of the data market.',
  E05: 'The caller is not the epoch manager of the data market.',
  E20: 'The epoch ends before it begins.',
  E21: 'The block range is not as long as the market wants its epochs.',
  E22: 'The epoch does not begin right after the one before.',
  E23: 'There are not as many snapshot CIDs as project ids.',
  E24: 'The batch is empty.',
  E25: 'A project of the batch already has a snapshot for this epoch.',
  E26: 'The batch was not submitted for this epoch.',
  E39: 'The batch submissions of this epoch were ended before.',
  E40: 'The validator attested this batch before.',
  E43: 'The batch came after the batch submissions of the epoch were ended.',
}

function explanation(code: string): string | undefined {
  const failure: ErrorRow | undefined = (ERRORS as Record<string, ErrorRow>)[code.toUpperCase()]
  if (failure !== undefined) return `${code.toUpperCase()} (${failure.kind})\n${failure.help}\nIt tells: ${failure.facts.join(', ')}.`
  const rejection: RejectionRow | undefined = (REJECTIONS as Record<string, RejectionRow>)[code.toLowerCase()]
  if (rejection !== undefined)
    return `${code.toLowerCase()} (a submission is ${rejection.verdict === 'reject' ? 'refused for good' : 'refused for now'}; blame: ${rejection.blame})\n${rejection.help}`
  const contract = CONTRACT_CODES[code.toUpperCase()]
  return contract === undefined ? undefined : `${code.toUpperCase()} (revert of the protocol state contracts)\n${contract}`
}

export const explainCommand = buildCommand({
  func(this: { process: NodeJS.Process }, _flags: Record<never, never>, code: string) {
    const text = explanation(code)
    if (text === undefined) {
      this.process.stderr.write(`weft: no code '${code}'. The codes are listed in docs/ERRORS.md.\n`)
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
