import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { unlessThrown } from '#wire/untrusted.ts'

const COMMIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/

/** The commit that a checkout is at, from its `.git` as git lays it down, so that git need not be there; `undefined` where that cannot be told. */
export function commitAt(home: string): string | undefined {
  const folder = gitFolder(home)
  const head = textAt(folder, 'HEAD')
  const name = head?.startsWith('ref: ') ? head.slice('ref: '.length) : undefined
  const commit = name === undefined ? head : refOf(name, folder)
  return commit !== undefined && COMMIT.test(commit) ? commit : undefined
}

/** Of a worktree of another checkout `.git` is a file, which names the folder. */
function gitFolder(home: string): string {
  const named = textAt(home, '.git')
  return named?.startsWith('gitdir: ') ? resolve(home, named.slice('gitdir: '.length)) : join(home, '.git')
}

/** Worktrees have their branches in common; those that have not moved for long lie in one file. */
function refOf(name: string, folder: string): string | undefined {
  const common = resolve(folder, textAt(folder, 'commondir') ?? '.')
  const packed = () =>
    textAt(common, 'packed-refs')
      ?.split('\n')
      .find((line) => line.endsWith(` ${name}`))
      ?.split(' ')[0]
  return textAt(folder, name) ?? textAt(common, name) ?? packed()
}

const textAt = (folder: string, name: string): string | undefined => unlessThrown(() => readFileSync(join(folder, name), 'utf8').trim())
