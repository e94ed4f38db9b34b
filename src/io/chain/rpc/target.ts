import { WeftError } from '#domain/errors.ts'

/** One JSON-RPC endpoint, as a person named it. */
export interface Target {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** Scheme and host: what may be printed. Keys live in path, query and credentials. A number tells two of one host apart. */
  readonly endpoint: string
  /** How many times better than one of weight 1 it counts as. */
  readonly weight: number
  /** Calls per second that it may be asked; `undefined` is any number. */
  readonly callsPerSecond: number | undefined
  /** Whether it has the state of old blocks. */
  readonly isArchive: boolean
}

const WEIGHT_MAX = 1_000
const CALLS_PER_SECOND_MAX = 100_000

/** What is said of a URL that is none. The text is not repeated: a URL may hold a key. */
const NO_HTTP_URL = 'is not an http(s) URL'
const NO_OPTION = `has something behind ';' that is not weight=1 to ${WEIGHT_MAX}, rps=1 to ${CALLS_PER_SECOND_MAX} or archive`

type Options = Pick<Target, 'weight' | 'callsPerSecond' | 'isArchive'>

function optionsIn(words: readonly string[]): Options | undefined {
  let options: Options = { weight: 1, callsPerSecond: undefined, isArchive: false }
  for (const word of words) {
    const [name, value = ''] = word.trim().split('=', 2)
    const number = /^[1-9]\d*$/.test(value) ? Number(value) : 0
    if (name === 'weight' && number > 0 && number <= WEIGHT_MAX) options = { ...options, weight: number }
    else if (name === 'rps' && number > 0 && number <= CALLS_PER_SECOND_MAX) options = { ...options, callsPerSecond: number }
    else if (word.trim() === 'archive') options = { ...options, isArchive: true }
    else return undefined
  }
  return options
}

export const isHttpUrl = (text: string): boolean => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)

/** What is wrong with a list of endpoints, `URL[;weight=N][;rps=N][;archive]`, separated by commas; empty when nothing is. */
export function problemsInTargets(text: string): string[] {
  const items = text.split(',')
  return items.flatMap((item, index) => {
    const [url = '', ...words] = item.trim().split(';')
    const problem = isHttpUrl(url) ? (optionsIn(words) === undefined ? NO_OPTION : undefined) : NO_HTTP_URL
    if (problem === undefined) return []
    return [items.length === 1 ? problem : `number ${index + 1} of ${items.length} ${problem}`]
  })
}

/** A password as it is meant: a `%` that escapes nothing stands for itself. */
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text.replace(/%(?![0-9a-fA-F]{2})/g, '%25'))
  } catch {
    return text // What it escapes is no text.
  }
}

/** `fetch` refuses URLs with credentials: they travel as a header. */
function targetOf(item: string): Target {
  const [address = '', ...words] = item.trim().split(';')
  const url = new URL(address)
  const endpoint = `${url.protocol}//${url.host}`
  const headers: Record<string, string> = { 'content-type': 'application/json' }
  if (url.username !== '' || url.password !== '') {
    const credentials = `${unescaped(url.username)}:${unescaped(url.password)}`
    headers['authorization'] = `Basic ${new TextEncoder().encode(credentials).toBase64()}`
    url.username = ''
    url.password = ''
  }
  return { url: url.href, headers, endpoint, ...(optionsIn(words) as Options) }
}

/** The endpoints of `URL[;weight=N][;rps=N][;archive]`, one or several between commas. Throws `SETTINGS_INVALID`. */
export function parseTargets(text: string): readonly [Target, ...Target[]] {
  const problems = problemsInTargets(text)
  if (problems.length > 0) throw new WeftError('SETTINGS_INVALID', { problems: problems.map((problem) => `an RPC URL ${problem}`) })
  const targets = text.split(',').map(targetOf)
  const named = targets.map((target, index) => {
    const before = targets.slice(0, index).filter(({ endpoint }) => endpoint === target.endpoint).length
    return before === 0 ? target : { ...target, endpoint: `${target.endpoint} #${before + 1}` }
  })
  return named as [Target, ...Target[]]
}
