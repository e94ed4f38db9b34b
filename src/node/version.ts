import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { commitAt } from './commit.ts'

const HOME = join(import.meta.dirname, '../..')
/** npm calls it so, too: the commit that a package was made of. */
const { version, gitHead } = JSON.parse(readFileSync(join(HOME, 'package.json'), 'utf8')) as { version: string; gitHead?: string }

/** Of this program. */
export const VERSION: string = version

/** As much of a commit as names it among all of one repository. */
const COMMIT_CHARACTERS = 12

/** `1.2.3 (0123456789ab)`; the version alone where nothing tells the commit. */
export function versionWithCommit(): string {
  const commit = gitHead ?? commitAt(HOME)
  return commit === undefined ? VERSION : `${VERSION} (${commit.slice(0, COMMIT_CHARACTERS)})`
}
