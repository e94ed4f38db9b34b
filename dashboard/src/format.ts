/** How numbers, times and names are written on the page. */

const LOCALE = 'en-US'
const whole = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 })
const plain = new Intl.NumberFormat(LOCALE, { maximumSignificantDigits: 6 })
const tiny = new Intl.NumberFormat(LOCALE, { maximumSignificantDigits: 4, notation: 'scientific' })
const short = new Intl.NumberFormat(LOCALE, { maximumSignificantDigits: 4, minimumSignificantDigits: 3, notation: 'compact' })
const dollars = new Intl.NumberFormat(LOCALE, { style: 'currency', currency: 'USD', maximumFractionDigits: 0 })
const cents = new Intl.NumberFormat(LOCALE, { style: 'currency', currency: 'USD', minimumFractionDigits: 2, maximumFractionDigits: 2 })
const fractions = new Intl.NumberFormat(LOCALE, {
  style: 'currency',
  currency: 'USD',
  minimumSignificantDigits: 3,
  maximumSignificantDigits: 4,
})
const shortDollars = new Intl.NumberFormat(LOCALE, {
  style: 'currency',
  currency: 'USD',
  notation: 'compact',
  minimumFractionDigits: 2,
  maximumFractionDigits: 2,
})
const percent = new Intl.NumberFormat(LOCALE, { style: 'percent', maximumFractionDigits: 1 })
const tinyPercent = new Intl.NumberFormat(LOCALE, { style: 'percent', maximumSignificantDigits: 2 })
const finePercent = new Intl.NumberFormat(LOCALE, { style: 'percent', minimumFractionDigits: 2, maximumFractionDigits: 2 })

/** From here on amounts are shortened. */
const SHORT_FROM = 100_000

export const integer = (value: number | bigint): string => whole.format(value)

/** Any number, with the digits that matter. */
export function number(value: number): string {
  if (Number.isInteger(value) || Math.abs(value) >= SHORT_FROM) return whole.format(value)
  return value !== 0 && Math.abs(value) < 1e-4 ? tiny.format(value) : plain.format(value)
}

export const compact = (value: number): string => (Math.abs(value) < SHORT_FROM ? number(value) : short.format(value))

/** Dollars: all of them, or cents, or what there is of less than one. */
export function usd(value: number): string {
  if (value === 0 || Math.abs(value) >= 1) return Math.abs(value) >= 10_000 ? dollars.format(value) : cents.format(value)
  return fractions.format(value)
}

export const compactUsd = (value: number): string => (Math.abs(value) < SHORT_FROM ? usd(value) : shortDollars.format(value))

export const share = (part: number, whole: number): string => (whole === 0 ? '–' : percent.format(part / whole))
/** With two decimals; what is less than those show, with two digits. */
export const rate = (fraction: number): string => (fraction !== 0 && Math.abs(fraction) < 5e-5 ? tinyPercent : finePercent).format(fraction)

const UNITS = [
  { suffix: 'd', seconds: 86_400 },
  { suffix: 'h', seconds: 3_600 },
  { suffix: 'min', seconds: 60 },
] as const

/** A length of time: `0.4 s`, `48 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(seconds: number): string {
  if (seconds < 59.95) return `${seconds < 10 && !Number.isInteger(seconds) ? seconds.toFixed(1) : Math.round(seconds)} s`
  const rounded = Math.round(seconds)
  const unit = UNITS.findIndex((candidate) => rounded >= candidate.seconds)
  const { suffix, seconds: length } = UNITS[unit] as (typeof UNITS)[number]
  const rest = rounded % length
  const next = UNITS[unit + 1] ?? { suffix: 's', seconds: 1 }
  const more = Math.floor(rest / next.seconds)
  return more === 0 ? `${Math.floor(rounded / length)} ${suffix}` : `${Math.floor(rounded / length)} ${suffix} ${more} ${next.suffix}`
}

/** `12 s ago`, `in 3 min`; one unit is enough to know by. */
export function ago(seconds: number, now: number): string {
  const passed = now - seconds
  if (Math.abs(passed) < 1) return 'now'
  const length = Math.floor(Math.abs(passed))
  const unit = UNITS.find((candidate) => length >= candidate.seconds) ?? { suffix: 's', seconds: 1 }
  const told = `${Math.floor(length / unit.seconds)} ${unit.suffix}`
  return passed > 0 ? `${told} ago` : `in ${told}`
}

const absolute = new Intl.DateTimeFormat(LOCALE, { dateStyle: 'medium', timeStyle: 'long' })
const clock = new Intl.DateTimeFormat(LOCALE, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' })
const day = new Intl.DateTimeFormat(LOCALE, { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })

/** With date, seconds and zone. */
export const dateTime = (seconds: number): string => absolute.format(seconds * 1_000)
export const clockTime = (seconds: number): string => clock.format(seconds * 1_000)
export const dayTime = (seconds: number): string => day.format(seconds * 1_000)

const SCALES = [
  [1e12, 'T'],
  [1e9, 'B'],
  [1e6, 'M'],
  [1e4, 'K'],
] as const

/** As many as the number needs to be written out, within reason. */
function digitsOf(step: number): number {
  let digits = 0
  while (digits < 12 && Math.abs(step * 10 ** digits - Math.round(step * 10 ** digits)) > 1e-6) digits += 1
  return digits
}

/** Labels of an axis: in the unit of `write`, in short, with as many digits as tell one step from the next. */
export function axisLabels(values: readonly number[], step: number, write: (value: number) => string): string[] {
  const [sample, largest] = [write(1), Math.max(...values.map(Math.abs))]
  const [sign, percent] = [sample.startsWith('$') ? '$' : '', sample.endsWith('%')]
  const [from = 1, suffix = ''] = SCALES.find(([least]) => largest >= least) ?? []
  // Of percents some stand as fractions, others as they are.
  const divisor = percent ? 1 / Number.parseFloat(sample) : from === 1e4 ? 1e3 : from
  const digits = digitsOf(step / divisor)
  const format = new Intl.NumberFormat(LOCALE, { minimumFractionDigits: digits, maximumFractionDigits: digits })
  const unit = percent ? '%' : suffix
  return values.map(
    (value) => `${value < 0 ? '-' : ''}${sign}${format.format(Math.abs(value / divisor))}${value === 0 && !percent ? '' : unit}`,
  )
}

/** A long name by its ends: `0x3f5c…91ab`. */
export const ends = (text: string, head = 6, tail = 4): string =>
  text.length <= head + tail + 1 ? text : `${text.slice(0, head)}…${text.slice(-tail)}`

export const plural = (count: number, one: string, many = `${one}s`): string => `${integer(count)} ${count === 1 ? one : many}`
