import { buildCommand, buildRouteMap } from '@stricli/core'
import { WeftError } from '#domain/errors.ts'
import type { Secret } from '#domain/secret.ts'
import { askAt, newPassword, type PasswordFlag, passwordOf } from './password.ts'
import { askYes } from './prompt.ts'

/** Keys as files that a password opens. No key is ever printed, nor taken as an argument. */

/** Below the current folder, as networks are. */
const FOLDER = '.weft/keys'
/** Beside the file of a node, which is copied together with them. */
export const FOLDER_OF_INIT = 'keys'

interface OutFlags extends PasswordFlag {
  readonly out: string
  readonly json: boolean
}

const PASSWORD_FLAG = {
  kind: 'parsed',
  parse: String,
  optional: true,
  brief: "File with the keystore's password; otherwise WEFT_KEYSTORE_PASSWORD, or it is asked for",
} as const
const JSON_FLAG = { kind: 'boolean', default: false, withNegated: false, brief: 'Print one JSON object and nothing else' } as const
const OUT_FLAGS = {
  out: {
    kind: 'parsed',
    parse: String,
    default: FOLDER,
    brief: 'Folder of the keystore, which is named for its address; or the file itself, if it ends in .json',
  },
  passwordFile: PASSWORD_FLAG,
  json: JSON_FLAG,
} as const

const BARE_KEY = /^(0x)?[0-9a-fA-F]{64}$/

/** Throws `SETTINGS_INVALID` for a key, and repeats nothing of it. */
export function fileNamed(text: string): string {
  if (BARE_KEY.test(text))
    throw new WeftError('SETTINGS_INVALID', {
      problems: [
        'a key is not taken as an argument: whoever lists the processes of this machine reads it, and the shell keeps it. Name a file that holds it, or nothing, and it is asked for; what was typed here is to be taken for known',
      ],
    })
  return text.replace(/^file:/, '')
}
const FILE = { brief: 'The keystore', parse: String, placeholder: 'FILE' } as const

function tellKey(
  process: NodeJS.Process,
  { json }: OutFlags,
  { address, path }: { readonly address: string; readonly path: string },
): void {
  if (json) process.stdout.write(`${JSON.stringify({ address, path })}\n`)
  else
    process.stdout.write(
      `address   ${address}\nkeystore  ${path}\nuse it    --signer-key file:${path} (WEFT_SIGNER_KEY) for a role, --keystore ${path} for deploy, market, slots\nKeep a copy of the file and of its password: nobody can restore either.\n`,
    )
}

const newCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: OutFlags) {
    const { newKey } = await import('#node/key-files.ts')
    tellKey(this.process, flags, await newKey({ out: flags.out, password: await newPassword(this.process, flags) }))
  },
  parameters: { flags: OUT_FLAGS },
  docs: { brief: 'Make a key, and write it as a Web3 keystore' },
})

interface ImportFlags extends OutFlags {
  readonly oldPasswordFile?: string
}

const importCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: ImportFlags, given?: string) {
    const path = given === undefined ? undefined : fileNamed(given)
    const { bareKey, keyIn, warningOf, writeKeystore } = await import('#node/key-files.ts')
    const oldPassword = (what: string): Promise<Secret<string>> =>
      passwordOf(this.process, { ...(flags.oldPasswordFile !== undefined && { passwordFile: flags.oldPasswordFile }) }, what)
    const typed = () => askAt(this.process, 'Private key, 64 hex digits', 'FILE is needed: there is no terminal to ask for the key at')
    const key = path === undefined ? bareKey((await typed()).reveal(), 'what was typed') : await keyIn(path, oldPassword)
    tellKey(this.process, flags, await writeKeystore(key, { out: flags.out, password: await newPassword(this.process, flags) }))
    const warning = path === undefined ? undefined : warningOf(path)
    if (warning !== undefined) this.process.stderr.write(`weft: ${warning}\n`)
  },
  parameters: {
    flags: {
      ...OUT_FLAGS,
      oldPasswordFile: { ...PASSWORD_FLAG, brief: 'File with the password of FILE, where that is a keystore' },
    },
    positional: {
      kind: 'tuple',
      parameters: [
        { ...FILE, brief: 'File with a bare key, or a keystore of another tool; without it the key is asked for', optional: true },
      ],
    },
  },
  docs: {
    brief: 'Write a key that you have as a Web3 keystore',
    fullDescription:
      'The key comes from a file or is typed, unseen. As an argument it is refused: arguments show in the list of processes.',
  },
})

const listCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, { json }: { readonly json: boolean }, given?: string) {
    const folders = given === undefined ? [FOLDER, FOLDER_OF_INIT] : [given]
    const { keysIn } = await import('#node/key-files.ts')
    const keys = folders.flatMap(keysIn)
    if (json) this.process.stdout.write(`${JSON.stringify(keys)}\n`)
    else if (keys.length === 0) this.process.stdout.write(`no keystores in ${folders.join(' or ')}; \`./weft keys new\` makes one\n`)
    else for (const { address, path } of keys) this.process.stdout.write(`${(address ?? 'address not told').padEnd(42)}  ${path}\n`)
  },
  parameters: {
    flags: { json: JSON_FLAG },
    positional: {
      kind: 'tuple',
      parameters: [
        {
          brief: `Folder of keystores; default ${FOLDER} and ${FOLDER_OF_INIT}, where \`./weft init\` puts them`,
          parse: String,
          placeholder: 'FOLDER',
          optional: true,
        },
      ],
    },
  },
  docs: { brief: 'List keystores and their addresses; no password is needed' },
})

interface ExportFlags extends PasswordFlag {
  readonly out: string
}

const exportCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: ExportFlags, given: string) {
    const path = fileNamed(given)
    const { exportKey } = await import('#node/key-files.ts')
    // Twice, and of a person: no script does this by mistake.
    if (this.process.stdin?.isTTY !== true) throw new WeftError('EXPORT_UNCONFIRMED', { path })
    for (const question of [
      `Write the key of ${path} to ${flags.out} without a password?`,
      'Whoever reads that file has all that the account has. Go on?',
    ])
      if (!(await askYes(this.process, question))) throw new WeftError('EXPORT_UNCONFIRMED', { path })
    const address = await exportKey(path, { out: flags.out, ask: (what) => passwordOf(this.process, flags, what) })
    this.process.stdout.write(
      `the key of ${address} is in ${flags.out}, for you to read alone. Remove the file when it is where it belongs.\n`,
    )
  },
  parameters: {
    flags: {
      out: { kind: 'parsed', parse: String, brief: 'File that is to hold the bare key' },
      passwordFile: PASSWORD_FLAG,
    },
    positional: { kind: 'tuple', parameters: [FILE] },
  },
  docs: {
    brief: 'Write the bare key of a keystore into a file',
    fullDescription: 'For tools that take nothing else. Asks twice, at a terminal; the key itself is never printed.',
  },
})

export const keysRoutes = buildRouteMap({
  routes: { new: newCommand, import: importCommand, list: listCommand, export: exportCommand },
  docs: { brief: 'Make, take in, list and give out keys' },
})
