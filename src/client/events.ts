import { WeftError } from '#domain/errors.ts'

/** Server-sent events, as https://html.spec.whatwg.org/multipage/server-sent-events.html reads them: fields, one a line, and a blank line. */

export interface ServerEvent {
  /** Of this event, or of the last one that had an id. */
  readonly id: string | undefined
  readonly kind: string
  /** Empty where only an id came. */
  readonly data: string
}

/** Characters of an event: one data point with its text, which JSON may write with six for one. */
const EVENT_LENGTH_MAX = 64 * 1024 * 1024

/**
 * What the text holds, and for comments, which keep a connection alive, nothing. An event that the end cuts off is none. Throws `API_FAILED` for one
 * that is too long.
 */
export async function* eventsOf(parts: AsyncIterable<string>, endpoint: string): AsyncGenerator<ServerEvent> {
  let id: string | undefined
  let [kind, data, hasId] = ['message', [] as string[], false]
  let length = 0
  for await (const line of linesOf(parts, endpoint)) {
    if (line === '') {
      if (data.length > 0 || hasId) yield { id, kind, data: data.join('\n') }
      ;[kind, data, hasId, length] = ['message', [], false, 0]
      continue
    }
    length += line.length
    if (length > EVENT_LENGTH_MAX) throw tooLong(endpoint)
    const [, name = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? []
    if (name === 'data') data.push(value)
    else if (name === 'event') kind = value
    else if (name === 'id' && !value.includes('\0')) [id, hasId] = [value, true]
  }
}

/** Lines end with CR, LF or both; a byte order mark is no part of the first. */
async function* linesOf(parts: AsyncIterable<string>, endpoint: string): AsyncGenerator<string> {
  let rest = ''
  // A CR at the end of a part may be half of a line's end.
  let isCut = false
  let isFirst = true
  for await (const part of parts) {
    rest += isFirst ? part.replace(/^\ufeff/, '') : part
    isFirst &&= part === ''
    if (rest.length > EVENT_LENGTH_MAX) throw tooLong(endpoint)
    // A long line comes in many parts: it is looked at once.
    if (!isCut && !/[\r\n]/.test(part)) continue
    const lines = rest.split(/\r\n|\n|\r(?!$)/)
    rest = lines.pop() ?? ''
    isCut = rest.endsWith('\r')
    yield* lines
  }
}

const tooLong = (endpoint: string) =>
  new WeftError('API_FAILED', { endpoint, detail: `an event of more than ${EVENT_LENGTH_MAX} characters` })
