import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, expect, test } from 'vitest'
import { dashboardFolder } from './dashboard.ts'

/** Dashboards of one line: what is built and when does not hang on what it shows. */
const scratch = mkdtempSync(join(tmpdir(), 'weft-dashboard-test-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

let made = 0
function smallDashboard() {
  made += 1
  const root = join(scratch, `${made}`)
  mkdirSync(join(root, 'public'), { recursive: true })
  mkdirSync(join(root, 'src'))
  writeFileSync(join(root, 'index.html'), '<!doctype html><script type="module" src="./src/main.ts"></script>')
  writeFileSync(join(root, 'src/main.ts'), `document.title = 'first'`)
  let builds = 0
  return {
    root,
    written: (text: string) => writeFileSync(join(root, 'src/main.ts'), text),
    folder: () => dashboardFolder({ root, builds: join(root, 'builds'), onBuild: () => (builds += 1) }),
    builds: () => builds,
  }
}

const textOf = (folder: string): string =>
  readdirSync(join(folder, 'assets'))
    .map((name) => readFileSync(join(folder, 'assets', name), 'utf8'))
    .join('\n')

test('it is built when there is none, and not again while its sources are as they were', async () => {
  const { folder, builds } = smallDashboard()
  const first = await folder()
  expect(textOf(first)).toContain('first')
  expect(readFileSync(join(first, 'index.html'), 'utf8')).not.toMatch(/<script>|<style|onload=/)
  expect(await folder()).toBe(first)
  expect(builds()).toBe(1)
})

test('a source that has changed makes another build, and the one before stays as it is for whoever serves it', async () => {
  const { folder, written } = smallDashboard()
  const first = await folder()
  written(`document.title = 'second'`)
  const second = await folder()
  expect(textOf(second)).toContain('second')
  expect(textOf(first)).toContain('first')
})

test('several that ask at once have one build', async () => {
  const { folder, builds } = smallDashboard()
  const folders = await Promise.all([folder(), folder(), folder()])
  expect(new Set(folders).size).toBe(1)
  expect(builds()).toBe(1)
})

test('what cannot be built is told with a code, and leaves nothing half done', async () => {
  const { root, folder, written } = smallDashboard()
  written('import "./nowhere.ts"')
  await expect(folder()).rejects.toMatchObject({ code: 'DASHBOARD_UNBUILT', facts: { detail: expect.stringContaining('nowhere.ts') } })
  expect(readdirSync(join(root, 'builds'))).toEqual([])
  written(`document.title = 'mended'`)
  expect(textOf(await folder())).toContain('mended')
})

test('a place that takes no files is told with a code', async () => {
  const { root } = smallDashboard()
  const builds = join(tmpdir(), `weft-no-folder-${process.pid}`)
  writeFileSync(builds, '')
  await expect(dashboardFolder({ root, builds })).rejects.toMatchObject({ code: 'DASHBOARD_UNBUILT' })
  rmSync(builds)
})

/** What a page may bring along, gzipped: the first one, and all of them with what checks proofs. */
const BYTES_MAX = { atOnce: 150 * 1024, all: 240 * 1024 }

test('the dashboard is small, and what checks proofs comes when a proof is to be checked', async () => {
  const folder = await dashboardFolder()
  const sizes = readdirSync(join(folder, 'assets')).map((name) => ({
    name,
    bytes: gzipSync(readFileSync(join(folder, 'assets', name))).length,
  }))
  const sum = (some: typeof sizes) => some.reduce((total, { bytes }) => total + bytes, 0)
  const index = readFileSync(join(folder, 'index.html'), 'utf8')
  const bytes = { atOnce: sum(sizes.filter(({ name }) => index.includes(name))), all: sum(sizes) }
  console.info(`dashboard, gzipped: ${bytes.atOnce} bytes at once, ${bytes.all} in all`)
  expect(bytes.atOnce).toBeLessThan(BYTES_MAX.atOnce)
  expect(bytes.all).toBeLessThan(BYTES_MAX.all)
  expect(sizes.some(({ name }) => name.startsWith('proof-') && !index.includes(name))).toBe(true)
})
