/** One link of a chain of proof, as it was found. */
export interface Link<Step extends string> {
  readonly step: Step
  readonly ok: boolean
  /** What was found, or what was expected instead. Printable, whatever others wrote. */
  readonly detail: string
}

/** Characters of a detail: it may quote what others wrote. */
const DETAIL_LENGTH_MAX = 1_000

/** Others' texts stand in details: what would move a terminal's cursor is shown, not done. */
const printable = (text: string): string =>
  text.slice(0, DETAIL_LENGTH_MAX).replace(/\p{C}/gu, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`)

export const held = <Step extends string>(step: Step, detail: string): Link<Step> => ({ step, ok: true, detail: printable(detail) })
export const failed = <Step extends string>(step: Step, detail: string): Link<Step> => ({ step, ok: false, detail: printable(detail) })
