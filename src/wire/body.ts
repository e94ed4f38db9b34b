/** Bodies of answers over HTTP from somebody who is not trusted. By a reader, for not every browser iterates over a body. */
type Body = ReadableStream<Uint8Array<ArrayBuffer>> | null

/** Its parts, as they come. What is left is not read when nobody goes on. */
export async function* partsOf(body: Body): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const reader = body?.getReader()
  if (reader === undefined) return
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value
  } finally {
    // What has failed already cannot be ended.
    await reader.cancel().catch(() => undefined)
  }
}

/** All of it; `undefined` as soon as it is longer than that. */
export async function bytesWithin(bytesMax: number, body: Body): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const parts: Uint8Array<ArrayBuffer>[] = []
  let length = 0
  for await (const part of partsOf(body)) {
    length += part.length
    if (length > bytesMax) return undefined
    parts.push(part)
  }
  const [only] = parts
  if (only !== undefined && parts.length === 1) return only
  const all = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

/** The same as text. */
export async function textWithin(bytesMax: number, body: Body): Promise<string | undefined> {
  const bytes = await bytesWithin(bytesMax, body)
  return bytes && new TextDecoder().decode(bytes)
}
