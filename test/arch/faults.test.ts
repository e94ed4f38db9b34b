import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { faultyText, readFaults } from '../../tools/mutation/fault.ts'
import { runTests } from '../../tools/mutation/judge.ts'

const root = join(import.meta.dirname, '../..')

test('every planted fault says what it breaks and still applies; `./weft mutate` shows that each is noticed', () => {
  const faults = readFaults(join(root, 'test/faults'))
  expect(faults.length).toBeGreaterThanOrEqual(150)
  const stale = faults.flatMap((fault) => {
    try {
      faultyText(root, fault)
      return []
    } catch (failure) {
      return [(failure as Error).message]
    }
  })
  expect(stale).toEqual([])
})

test('a number is given once in each area', () => {
  const numbers = readFaults(join(root, 'test/faults')).map(({ name }) => /^[^/]+\/\d+/.exec(name)?.[0])
  expect(numbers.filter((number, index) => numbers.indexOf(number) !== index)).toEqual([])
})

test('a run that was stopped while the project was copied starts no tests', async () => {
  const signal = AbortSignal.abort(new Error('stopped'))
  await expect(runTests({ copy: join(root, 'nowhere'), paths: [], limitMs: 1_000, signal })).rejects.toThrow('stopped')
})

test('a run that went well leaves nothing running that its tests have started', async () => {
  const copy = mkdtempSync(join(tmpdir(), 'weft-judge-'))
  try {
    mkdirSync(join(copy, 'node_modules/vitest'), { recursive: true })
    // In the place of vitest one that starts a process, says which, and ends.
    const source = `
      import { spawn } from 'node:child_process'
      import { writeFileSync } from 'node:fs'
      const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
      writeFileSync('left.pid', String(child.pid))
      child.unref()
    `
    writeFileSync(join(copy, 'node_modules/vitest/vitest.mjs'), source)
    expect(await runTests({ copy, paths: [], limitMs: 20_000, signal: new AbortController().signal })).toBe('green')
    const left = Number(readFileSync(join(copy, 'left.pid'), 'utf8'))
    await expect.poll(() => isRunning(left)).toBe(false)
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
})

/** One that is dead and that nobody has asked after yet is not. */
function isRunning(processId: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${processId}/status`, 'utf8'))
  } catch (failure) {
    if (['ENOENT', 'ESRCH'].includes((failure as NodeJS.ErrnoException).code ?? '')) return false
    throw failure
  }
}
