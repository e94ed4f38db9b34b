import { readFileSync } from 'node:fs'
import { WeftError } from '#domain/errors.ts'
import { Secret } from '#domain/secret.ts'

/** A file that a person named; `what` is the flag or variable. Throws `SETTINGS_INVALID`. */
export function contentOf(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new WeftError('SETTINGS_INVALID', { problems: [`${what}: ${path} cannot be read`] }, cause)
  }
}

/** Text that may be `file:PATH` of a file that holds it. One line end is taken off a file's end. */
export function secretFrom(text: string, what: string): Secret<string> {
  if (!text.startsWith('file:')) return new Secret(text)
  return new Secret(contentOf(text.slice('file:'.length), what).replace(/\r?\n$/, ''))
}
