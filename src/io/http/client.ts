import { WeftError } from '#domain/errors.ts'
import type { Secret } from '#domain/secret.ts'
import { textWithin } from '#wire/body.ts'
import { isRecord, type JsonRecord, parseJson } from '#wire/untrusted.ts'

/**
 * The JSON object at the address, whatever the status: what it says is for the caller to check. It is read within limits, and no redirection
 * is followed. `token` goes as that of a bearer. Throws `LINK_FAILED`, or the signal's reason.
 */
export async function getJson(
  address: string,
  {
    timeoutMs,
    bytesMax,
    token,
    signal,
  }: {
    readonly timeoutMs: number
    readonly bytesMax: number
    readonly token?: Secret<string> | undefined
    readonly signal?: AbortSignal | undefined
  },
): Promise<JsonRecord> {
  let text: string | undefined
  try {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token.reveal()}` }
    const response = await fetch(address, {
      headers,
      signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), ...(signal === undefined ? [] : [signal])]),
      redirect: 'error',
    })
    text = await textWithin(bytesMax, response.body)
    if (text === undefined) throw new Error(`more than ${bytesMax} bytes`)
  } catch (failure) {
    signal?.throwIfAborted()
    const { message, cause } = failure as Error
    throw new WeftError('LINK_FAILED', { address, detail: cause instanceof Error ? cause.message : message }, failure)
  }
  const answer = parseJson(text)
  if (!isRecord(answer)) throw new WeftError('LINK_FAILED', { address, detail: 'no JSON object' })
  return answer
}
