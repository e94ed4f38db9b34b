import { useEffect, useRef, useState } from 'react'
import type { ApiOutput, ApiRoute } from '#wire/api.ts'
import { ask, type Failure, failureOf, type Query } from './ask.ts'
import { useLive } from './live.ts'

/** What is known of an answer. A value stays while a newer one is awaited, so that nothing flickers. */
export interface Answer<Value> {
  readonly value?: Value
  readonly failure?: Failure
}

/** There is none, and the api says why. */
export const isMissing = ({ value, failure }: Answer<unknown>): boolean => value === undefined && failure !== undefined

interface Renewal {
  /** Asked again whenever the market moves on. */
  readonly isLive?: boolean
  /** Asked again when this changes, while the earlier value stays. */
  readonly again?: number
}

/** Works out a value from answers, and another one whenever `key` changes. Without a key nothing is asked. */
export function useWork<Value>(
  key: string | undefined,
  work: (signal: AbortSignal) => Promise<Value>,
  { isLive = true, again = 0 }: Renewal = {},
): Answer<Value> {
  const { beat } = useLive()
  const [known, setKnown] = useState<Answer<Value> & { readonly key?: string | undefined }>({})
  const asked = useRef(beat)
  // What the api owes is asked for again, live or not: an answer is not.
  if (isLive || (known.key === key && known.failure?.code === 'API_FAILED')) asked.current = beat
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for the work, which is another function at each look
  useEffect(() => {
    if (key === undefined) return
    const over = new AbortController()
    work(over.signal).then(
      (value) => !over.signal.aborted && setKnown({ key, value }),
      (cause) => !over.signal.aborted && setKnown((before) => ({ ...(before.key === key && before), key, failure: failureOf(cause) })),
    )
    return () => over.abort()
  }, [key, again, asked.current])
  return known.key === key ? known : {}
}

/** One answer of the api. */
export function useAnswer<Name extends ApiRoute>(
  route: Name,
  query: Query<Name> | undefined,
  renewal: Renewal = {},
): Answer<ApiOutput<Name>> {
  const key = query && `${route} ${JSON.stringify(query)}`
  return useWork(key, (signal) => ask(route, query as Query<Name>, signal), renewal)
}
