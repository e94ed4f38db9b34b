import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { detailOf, WeftError } from '#domain/errors.ts'
import { Secret } from '#domain/secret.ts'
import type { Given } from './settings/settings.ts'

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
  if (stats.isDirectory()) throw new Error(FOLDER)
  if (!stats.isFile()) throw new Error('not a regular file')
  if (stats.size > bytesMax) throw new Error(`longer than ${bytesMax} bytes`)
  return stats
}

const FOLDER = 'a folder'

/** That a file could not be read, in words, and why: the most frequent mistakes have words of their own. */
export function unreadInWords(path: string, cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException
  if (code === 'ENOENT' || code === 'ENOTDIR') return `there is no file ${path}`
  if (code === 'EACCES') return `${path} cannot be read: it is another user's`
  return message === FOLDER ? `${path} is a folder, not a file` : `${path} cannot be read`
}

/** The same, of a file that a command is to look at. Throws `FILE_UNREADABLE`. */
export function readNamed(path: string, bytesMax: number): Uint8Array {
  try {
    return readGiven(path, bytesMax)
  } catch (cause) {
    throw new WeftError('FILE_UNREADABLE', { path, detail: detailOf(cause) }, cause)
  }
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

/** A file that a person named; `what` is the flag or variable, where nobody else says it. Throws `SETTINGS_INVALID`. */
export function contentOf(path: string, what?: string): string {
  try {
    return textOf(path)
  } catch (cause) {
    const problem = unreadInWords(path, cause)
    throw new WeftError('SETTINGS_INVALID', { problems: [what === undefined ? problem : `${what}: ${problem}`] }, cause)
  }
}

/** Where systemd puts what a unit asks for with `LoadCredential=`, for its user alone. */
const CREDENTIALS = 'CREDENTIALS_DIRECTORY'

/** The file that a secret's text names: `file:PATH`, or `credential:NAME` of what systemd hands over. `undefined` where the text is the secret itself. Throws a sentence where there are no credentials. */
export function secretFileIn(text: string, env: Given): string | undefined {
  if (text.startsWith('file:')) return text.slice('file:'.length)
  if (!text.startsWith('credential:')) return undefined
  const folder = env[CREDENTIALS]
  if (folder === undefined) throw new Error(`names a credential, and systemd has given none: ${CREDENTIALS} is not set`)
  const name = text.slice('credential:'.length)
  return join(folder, basename(name))
}

/** Whether somebody but its owner may read a file. */
export function isOpenToOthers(path: string): boolean {
  return (statSync(path).mode & 0o077) !== 0
}

/** That the file of a secret could not be read. Neither path nor cause is told: the path may be the secret itself, mistyped. */
export function secretUnread(cause: unknown): string {
  return (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'names a file that does not exist' : 'names a file that cannot be read'
}

/** Text that may be `file:PATH`, or `credential:NAME`, of a file that holds it. One line end is taken off a file's end. Throws `SETTINGS_INVALID`. */
export function secretFrom(text: string, what: string, env: Given): Secret<string> {
  try {
    const path = secretFileIn(text, env)
    return new Secret(path === undefined ? text : textOf(path).replace(/\r?\n$/, ''))
  } catch (cause) {
    throw new WeftError('SETTINGS_INVALID', { problems: [`${what} ${secretUnread(cause)}`] })
  }
}
