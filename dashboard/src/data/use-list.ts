import { useState } from 'react'
import type { ApiOutput, ApiRoute } from '#wire/api.ts'
import { ask, type Query } from './ask.ts'
import { type Answer, useWork } from './use-answer.ts'

type ListRoute = {
  [Name in ApiRoute]: ApiOutput<Name> extends { items: unknown[]; nextCursor?: string | undefined } ? Name : never
}[ApiRoute]
export type ItemOf<Name extends ListRoute> = ApiOutput<Name>['items'][number]

export interface List<Item> {
  readonly items: Item[]
  readonly hasMore: boolean
}

/** A list of the api in pages: `more` shows another one. All pages shown are asked anew when the market moves on, for they may have shifted. */
export function useList<Name extends ListRoute>(
  route: Name,
  query: Query<Name> | undefined,
): Answer<List<ItemOf<Name>>> & { readonly more: () => void } {
  const key = query && `${route} ${JSON.stringify(query)}`
  const [shown, setShown] = useState({ key, pages: 1 })
  const pages = shown.key === key ? shown.pages : 1
  const answer = useWork(key, (signal) => read(route, query as Query<Name>, { pages, signal }), { again: pages })
  return { ...answer, more: () => setShown({ key, pages: pages + 1 }) }
}

/** The first pages of a list, joined. Throws `Unanswered`. */
export async function read<Name extends ListRoute>(
  route: Name,
  query: Query<Name>,
  { pages, signal }: { readonly pages: number; readonly signal: AbortSignal },
): Promise<List<ItemOf<Name>>> {
  const items: ItemOf<Name>[] = []
  let cursor: string | undefined
  for (let index = 0; index < pages; index++) {
    const page = (await ask(route, { ...query, ...(cursor !== undefined && { cursor }) } as Query<Name>, signal)) as List<ItemOf<Name>> & {
      nextCursor?: string
    }
    items.push(...page.items)
    cursor = page.nextCursor
    if (cursor === undefined) break
  }
  return { items, hasMore: cursor !== undefined }
}
