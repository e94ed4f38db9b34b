import { readFileSync } from 'node:fs'
import { WeftError } from '#domain/errors.ts'
import { Secret } from '#domain/secret.ts'

/** Without the byte order mark that some editors write. Throws as `node:fs`. */
export function textOf(path: string): string {
  return new TextDecoder().decode(readFileSync(path))
}

/** The bytes of a file, `undefined` when there is none that can be read. */
export function bytesOf(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path)
  } catch {
    return undefined
  }
}

/** A file that a person named; `what` is the flag or variable. Throws `SETTINGS_INVALID`. */
export function contentOf(path: string, what: string): string {
  try {
    return textOf(path)
  } catch (cause) {
    throw new WeftError('SETTINGS_INVALID', { problems: [`${what}: ${path} cannot be read`] }, cause)
  }
}

/** Text that may be `file:PATH` of a file that holds it. One line end is taken off a file's end. Throws `SETTINGS_INVALID`. */
export function secretFrom(text: string, what: string): Secret<string> {
  if (!text.startsWith('file:')) return new Secret(text)
  try {
    return new Secret(textOf(text.slice('file:'.length)).replace(/\r?\n$/, ''))
  } catch {
    // Neither path nor cause is told: the path may be the secret itself, mistyped.
    throw new WeftError('SETTINGS_INVALID', { problems: [`${what} names a file that cannot be read`] })
  }
}
