import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ABSENCE_REASONS } from '#domain/reasons.ts'
import { A, served, told, type World } from '#roles/api/serve/serve.test-world.ts'
import { API, GRAPHQL, STREAM } from '#wire/api.ts'
import { DEPLOYED_API } from '#wire/deployed-api.ts'
import { commandsOf, curl } from './curl.ts'

/** docs/API.md, done: every curl of the page, against an api over an index of a few epochs. */

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/API.md'), 'utf8')
const COMMANDS = commandsOf(PAGE)
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

const values = () => ({ URL: server.url, PROJECT: A, BATCH: 'bafybatch1', START: '1000' })

describe('the page', () => {
  test('names every route, and every reason', () => {
    for (const { path } of FORMS) {
      const form = path.split(/\{\w+\}/).map((part) => part.replaceAll('/', '\\/'))
      expect(PAGE).toMatch(new RegExp(form.join('([0-9]+|\\$[A-Z]+|\\{\\w+\\})')))
    }
    for (const code of Object.keys(ABSENCE_REASONS)) expect(PAGE).toContain(`\`${code}\``)
  })

  test.each(COMMANDS.filter((line) => !line.includes('/stream')))('%s', async (line) => {
    const response = await curl(line, values())
    const text = await response.text()
    expect([response.status, text]).toEqual([200, expect.stringMatching(/./)])
    if (!line.includes('csv')) expect(JSON.parse(text)).not.toMatchObject({ items: [] })
  })

  test.each(COMMANDS.filter((line) => line.includes('/stream')))('%s', async (line) => {
    const leaving = new AbortController()
    const response = await curl(line, values(), { signal: leaving.signal })
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
  // What is code in the words of a route is code on the page.
  expect(page).not.toMatch(/<p>[^<]*`/)
  expect(page).not.toMatch(/<script|style=|(src|href)="(https?:)?\/\//)
})
