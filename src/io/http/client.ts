import { WeftError } from '#domain/errors.ts'
import type { Secret } from '#domain/secret.ts'
import { isRecord, type JsonRecord, parseJson } from '#wire/untrusted.ts'

/**
 * The JSON object at the address, whatever the status: what it says is for the caller to check. It is read within limits, and no redirection
 * is followed. `token` goes as that of a bearer. Throws `LINK_FAILED`, or the signal's reason.
 */
export async function getJson(
  address: string,
  {
    timeoutMs,
    lengthMax,
    token,
    signal,
  }: {
    readonly timeoutMs: number
    readonly lengthMax: number
    readonly token?: Secret<string> | undefined
    readonly signal?: AbortSignal | undefined
  },
): Promise<JsonRecord> {
  let text = ''
  try {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token.reveal()}` }
    const response = await fetch(address, {
      headers,
      signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), ...(signal === undefined ? [] : [signal])]),
      redirect: 'error',
    })
    for await (const part of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += part
      if (text.length > lengthMax) throw new Error(`more than ${lengthMax} characters`)
    }
  } catch (failure) {
    signal?.throwIfAborted()
    const { message, cause } = failure as Error
    throw new WeftError('LINK_FAILED', { address, detail: cause instanceof Error ? cause.message : message }, failure)
  }
  const answer = parseJson(text)
  if (!isRecord(answer)) throw new WeftError('LINK_FAILED', { address, detail: 'no JSON object' })
  return answer
}
