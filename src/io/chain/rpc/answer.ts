export interface RpcCall {
  readonly method: string
  readonly params: readonly unknown[]
}

/** What a node says instead of a result. `data` is revert data when there is any. */
export interface RpcRefusal {
  readonly code: number
  readonly message: string
  readonly data: string | undefined
}

export type RpcAnswer = { readonly isOk: true; readonly result: unknown } | { readonly isOk: false; readonly refusal: RpcRefusal }

/** What a node says, as it says it; nothing in it is believed to have a form. */
export function refusalOf(error: unknown): RpcRefusal {
  const { code, message, data } = (typeof error === 'object' && error !== null ? error : {}) as {
    code?: unknown
    message?: unknown
    data?: unknown
  }
  // Some nodes put the revert data one level deeper.
  const inner = typeof data === 'object' && data !== null ? (data as { data?: unknown }).data : data
  return {
    code: typeof code === 'number' ? code : 0,
    message: String(message ?? 'no message').slice(0, 300),
    data: typeof inner === 'string' ? /^(?:Reverted )?(0x(?:[0-9a-fA-F]{2})*)$/.exec(inner)?.[1] : undefined,
  }
}

/** The answers in the order of the calls, or what is wrong with them. */
export function matchAnswers(body: unknown, calls: readonly RpcCall[], firstId: number): RpcAnswer[] | string {
  if (!Array.isArray(body)) return `no list of answers: ${refusalOf((body as { error?: unknown } | null)?.error).message}`
  const byId = new Map<unknown, { readonly result?: unknown; readonly error?: unknown }>()
  for (const item of body) if (typeof item === 'object' && item !== null) byId.set(item.id, item)
  const answers: RpcAnswer[] = []
  for (let index = 0; index < calls.length; index += 1) {
    const item = byId.get(firstId + index)
    if (item === undefined) return `no answer to ${calls[index]?.method}, number ${index + 1} of ${calls.length}`
    if (item.error !== undefined && item.error !== null) answers.push({ isOk: false, refusal: refusalOf(item.error) })
    else if (item.result === undefined) return `neither result nor error for ${calls[index]?.method}`
    else answers.push({ isOk: true, result: item.result })
  }
  return answers
}
