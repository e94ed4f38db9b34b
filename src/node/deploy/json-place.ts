/** Where a text stops being JSON, both counted from 1, and what would have to stand there. */
export interface JsonPlace {
  readonly line: number
  readonly column: number
  readonly expected: string
}

const SPACE = /[ \t\n\r]*/y
const MARK = /[{}[\],:]/y
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y
// One piece at a time: a pattern for a whole string would hold megabytes of places to come back to.
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON does not allow them in strings
const STRING_PIECE = /[^"\\\u0000-\u001f]+|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y

/** How far `pattern` reaches from `at`; `at` itself when it does not fit. */
function past(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex : at
}

/** What may stand at a place, and how that is told. */
const EXPECTED = {
  value: 'a value',
  firstItem: "a value or ']'",
  nextItem: "',' or ']'",
  firstName: "a name in double quotes or '}'",
  name: 'a name in double quotes',
  colon: "':'",
  nextName: "',' or '}'",
  end: 'the end of the file',
} as const
type Awaited = keyof typeof EXPECTED

interface Token {
  /** A mark is itself. */
  readonly kind: string
  readonly end: number
  /** Set for a string that is cut short at `end`. */
  readonly isBroken?: boolean
}

function tokenAt(text: string, from: number): Token | undefined {
  if (text[from] === '"') {
    let end = from + 1
    for (let next = past(STRING_PIECE, text, end); next > end; next = past(STRING_PIECE, text, end)) end = next
    return text[end] === '"' ? { kind: 'string', end: end + 1 } : { kind: 'string', end, isBroken: true }
  }
  if (past(MARK, text, from) > from) return { kind: text.charAt(from), end: from + 1 }
  const end = past(SCALAR, text, from)
  return end > from ? { kind: 'scalar', end } : undefined
}

/** What is awaited behind a token; `undefined` when it may not stand here. `open` are the brackets around the place. */
function after(kind: string, awaited: Awaited, open: string[]): Awaited | undefined {
  const closed = (): Awaited => (open.length === 0 ? 'end' : open.at(-1) === '{' ? 'nextName' : 'nextItem')
  if (awaited === 'value' || awaited === 'firstItem') {
    if (kind === 'string' || kind === 'scalar') return closed()
    if (kind === '{' || kind === '[') {
      open.push(kind)
      return kind === '{' ? 'firstName' : 'firstItem'
    }
  }
  const isEnd = kind === '}' ? awaited === 'firstName' || awaited === 'nextName' : awaited === 'firstItem' || awaited === 'nextItem'
  if ((kind === '}' || kind === ']') && isEnd) {
    open.pop()
    return closed()
  }
  if (kind === 'string' && (awaited === 'firstName' || awaited === 'name')) return 'colon'
  if (kind === ':' && awaited === 'colon') return 'value'
  if (kind === ',' && awaited === 'nextName') return 'name'
  return kind === ',' && awaited === 'nextItem' ? 'value' : undefined
}

/** The engine's own message has a place for some mistakes only. `undefined` when the text is JSON. */
export function whereNotJson(text: string): JsonPlace | undefined {
  const open: string[] = []
  let awaited: Awaited = 'value'
  for (let at = past(SPACE, text, 0); at < text.length; at = past(SPACE, text, at)) {
    const token = tokenAt(text, at)
    const next: Awaited | undefined = token && after(token.kind, awaited, open)
    if (token === undefined || next === undefined) return placeOf(text, at, EXPECTED[awaited])
    if (token.isBroken) return placeOf(text, token.end, "'\"', or an escape that JSON has")
    awaited = next
    at = token.end
  }
  return awaited === 'end' ? undefined : placeOf(text, text.length, EXPECTED[awaited])
}

function placeOf(text: string, at: number, expected: string): JsonPlace {
  const lines = text.slice(0, at).split('\n')
  return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1, expected }
}
