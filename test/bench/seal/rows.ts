/** One line of a benchmark's table. Ratios and counts, for they hold on other machines. */
export interface Row {
  readonly name: string
  readonly value: number
  readonly unit: string
  /** The most that is wanted; `undefined` where a number is only told. */
  readonly target?: number | undefined
  readonly pass: boolean
}

/** Rounded to what repeats. */
export function row(name: string, value: number, unit: string, target?: number): Row {
  const rounded = Number(value.toPrecision(3))
  return { name, value: rounded, unit, ...(target !== undefined && { target }), pass: target === undefined || rounded <= target }
}

export function tableOf(rows: readonly Row[]): string {
  const lines = rows.map(({ name, value, unit, target, pass }) =>
    [pass ? '  ' : '✗ ', name.padEnd(76), `${value} ${unit}`.padEnd(28), target === undefined ? '' : `at most ${target}`].join(''),
  )
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`
}

/** CPU milliseconds, user and system, of this whole process while `work` runs: all threads, with what the garbage takes. */
export async function cpuMs(work: () => unknown): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000
}

export const median = (values: readonly number[]): number =>
  [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0
