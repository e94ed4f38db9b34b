import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { WeftError } from '#domain/errors.ts'
import { onDisk } from '#io/disk/disk.ts'
import { makeFolder } from '#io/disk/folder.ts'

/** What a new folder of computes may begin with. */
export const TEMPLATES = ['erc20-supply', 'uniswap-v2', 'wallets', 'empty'] as const
export type Template = (typeof TEMPLATES)[number]

const WEFT = join(import.meta.dirname, '../..')
const TEMPLATES_FOLDER = join(WEFT, 'computes/templates')
/** What stands for the name in the files of a template. */
const PLACEHOLDER = /NAME/g

/**
 * Makes a folder with one compute set, named as its last part: compute, test, configuration, README. Its `node_modules/weft` leads here, for tests and
 * editors. Throws `SETTINGS_INVALID` for a folder that holds anything, and for a name that no project type can have, and what the disk
 * refuses as `onDisk` does.
 */
export function newMarket(given: string, template: Template): string {
  const folder = resolve(given)
  const name = basename(folder)
  if (!/^[A-Za-z][\w.-]*$/.test(name))
    throw invalid(`'${name.slice(0, 80)}' is no name for a compute set: a letter, then letters, digits, dots and dashes`)
  if (filesIn(folder).length > 0) throw invalid(`${folder} is not empty`)
  onDisk(folder, 'making it', () => fill(folder, template, name))
  return folder
}

function fill(folder: string, template: Template, name: string): void {
  makeFolder(dirname(folder))
  if (!existsSync(folder)) mkdirSync(folder)
  for (const part of ['common', template]) cpSync(join(TEMPLATES_FOLDER, part), folder, { recursive: true })
  // Under its own name it would keep files out of this repository too.
  renameSync(join(folder, 'gitignore'), join(folder, '.gitignore'))
  for (const file of filesIn(folder)) {
    const path = join(folder, file)
    writeFileSync(path, readFileSync(path, 'utf8').replace(PLACEHOLDER, name))
  }
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(WEFT, join(folder, 'node_modules/weft'), 'dir')
}

function filesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch (failure) {
    const { code } = failure as NodeJS.ErrnoException
    if (code === 'ENOENT') return []
    throw invalid(`${folder} ${code === 'ENOTDIR' ? 'is a file' : `cannot be looked at (${code})`}`)
  }
}

const invalid = (problem: string) => new WeftError('SETTINGS_INVALID', { problems: [problem] })
