import { WeftError } from '#domain/errors.ts'
import { Secret } from '#domain/secret.ts'
import { contentOf } from './given-file.ts'

/** Keys of those who ask an api: limits by name, so that many people behind one address are not one. */

export interface ApiKey {
  readonly name: string
  readonly key: Secret<string>
}

const FORM = /^([\w.-]{1,64})\s+([\x21-\x7e]{16,256})$/

/** Empty lines, and those that begin with #, say nothing. Throws `SETTINGS_INVALID` with the number of each line that is wrong, and nothing of what it holds. */
export function readApiKeys(path: string): readonly ApiKey[] {
  if (path === '') return []
  const problems: string[] = []
  const names = new Set<string>()
  const keys: ApiKey[] = []
  for (const [index, line] of contentOf(path, '--api-keys (WEFT_API_KEYS)').split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const [, name, key] = FORM.exec(line.trim()) ?? []
    if (name === undefined || key === undefined)
      problems.push(`--api-keys (WEFT_API_KEYS): line ${index + 1} is not a name, a space and a key`)
    else if (names.has(name)) problems.push(`--api-keys (WEFT_API_KEYS): line ${index + 1} names ${name} again`)
    else {
      names.add(name)
      keys.push({ name, key: new Secret(key) })
    }
  }
  if (problems.length > 0) throw new WeftError('SETTINGS_INVALID', { problems })
  return keys
}
