import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { A, served, told, type World } from '#roles/api/serve/serve.test-world.ts'
import { API, GRAPHQL, REASONS, STREAM } from '#wire/api.ts'
import { DEPLOYED_API } from '#wire/deployed-api.ts'

/** docs/API.md, done: every curl of the page, against an api over an index of a few epochs. */

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/API.md'), 'utf8')
const COMMANDS = [...PAGE.matchAll(/^curl .*$/gm)].map(([line]) => line)
const FORMS = [...Object.values(API), STREAM, ...Object.values(GRAPHQL), ...Object.values(DEPLOYED_API)]

let world: World
let server: Awaited<ReturnType<typeof served>>
beforeAll(async () => {
  world = await told()
  server = await served(world)
})
afterAll(async () => {
  await server.stop()
  await world.index.close()
})

/** What curl would ask for: its words, of which quoted ones may hold spaces. */
function curl(line: string, init: RequestInit = {}): Promise<Response> {
  const values: Readonly<Record<string, string>> = { URL: server.url, PROJECT: A, BATCH: 'bafybatch1' }
  const filled = line.replace(
    /\$([A-Z]+)/g,
    (_whole, name: string) => values[name] ?? expect.fail(`the page does not say what $${name} is`),
  )
  const words = [...filled.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '')
  const after = (flag: string) => (words.includes(flag) ? words[words.indexOf(flag) + 1] : undefined)
  const body = after('-d')
  return fetch(words.find((word) => word.startsWith('http:')) ?? '', {
    method: after('-X') ?? 'GET',
    ...(body !== undefined && { body }),
    ...init,
  })
}

describe('the page', () => {
  test('names every route, and every reason', () => {
    for (const { path } of FORMS) {
      const form = path.split(/\{\w+\}/).map((part) => part.replaceAll('/', '\\/'))
      expect(PAGE).toMatch(new RegExp(form.join('([0-9]+|\\$[A-Z]+|\\{\\w+\\})')))
    }
    for (const code of Object.keys(REASONS)) expect(PAGE).toContain(`\`${code}\``)
  })

  test.each(COMMANDS.filter((line) => !line.includes('/stream')))('%s', async (line) => {
    const response = await curl(line)
    const text = await response.text()
    expect([response.status, text]).toEqual([200, expect.stringMatching(/./)])
    if (!line.includes('csv')) expect(JSON.parse(text)).not.toMatchObject({ items: [] })
  })

  test.each(COMMANDS.filter((line) => line.includes('/stream')))('%s', async (line) => {
    const leaving = new AbortController()
    const response = await curl(line, { signal: leaving.signal })
    const first = await response.body?.pipeThrough(new TextDecoderStream()).getReader().read()
    expect(first?.value).toMatch(/^id: \S+\n\n$/)
    leaving.abort()
  })
})

test('the page for people and the document for programs have every route', async () => {
  const page = await (await fetch(`${server.url}/docs`)).text()
  const document = (await (await fetch(`${server.url}/openapi.json`)).json()) as { openapi: string; paths: Record<string, object> }
  expect(document.openapi).toBe('3.1.0')
  for (const { method, path } of FORMS) {
    expect(page).toContain(`<b>${method}</b> <code>${path}</code>`)
    expect(document.paths[path]).toHaveProperty(method.toLowerCase())
  }
  expect(page).not.toMatch(/<script|style=|(src|href)="(https?:)?\/\//)
})
