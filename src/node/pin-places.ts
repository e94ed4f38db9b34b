import { resolve } from 'node:path'
import { isHttpUrl } from './rpc-urls.ts'
import type { Settings } from './settings/settings.ts'

/** Where copies are to be kept beside the embedded IPFS node, as people write it. */
export type PlaceSetting =
  | { readonly kind: 'kubo'; readonly url: string }
  | { readonly kind: 'service'; readonly url: string }
  | { readonly kind: 'car'; readonly directory: string }

/** Each place costs a queue and, for every batch, an upload. */
const PLACES_MAX = 8

/** The places in the text, or what is wrong with it. What may hold a secret is not repeated. */
export function parsePlaces(items: readonly string[]): readonly PlaceSetting[] | { readonly problems: readonly string[] } {
  const problems: string[] = []
  const places = items.flatMap((item, index): readonly PlaceSetting[] => {
    const found = parsePlace(item)
    if (typeof found !== 'string') return [found]
    problems.push(`place ${index + 1} ${found}`)
    return []
  })
  if (items.length > PLACES_MAX) problems.push(`names ${items.length} places, and ${PLACES_MAX} is the most`)
  if (new Set(places.map(keyOf)).size < places.length) problems.push('names a place twice')
  if (places.filter(({ kind }) => kind === 'service').length > 1) problems.push('names two pinning services, and there is one token')
  return problems.length > 0 ? { problems } : places
}

/** Kubo nodes and services are known by their host, in the log and in the store. */
const keyOf = (place: PlaceSetting): string => (place.kind === 'car' ? place.directory : `${place.kind}:${new URL(place.url).host}`)

function parsePlace(text: string): PlaceSetting | string {
  const [, kind, where = ''] = /^(kubo|service|car):(.+)$/.exec(text) ?? []
  if (kind === undefined) return 'is none of kubo:URL, service:URL and car:FOLDER'
  if (kind === 'car') return { kind, directory: resolve(where) }
  const problem = problemOfUrl(where, { isSecret: kind === 'service' })
  return problem ?? { kind: kind as 'kubo' | 'service', url: where }
}

/** What is wrong with the URL of a place or a gateway. */
export function problemOfUrl(text: string, { isSecret }: { readonly isSecret: boolean }): string | undefined {
  if (!isHttpUrl(text)) return 'is not an http(s) URL'
  const { username, password, search, hash, protocol, hostname } = new URL(text)
  if (username + password + search + hash !== '') return 'has a name, a password, a query or a fragment in its URL: it would be logged'
  const isHere = /^(localhost|127\.[0-9.]+|\[::1\])$/.test(hostname)
  return isSecret && protocol === 'http:' && !isHere ? 'would be sent its token without encryption: https, or this machine' : undefined
}

/** What no setting says alone. */
export function problemsOfPinning({ pinPlaces = [], pinGateways = [], pinMin = 1 }: Partial<Settings>): readonly string[] {
  const isUnproved = pinPlaces.some(({ kind }) => kind === 'service') && pinGateways.length === 0
  return [
    ...(pinMin > pinPlaces.length + 1
      ? [`--pin-min (WEFT_PIN_MIN): ${pinMin} places are asked for, and with the embedded node there are ${pinPlaces.length + 1}`]
      : []),
    ...(isUnproved
      ? [
          '--pin-gateways (WEFT_PIN_GATEWAYS) is needed with a pinning service: what it has is read back there, its word alone is not enough',
        ]
      : []),
  ]
}
