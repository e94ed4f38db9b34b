import { WeftError } from '#domain/errors.ts'
import { isRecord, type JsonRecord, parseJson } from '#wire/untrusted.ts'

/**
 * The JSON object at the address, whatever the status: what it says is for the caller to check. It is read within limits, and no redirection
 * is followed. Throws `LINK_FAILED`, or the signal's reason.
 */
export async function getJson(
  address: string,
  { timeoutMs, lengthMax, signal }: { readonly timeoutMs: number; readonly lengthMax: number; readonly signal: AbortSignal },
): Promise<JsonRecord> {
  let text = ''
  try {
    const response = await fetch(address, { signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]), redirect: 'error' })
    for await (const part of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += part
      if (text.length > lengthMax) throw new Error(`more than ${lengthMax} characters`)
    }
  } catch (failure) {
    signal.throwIfAborted()
    const { message, cause } = failure as Error
    throw new WeftError('LINK_FAILED', { address, detail: cause instanceof Error ? cause.message : message }, failure)
  }
  const answer = parseJson(text)
  if (!isRecord(answer)) throw new WeftError('LINK_FAILED', { address, detail: 'no JSON object' })
  return answer
}
