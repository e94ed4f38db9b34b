/** Questions and answers over HTTP, as a role has them: the adapter (`server.ts`) knows sockets, tokens, limits and status codes. */

/** Who waits for an answer. */
export interface Asking {
  /**
   * Gives the event loop a turn. Whoever reads page by page awaits it between two, so that no question holds up anything else. Throws
   * `REQUEST_TOO_LONG` when the answer has taken longer than any may, or nobody waits for it any more.
   */
  breathe(): Promise<void>
}

export interface HttpRoute {
  /** Deployed clients POST, and find the answer in an envelope; a GET is answered with the value itself. */
  readonly method: 'GET' | 'POST'
  /** `/v1/epochs/{epochId}`: a segment in braces is a value, and whatever it is it has no slash. */
  readonly path: string
  /**
   * `fields` are those of body, query and path, of which the later win: nothing of them is checked. What is returned is written as JSON.
   * Throws a `WeftError`: its code decides the status.
   */
  answer(fields: Readonly<Record<string, unknown>>, asking: Asking): unknown
}
