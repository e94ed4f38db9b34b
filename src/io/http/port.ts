/** Questions and answers over HTTP, as a role has them: the adapter (`server.ts`) knows sockets, tokens, limits and status codes. */

/** Who waits for an answer. */
export interface Asking {
  /** The name under which its questions are counted: its address, or its key. */
  readonly caller: string
  /**
   * Gives the event loop a turn. Whoever reads page by page awaits it between two, so that no question holds up anything else. Throws
   * `REQUEST_TOO_LONG` when the answer has taken longer than any may, or nobody waits for it any more.
   */
  breathe(): Promise<void>
  /** Says how much was read for an answer that shows little of it: that, too, counts as questions. What is answered counts by itself. */
  spend(bytes: number): void
  /** A header of the question, by its name in small letters. Nothing of it is checked. */
  header(name: string): string | undefined
}

export interface HttpRoute {
  /** A GET is answered with the value itself; HEAD is answered wherever GET is. */
  readonly method: 'GET' | 'POST'
  /** `/v1/epochs/{epochId}`: a segment in braces is a value, and whatever it is it has no slash. */
  readonly path: string
  /**
   * `fields` are those of body, query and path, of which the later win: nothing of them is checked; what a query names twice is a list. What is
   * returned is written as JSON, unless it is an `Answer`. Throws a `WeftError`: its code decides the status.
   */
  answer(fields: Readonly<Record<string, unknown>>, asking: Asking): unknown
}

/** How long others may keep an answer: for ever; a second, and then ask whether it is still so; not at all. */
export type Keeping = 'immutable' | 'brief' | 'none'

/** An answer that is more than a value to be written as JSON with status 200, unless it says otherwise. */
export class Answer {
  readonly status: number
  readonly type: string
  /** Text or bytes as they are, a value to be written as JSON, or what comes over time. */
  readonly body: { readonly text: string } | { readonly bytes: Uint8Array } | { readonly json: unknown } | { readonly flow: Flow }
  /** As HTTP spells it, quotes included: whoever has this one need not have it again. */
  readonly etag: string | undefined
  readonly keeping: Keeping
  readonly headers: Readonly<Record<string, string>>

  constructor({
    status = 200,
    type = 'application/json',
    keeping = 'none',
    headers = {},
    body,
    etag,
  }: Partial<Answer> & Pick<Answer, 'body'>) {
    this.status = status
    this.type = type
    this.body = body
    this.etag = etag
    this.keeping = keeping
    this.headers = headers
  }
}

/** What comes over time. A part is asked for when the reader has taken the one before; at the end, whyever it comes, `return` is called. */
export interface Flow {
  parts(signal: AbortSignal): AsyncIterable<string | Uint8Array>
  /** What a reader is told that does not take what it is sent, before it is cut. */
  readonly lastWord: string
}

/** For everybody, as it is. */
export interface Page {
  readonly type: string
  readonly body: string | Uint8Array
  readonly etag?: string
  readonly keeping?: Keeping
  readonly headers?: Readonly<Record<string, string>>
}
