import { buildCommand } from '@stricli/core'
import { CONTRACT_CODES, CONTRACT_ERRORS, meaningOf } from '#domain/contract-codes.ts'
import { EPOCH_REASONS } from '#domain/epoch.ts'
import { ERRORS, type ErrorRow } from '#domain/errors.ts'
import { EVENTS, type EventRow } from '#domain/events.ts'
import { meant, nearest } from '#domain/nearest.ts'
import { METRICS, type MetricRow } from '#domain/metrics.ts'
import { PROJECT_REASONS } from '#domain/project.ts'
import {
  ABSENCE_REASONS,
  BATCH_REASONS,
  DELIVERY_REASONS,
  DISPUTE_REASONS,
  ENDPOINT_TROUBLES,
  GATEWAY_TROUBLES,
  RECOMPUTE_REASONS,
  UNREADY_REASONS,
  UNTOLD_REASONS,
  WORDS,
} from '#domain/reasons.ts'
import { REJECTIONS, type RejectionRow } from '#domain/rejection.ts'
import { flagOf, SETTINGS, type SettingName, unlessGiven } from '#node/settings/settings.ts'

/** A setting goes by its variable and by its name in `weft.json`. */
const SETTING_ROWS = (Object.keys(SETTINGS) as SettingName[]).flatMap((name) => {
  const { doc, env } = SETTINGS[name]
  const help = `${doc}\nIt is ${flagOf(name)}, ${env} or \`${name}\` in weft.json (${unlessGiven(name)}).`
  return [env, name].map((word) => [word, help] as const)
})

/** What the event means, and each word that may stand in its facts. */
function eventText({ level, help, words = {} }: EventRow): string {
  const facts = Object.entries(words).flatMap(([fact, rows]) => [
    `Its \`${fact}\`:`,
    ...Object.entries(rows).map(([word, meaning]) => `  ${word}: ${meaning}`),
  ])
  return [`${help} Level: ${level}.`, ...facts].join('\n')
}

/** Tables of one line per name, and what a name in them is. */
const NAMED: readonly (readonly [kind: string, rows: Readonly<Record<string, string>>])[] = [
  ['an event of the log', Object.fromEntries(Object.entries<EventRow>(EVENTS).map(([event, row]) => [event, eventText(row)]))],
  ['why an epoch is over', EPOCH_REASONS],
  [
    'why a project of an epoch ended',
    Object.fromEntries(Object.entries(PROJECT_REASONS).map(([reason, { state, help }]) => [reason, `${help} The project is ${state}.`])),
  ],
  ['what a validator says of a batch', BATCH_REASONS],
  ['why a validator cannot compute a project anew', RECOMPUTE_REASONS],
  ['why a refuted batch was not corrected', DISPUTE_REASONS],
  ['why there is no data point', ABSENCE_REASONS],
  ['how a delivery ended', DELIVERY_REASONS],
  ['why a day is not told', UNTOLD_REASONS],
  ['what an RPC endpoint does that it should not', ENDPOINT_TROUBLES],
  ['what an IPFS gateway does that it should not', GATEWAY_TROUBLES],
  ['why a role is not ready', UNREADY_REASONS],
  ['a word of logs and tables', WORDS],
  ['a metric', Object.fromEntries(Object.entries<MetricRow>(METRICS).map(([name, { help }]) => [name, help]))],
  ['a setting', Object.fromEntries(SETTING_ROWS)],
]

/** Each name once, as the first table that has it spells it: names that differ in their case alone are explained together. */
const CODES = [
  ...new Map(
    [ERRORS, REJECTIONS, CONTRACT_CODES, CONTRACT_ERRORS, ...NAMED.map(([, rows]) => rows)]
      .flatMap((table) => Object.keys(table))
      .map((code) => [code.toLowerCase(), code] as const)
      .reverse(),
  ).values(),
]

/** What the code means, in each of the tables that has it: `window_closed` refuses a submission and ends a project. Of an error and a rejection of one name the one comes first that is spelled so. */
function explanations(code: string): readonly string[] {
  const [upper, lower] = [code.toUpperCase(), code.toLowerCase()]
  const failure = rowOf<ErrorRow>(ERRORS, upper)
  const rejection = rowOf<RejectionRow>(REJECTIONS, lower)
  const revert = Object.keys(CONTRACT_ERRORS).find((name) => name.toUpperCase() === upper) ?? upper
  const meaning = meaningOf(revert)
  const refused = rejection?.verdict === 'reject' ? 'refused for good' : 'refused for now'
  const failed = failure ? [`${upper} (${failure.kind})\n${failure.help}\nIt tells: ${failure.facts.join(', ')}.`] : []
  const rejected = rejection ? [`${lower} (a submission is ${refused}; blame: ${rejection.blame})\n${rejection.help}`] : []
  return [
    ...(code === lower ? [...rejected, ...failed] : [...failed, ...rejected]),
    ...NAMED.flatMap(([kind, rows]) => {
      const row = Object.entries(rows).find(([name]) => name.toLowerCase() === lower)
      return row === undefined ? [] : [`${row[0]} (${kind})\n${row[1]}`]
    }),
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
      const guess = meant(nearest(code, CODES))
      this.process.stderr.write(
        `weft: no code '${code}'${guess} Codes are listed in docs/ERRORS.md, events, reasons and words in docs/LOG.md.\n`,
      )
      this.process.exitCode = 1
      return
    }
    this.process.stdout.write(`${texts.join('\n\n')}\n`)
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [
        {
          brief: 'Code of an error, a rejection or a revert, an event of the log, a reason, a metric, or a setting',
          parse: String,
          placeholder: 'code',
        },
      ],
    },
  },
  docs: { brief: 'Say what a code means and what to do' },
})
