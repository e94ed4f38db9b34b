import type { LogLevel } from '#domain/events.ts'

/** Colours, for a terminal that can show them and whose owner wants them (https://no-color.org). */
export interface Paint {
  good(text: string): string
  doubtful(text: string): string
  bad(text: string): string
  /** What may be passed over. */
  quiet(text: string): string
}

const plain = (text: string): string => text
export const PLAIN: Paint = { good: plain, doubtful: plain, bad: plain, quiet: plain }

/** ECMA-48, SGR: a colour, and back to what was. */
const as =
  (code: number) =>
  (text: string): string =>
    `\u001b[${code}m${text}\u001b[${code < 30 ? 22 : 39}m`
const COLOURS: Paint = { good: as(32), doubtful: as(33), bad: as(31), quiet: as(2) }

export function paintFor({
  stdout,
  env,
}: {
  readonly stdout: { readonly isTTY?: boolean }
  readonly env: Readonly<Partial<Record<string, string>>>
}): Paint {
  const isWanted = (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb'
  return stdout.isTTY === true && isWanted ? COLOURS : PLAIN
}

export const paintOf = (level: LogLevel, { bad, doubtful, quiet }: Paint): ((text: string) => string) =>
  ({ error: bad, warn: doubtful, info: plain, debug: quiet })[level]
