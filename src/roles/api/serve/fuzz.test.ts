import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { A, served, told, type World } from './serve.test-world.ts'

/** Every route of the document that the server gives of itself, asked with what nobody should ask. */

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

interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: 'path' | 'query' }[]
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: { readonly properties: object } } } }
}

const replay = process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) }
const absurd = fc.oneof(
  fc.constantFrom(
    '',
    '0',
    '-1',
    '1',
    '5',
    '1e3',
    '007',
    '9007199254740993',
    'NaN',
    'null',
    'true',
    '*',
    '..',
    '%00',
    '🜏',
    A,
    'constructor',
    '__proto__',
    "' OR 1=1 --",
  ),
  fc.string({ maxLength: 60 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.string({ minLength: 300, maxLength: 400 }),
)

test('it answers or says what is wrong, and never fails', async () => {
  const document = (await (await server.get('/openapi.json')).json()) as {
    readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  }
  const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  )
  expect(routes.length).toBeGreaterThan(35)
  for (const { path, method, operation } of routes) {
    if (path === '/v1/stream') continue
    const names = (operation.parameters ?? []).filter((each) => each.in === 'query').map(({ name }) => name)
    const fields = Object.keys(operation.requestBody?.content['application/json'].schema.properties ?? {})
    const value = fc.oneof(absurd, fc.jsonValue())
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.constantFrom(...names, 'other'), fc.oneof(absurd, fc.array(absurd, { minLength: 2, maxLength: 3 })), {
          maxKeys: 4,
        }),
        fc.array(
          absurd.filter((text) => text !== ''),
          { minLength: 4, maxLength: 4 },
        ),
        fc.dictionary(fc.constantFrom(...fields, 'other'), value, { maxKeys: 4 }),
        async (query, segments, body) => {
          let place = 0
          const filled = path.replace(/\{\w+\}/g, () => encodeURIComponent((segments[place++ % 4] ?? '').toWellFormed()))
          const asked = new URLSearchParams(Object.entries(query).flatMap(([name, values]) => [values].flat().map((each) => [name, each])))
          const init = method === 'post' ? { method: 'POST', body: JSON.stringify(body) } : {}
          const response = await server.get(`${filled.replaceAll(/\/(\.\.?)(?=\/|$)/g, '/x')}?${asked}`, init)
          const text = await response.text()
          expect([filled, response.status, text]).not.toEqual([filled, 500, text])
          if (response.status !== 400) return
          const told = JSON.parse(text)
          const isExplained =
            Array.isArray(told.problems) || Array.isArray(told.errors) || typeof told.code === 'string' || typeof told.message === 'string'
          expect([filled, isExplained]).toEqual([filled, true])
        },
      ),
      { numRuns: 15, ...replay },
    )
  }
  expect(server.told).toEqual([])
}, 60_000)
