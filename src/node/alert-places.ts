import type { AlertPlace } from '#wire/alert-bodies.ts'
import { isHttpUrl } from './rpc-urls.ts'
import type { Settings } from './settings/settings.ts'

const PLACES_MAX = 8
const FORM = 'is none of slack:URL, webhook:URL, issues:URL and telegram:URL;chat=ID;thread=ID'

/** Places between commas, or what is wrong with them. Nothing of the text is repeated: URLs of webhooks are secrets. */
export function parseAlertPlaces(text: string): readonly AlertPlace[] | { readonly problems: readonly string[] } {
  const items = text.split(',').map((item) => item.trim())
  const found = items.filter((item) => item !== '').map(placeIn)
  const problems = found.flatMap((place, index) => (typeof place === 'string' ? [`place ${index + 1} ${place}`] : []))
  if (found.length > PLACES_MAX) problems.push(`names ${found.length} places, and ${PLACES_MAX} is the most`)
  return problems.length > 0 ? { problems } : (found as AlertPlace[])
}

function placeIn(text: string): AlertPlace | string {
  const [, kind, rest = ''] = /^(slack|webhook|issues|telegram):(.+)$/.exec(text) ?? []
  const [url = '', ...options] = rest.split(';')
  if (kind === undefined) return FORM
  if (!isHttpUrl(url)) return 'is not an http(s) URL behind its kind'
  if (kind !== 'telegram') return options.length === 0 ? { kind: kind as 'slack', url } : FORM
  const given = new Map(options.map((option) => option.split('=', 2) as [string, string]))
  const isKnown = [...given.keys()].every((name) => name === 'chat' || name === 'thread')
  const chatId = given.get('chat')
  return isKnown && chatId ? { kind, url, chatId, threadId: given.get('thread') } : FORM
}

/** Of the settings about alerts. */
export function problemsOfAlerts({ alertTo, heartbeatUrl }: Partial<Settings>): readonly string[] {
  const parsed = parseAlertPlaces(alertTo?.reveal() ?? '')
  const heartbeat = heartbeatUrl?.reveal() ?? ''
  return [
    ...('problems' in parsed ? parsed.problems.map((problem) => `--alert-to (WEFT_ALERT_TO): ${problem}`) : []),
    ...(heartbeat === '' || isHttpUrl(heartbeat) ? [] : ['--heartbeat-url (WEFT_HEARTBEAT_URL): is not an http(s) URL']),
  ]
}

/** As read before: throws nothing. */
export function alertPlacesOf({ alertTo }: Pick<Settings, 'alertTo'>): readonly AlertPlace[] {
  const parsed = parseAlertPlaces(alertTo.reveal())
  return 'problems' in parsed ? [] : parsed
}
