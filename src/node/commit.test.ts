import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { commitAt } from './commit.ts'

const [COMMIT, OTHER] = ['a'.repeat(40), 'b'.repeat(40)]
let home: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'weft-commit-'))
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

function lay(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(home, name)), { recursive: true })
    writeFileSync(join(home, name), text)
  }
}

test.each([
  ['of a branch', { '.git/HEAD': 'ref: refs/heads/main\n', '.git/refs/heads/main': `${COMMIT}\n` }],
  ['without a branch', { '.git/HEAD': `${COMMIT}\n` }],
  [
    'of a branch that has not moved since all were packed',
    {
      '.git/HEAD': 'ref: refs/heads/main\n',
      '.git/packed-refs': `# pack-refs with: peeled\n${OTHER} refs/heads/x-main\n${COMMIT} refs/heads/main\n`,
    },
  ],
  [
    'of a branch that has moved since then',
    { '.git/HEAD': 'ref: refs/heads/main', '.git/packed-refs': `${OTHER} refs/heads/main\n`, '.git/refs/heads/main': COMMIT },
  ],
  [
    'of a worktree, whose branches lie with the others',
    {
      '.git': 'gitdir: main/.git/worktrees/one\n',
      'main/.git/worktrees/one/HEAD': 'ref: refs/heads/one\n',
      'main/.git/worktrees/one/commondir': '../..\n',
      'main/.git/refs/heads/one': `${COMMIT}\n`,
    },
  ],
])('the commit %s is read from .git', (_, files) => {
  lay(files)
  expect(commitAt(home)).toBe(COMMIT)
})

test.each([
  ['no .git', {}],
  ['a branch without a commit', { '.git/HEAD': 'ref: refs/heads/main\n' }],
  ['what is none', { '.git/HEAD': 'ref: refs/heads/main', '.git/refs/heads/main': 'not a commit' }],
])('there is none where there is %s', (_, files) => {
  lay(files)
  expect(commitAt(home)).toBeUndefined()
})
