import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { WeftError } from '#domain/errors.ts'
import { Secret } from '#domain/secret.ts'

/** Far more than any file that people write for us; a manifest is at most a megabyte. */
const GIVEN_BYTES_MAX = 16 * 1024 * 1024

/**
 * The bytes of a file that somebody named, wherever a link leads. Only of a regular file, and never more than `bytesMax`: a pipe
 * waits for whoever writes into it, a device has no end, and this process would hear no signal meanwhile. Throws as `node:fs`, or with a sentence.
 */
export function readGiven(path: string, bytesMax = GIVEN_BYTES_MAX): Uint8Array {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const { size } = regular(descriptor, bytesMax)
    const bytes = new Uint8Array(size)
    let length = 0
    for (let read = -1; read !== 0 && length < size; length += read) read = readSync(descriptor, bytes, length, size - length, null)
    return bytes.subarray(0, length)
  } finally {
    closeSync(descriptor)
  }
}

function regular(descriptor: number, bytesMax: number): { readonly size: number } {
  const stats = fstatSync(descriptor)
  if (!stats.isFile()) throw new Error('not a regular file')
  if (stats.size > bytesMax) throw new Error(`longer than ${bytesMax} bytes`)
  return stats
}

/** Without the byte order mark that some editors write. Throws as `readGiven`. */
export function textOf(path: string): string {
  return new TextDecoder().decode(readGiven(path))
}

/** The bytes of a file, `undefined` when there is none that can be read. */
export function bytesOf(path: string): Uint8Array | undefined {
  try {
    return readGiven(path)
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
