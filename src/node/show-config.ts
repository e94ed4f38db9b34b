import { join } from 'node:path'
import { findNetwork, type Network } from './network.ts'
import type { NodeConfig, Part } from './node-config.ts'
import { type Origin, sourceOf } from './read-settings.ts'
import { isHttpUrl, problemsInRpc, rpcInWords } from './rpc-urls.ts'
import type { SettingRow } from './settings/row.ts'
import { type Given, SETTINGS, type SettingName, settingsOf } from './settings/settings.ts'

/** Each setting of each part, as a person may see it, and where it comes from. */

export interface ShownSetting {
  readonly part: string
  readonly setting: SettingName
  /** Nothing where the market says it. No secret is in it: where one lies, and that it is given, is. */
  readonly value: string
  readonly origin: Origin | 'default' | 'market' | 'optional' | 'missing'
}

export function shownSettings({ dataDir, parts }: NodeConfig, env: Given): readonly ShownSetting[] {
  const { [SETTINGS.dataDir.env]: _, ...others } = env
  return parts.flatMap((part) => {
    const sources = { flags: {}, env: others, file: { ...part.file, dataDir: join(dataDir, part.name) } }
    const network = networkOf(part, sourceOf('network', sources)?.text)
    return settingsOf(part.role).map((setting): ShownSetting => {
      const row: SettingRow = SETTINGS[setting]
      const source = sourceOf(setting, { ...sources, network })
      if (source !== undefined) return { part: part.name, setting, value: masked(row, source.text), origin: source.origin }
      if (row.fallback !== undefined) return { part: part.name, setting, value: [row.fallback].flat().join(','), origin: 'default' }
      return { part: part.name, setting, value: '', origin: unsaid(row, part, sources) }
    })
  })
}

/** Where the value comes from that nobody has said. */
function unsaid(row: SettingRow, { role }: Part, sources: Parameters<typeof sourceOf>[1]): 'market' | 'optional' | 'missing' {
  if (row.fromMarket !== undefined) return 'market'
  const isReplaced = row.unless !== undefined && sourceOf(row.unless, sources) !== undefined
  return isReplaced || row.optional?.roles.includes(role) === true ? 'optional' : 'missing'
}

/** What is wrong with it is told when the node starts. */
function networkOf({ role }: Part, path: string | undefined): Network | undefined {
  if (path === undefined || path === '' || !settingsOf(role).includes('network')) return undefined
  try {
    return findNetwork(path)
  } catch {
    return undefined
  }
}

function masked({ type }: SettingRow, text: string): string {
  if (type === 'key' || type === 'secret' || type === 'password') return text === '' || /^(file|credential):/.test(text) ? text : '[secret]'
  if (type === 'rpc') return problemsInRpc(text).length > 0 ? '[no URL]' : rpcInWords(text)
  if (type === 'url') return urlInWords(text)
  if (type === 'urls') return text.split(',').map(urlInWords).join(',')
  // A name and a password before a host, as in a URL of a place: up to the last `@` of it, as URLs are read.
  return text.replace(/\/\/[^/?#]*@/g, '//[secret]@')
}

/** Name, password and query may be a key of whoever runs the place. */
function urlInWords(text: string): string {
  if (!isHttpUrl(text)) return text === '' ? '' : '[no URL]'
  const { protocol, username, password, host, pathname, search } = new URL(text)
  const user = `${username}${password}` === '' ? '' : '[secret]@'
  return `${protocol}//${user}${host}${pathname === '/' ? '' : pathname}${search === '' ? '' : '?[secret]'}`
}
