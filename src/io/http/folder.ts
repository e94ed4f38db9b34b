import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { extname, join, relative, sep } from 'node:path'
import { onDisk } from '#io/disk/disk.ts'
import type { Page } from './port.ts'

/** Pages from a folder that a build has filled: read once, so that a path asked for is one of a list and never one of the disk. */

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
}

/** Nothing from elsewhere, and nothing written into the page itself. It may ask this server, and RPC endpoints that its reader names. */
export const PAGE_POLICY = [
  "default-src 'none'",
  // Hashes are found by compiled code, which is from here as well (WebAssembly).
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self' http: https:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** By path; `index.html` is that of its folder. What the build names by its content, below `assets`, is kept for ever. Throws `STORE_…`. */
export function folderPages(folder: string): Readonly<Record<string, Page>> {
  return onDisk(folder, 'reading the pages', () => {
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    return Object.fromEntries(files.map(({ parentPath, name }) => pageOf(folder, join(parentPath, name))))
  })
}

function pageOf(folder: string, file: string): readonly [string, Page] {
  const path = `/${relative(folder, file).split(sep).join('/')}`
  const body = readFileSync(file)
  const page: Page = {
    type: TYPES[extname(file)] ?? 'application/octet-stream',
    body,
    etag: `"${createHash('sha256').update(body).digest('base64url')}"`,
    keeping: path.startsWith('/assets/') ? 'immutable' : 'brief',
    headers: { 'content-security-policy': PAGE_POLICY },
  }
  return [path.replace(/\/index\.html$/, '/'), page]
}
