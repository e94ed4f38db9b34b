import { meant, nearest } from '#domain/nearest.ts'
import { flagOf } from '#node/settings/settings.ts'
import { rangeOf } from './parse.ts'
import { routes } from './routes.ts'
import { COLUMNS, wrapped } from './words.ts'

type Routes = typeof routes
type Target = Routes | ReturnType<Routes['getAllEntries']>[number]['target']
type AnyCommand = Exclude<Target, Routes>
type Flag = NonNullable<AnyCommand['parameters']['flags']>[string]

/** What is printed at once, without running a command. */
export interface Answer {
  readonly text: string
  readonly isFailure: boolean
}

const HELP = new Set(['--help', '-h'])
const VERSION = new Set(['--version', '-v'])

/** `weft`, `weft help …`, `weft … --help`, `weft --version`; `undefined` for what is a command to run. */
export function answerTo(args: readonly string[], version: () => string): Answer | undefined {
  const [first] = args
  if (first !== undefined && VERSION.has(first)) return { text: `weft ${version()}`, isFailure: false }
  if (first === 'help') return helpFor(args.slice(1).filter((word) => !HELP.has(word)))
  const end = args.indexOf('--')
  const isAsked = args.slice(0, end < 0 ? undefined : end).some((word) => HELP.has(word))
  if (isAsked) return helpFor(leadingWords(args))
  const { target, rest } = find(args)
  return isRoutes(target) && rest.length === 0 && target.getDefaultCommand() === undefined ? helpFor(args) : undefined
}

/** `weft market set`: the command that the words lead to. */
export function commandIn(args: readonly string[]): string {
  return find(leadingWords(args)).path.join(' ')
}

/** The words of the command; what follows belongs to it. */
function leadingWords(args: readonly string[]): readonly string[] {
  const firstFlag = args.findIndex((word) => word.startsWith('-'))
  const words = args.slice(0, firstFlag < 0 ? undefined : firstFlag)
  const { target, rest } = find(words)
  return isRoutes(target) ? words : words.slice(0, words.length - rest.length)
}

function helpFor(words: readonly string[]): Answer {
  const { target, rest, path } = find(words)
  const [unknown] = rest
  const fallback = isRoutes(target) ? target.getDefaultCommand() : undefined
  // What stands behind such a group may as well be for the command that is meant without a name.
  if (unknown !== undefined && fallback !== undefined && nearest(unknown, namesIn(target as Routes)).length === 0)
    return { text: helpOfCommand(fallback, path), isFailure: false }
  if (unknown !== undefined) {
    const names = isRoutes(target) ? namesIn(target) : []
    const where = path.join(' ')
    const text = `weft: there is no command '${[...path.slice(1), unknown].join(' ')}'${meant(nearest(unknown, names))} \`./${where} --help\` lists them.`
    return { text, isFailure: true }
  }
  return { text: isRoutes(target) ? helpOfRoutes(target, path) : helpOfCommand(target, path), isFailure: false }
}

function isRoutes(target: Target): target is Routes {
  return 'getAllEntries' in target
}

function namesIn(map: Routes): string[] {
  return map.getAllEntries().map(({ name }) => name['convert-camel-to-kebab'])
}

/** As far down as the words lead. */
function find(words: readonly string[]): { readonly target: Target; readonly path: readonly string[]; readonly rest: readonly string[] } {
  let target: Target = routes
  const path = ['weft']
  for (const [index, word] of words.entries()) {
    const below: Target | undefined = isRoutes(target)
      ? target.getAllEntries().find(({ name }) => name['convert-camel-to-kebab'] === word)?.target
      : undefined
    if (below === undefined) return { target, path, rest: words.slice(index) }
    target = below
    path.push(word)
  }
  return { target, path, rest: [] }
}

/** One line per command. */
function helpOfRoutes(map: Routes, path: readonly string[]): string {
  const where = path.join(' ')
  const entries = map.getAllEntries().map(({ name, target }) => [name['convert-camel-to-kebab'], target.brief] as const)
  const width = Math.max(...entries.map(([name]) => name.length))
  return [
    map.brief,
    '',
    `usage: ${where} COMMAND [flags]`,
    '',
    ...entries.map(([name, brief]) => `  ${name.padEnd(width)}  ${brief}`),
    '',
    ...(map.fullDescription === undefined ? [] : [wrapped(map.fullDescription), '']),
    wrapped(`\`./weft help${where.slice('weft'.length)} COMMAND\` lists what a command takes; docs/CLI.md has it all.`),
  ].join('\n')
}

function helpOfCommand(command: AnyCommand, path: readonly string[]): string {
  const flags = Object.entries(command.parameters.flags ?? {})
  const positionals = positionalsOf(command)
  const words = [path.join(' '), ...positionals.map(({ word }) => word), ...(flags.length > 0 ? ['[flags]'] : [])]
  const about = command.fullDescription
  return [
    wrapped(`${command.brief}.`),
    '',
    wrapped(`usage: ${words.join(' ')}`),
    ...(about === undefined ? [] : ['', wrapped(about)]),
    '',
    ...positionals.map(({ word, brief }) => row(word, brief)),
    ...flags.filter(([, { brief }]) => !isOfRole(brief)).map(([name, flag]) => row(wordOf(name, flag), `${flag.brief}${defaultOf(flag)}`)),
    ...flagsOfRole(flags.flatMap(([name, { brief }]) => (isOfRole(brief) ? flagOf(name) : []))),
  ]
    .join('\n')
    .trimEnd()
}

/** A hundred flags that mean what they mean elsewhere are named, and no more. */
const isOfRole = (brief: string): boolean => brief.startsWith('As of the role')

function flagsOfRole(names: readonly string[]): readonly string[] {
  if (names.length === 0) return []
  const lines: string[] = []
  for (const name of names) {
    const line = `${lines.at(-1) ?? ''}  ${name}`
    if (lines.length > 0 && line.length <= COLUMNS) lines[lines.length - 1] = line
    else lines.push(`  ${name}`)
  }
  return ['', wrapped('And those of the role itself, as `./weft settings ROLE` explains them:'), ...lines]
}

const INDENT = ' '.repeat(22)

/** A word and what it means, beside it or, if it is long, below it. */
function row(word: string, brief: string): string {
  const told = wrapped(brief, INDENT)
  return 2 + word.length + 2 <= INDENT.length ? `  ${word.padEnd(INDENT.length - 2)}${told.slice(INDENT.length)}` : `  ${word}\n${told}`
}

function wordOf(name: string, flag: Flag): string {
  const word = flagOf(name)
  if (flag.kind !== 'boolean') return `${word} VALUE`
  return flag.default === false || flag.withNegated === false ? word : `${word}, ${word.replace('--', '--no-')}`
}

function defaultOf(flag: Flag): string {
  const range = rangeOf(flag)
  const fallback = flag.kind !== 'boolean' && 'default' in flag && flag.default !== undefined ? `default ${flag.default}` : undefined
  const said = [range, fallback].filter((part) => part !== undefined)
  return said.length === 0 ? '' : ` (${said.join('; ')})`
}

/** What stands behind the command's name. */
export function positionalsOf({ parameters: { positional } }: AnyCommand): { readonly word: string; readonly brief: string }[] {
  if (positional === undefined) return []
  if (positional.kind === 'tuple')
    return positional.parameters.map(({ placeholder = 'value', optional, default: fallback, brief }) => ({
      word: optional === true || fallback !== undefined ? `[${placeholder}]` : placeholder,
      brief,
    }))
  const { placeholder = 'value', brief } = positional.parameter
  return [{ word: (positional.minimum ?? 0) > 0 ? `${placeholder}…` : `[${placeholder}…]`, brief }]
}
