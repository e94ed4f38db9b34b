import { WeftError } from '#domain/errors.ts'
import type { Secret } from '#domain/secret.ts'
import { secretFrom } from '#node/given-file.ts'
import type { Given } from '#node/settings/settings.ts'
import { askSecret } from './prompt.ts'

/** Passwords of keystores: from a file, a variable, or a person at the terminal. */

export interface PasswordFlag {
  readonly passwordFile?: string
}

const NEEDED = '--password-file or WEFT_KEYSTORE_PASSWORD is needed: there is no terminal to ask at'

/** Throws `SETTINGS_INVALID`. */
export async function passwordOf(process: NodeJS.Process, flags: PasswordFlag, path: string): Promise<Secret<string>> {
  return givenPassword(process, flags) ?? askAt(process, `Password of ${path}`, NEEDED)
}

/** Of a keystore that is to be written. Asked for, it is typed twice: nobody sees what is typed. Throws `SETTINGS_INVALID`. */
export async function newPassword(process: NodeJS.Process, flags: PasswordFlag): Promise<Secret<string>> {
  const given = givenPassword(process, flags)
  const password = given ?? (await askAt(process, 'Password of the new keystore', NEEDED))
  const problems: string[] = []
  if (password.reveal() === '') problems.push('the password is empty: whoever has the file would have the key')
  else if (given === undefined && (await askAt(process, 'The same again', NEEDED)).reveal() !== password.reveal())
    problems.push('the two passwords differ: nothing was written')
  if (problems.length > 0) throw new WeftError('SETTINGS_INVALID', { problems })
  return password
}

/** Of the keystore that a role's settings name. Throws `SETTINGS_INVALID`. */
export async function askForSigner(process: NodeJS.Process, what: string): Promise<Secret<string>> {
  return askAt(process, `Password of ${what}`, '--signer-password (WEFT_SIGNER_PASSWORD) is needed: there is no terminal to ask at')
}

function givenPassword(process: NodeJS.Process, { passwordFile }: PasswordFlag): Secret<string> | undefined {
  const env = process.env as Given
  if (passwordFile !== undefined) return secretFrom(`file:${passwordFile}`, '--password-file', env)
  const given = env['WEFT_KEYSTORE_PASSWORD']
  return given === undefined ? undefined : secretFrom(given, 'WEFT_KEYSTORE_PASSWORD', env)
}

export async function askAt(process: NodeJS.Process, question: string, unless: string): Promise<Secret<string>> {
  if (process.stdin?.isTTY === true) return askSecret(process, question)
  throw new WeftError('SETTINGS_INVALID', { problems: [unless] })
}
