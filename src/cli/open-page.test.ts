import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { openPage } from './open-page.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

test.each([
  ['linux', 'xdg-open'],
  ['darwin', 'open'],
] as const)('a page is opened with what %s has for it; where that is missing nothing happens', async (platform, command) => {
  const bin = mkdtempSync(join(tmpdir(), 'weft-open-'))
  folders.push(bin)
  const opened = join(bin, 'opened')
  openPage('http://127.0.0.1:1/', { platform, env: { PATH: bin } })
  writeFileSync(join(bin, command), `#!/bin/sh\nprintf %s "$1" > ${opened}.new && /bin/mv ${opened}.new ${opened}\n`, { mode: 0o755 })
  openPage('http://127.0.0.1:2/', { platform, env: { PATH: bin } })
  await vi.waitUntil(() => existsSync(opened), { timeout: 10_000 })
  expect(readFileSync(opened, 'utf8')).toBe('http://127.0.0.1:2/')
})
