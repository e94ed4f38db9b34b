import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { folderPages } from './folder.ts'
import { type HttpServer, serveHttp } from './server.ts'

const folder = mkdtempSync(join(tmpdir(), 'weft-pages-'))
let server: HttpServer
beforeAll(async () => {
  mkdirSync(join(folder, 'dist/assets'), { recursive: true })
  writeFileSync(join(folder, 'secret.txt'), 'secret')
  writeFileSync(join(folder, 'dist/index.html'), '<h1>')
  writeFileSync(join(folder, 'dist/assets/main-abc.js'), 'run()')
  symlinkSync(join(folder, 'secret.txt'), join(folder, 'dist/link.txt'))
  const pages = folderPages(join(folder, 'dist'))
  server = await serveHttp({ listen: '127.0.0.1:0', routes: [], pages }, { nowMs: () => 0, report: () => expect.fail('nothing fails') })
})
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true })
})

test('a folder is served: its index at its own path, what is named by content for ever, under a policy that lets nothing else in', async () => {
  const index = await fetch(`${server.url}/`)
  expect([index.headers.get('content-type'), await index.text()]).toEqual(['text/html; charset=utf-8', '<h1>'])
  const policy = index.headers.get('content-security-policy') ?? ''
  expect(policy).toContain("default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'")
  expect(policy).not.toContain("'unsafe-")
  const script = await fetch(`${server.url}/assets/main-abc.js`)
  expect([script.headers.get('content-type'), script.headers.get('cache-control')]).toEqual([
    'text/javascript; charset=utf-8',
    'public, max-age=31536000, immutable',
  ])
  const known = { headers: { 'if-none-match': index.headers.get('etag') ?? '' } }
  expect((await fetch(`${server.url}/`, known)).status).toBe(304)
})

test.each([
  '/../secret.txt',
  '/%2e%2e/secret.txt',
  '/..%2fsecret.txt',
  '/assets/../../secret.txt',
  '/link.txt',
  '/assets',
  '/assets/',
  '//',
])('nothing beside it: %s', async (path) => {
  expect((await fetch(server.url + path)).status).toBe(404)
})

test('a folder that is not there says so', () => {
  expect(() => folderPages(join(folder, 'none'))).toThrow('STORE_PLACE_WRONG')
})
