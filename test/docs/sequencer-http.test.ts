import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Secret } from '#domain/secret.ts'
import { type HttpServer, serveHttp } from '#io/http/server.ts'
import { sequencerPages, sequencerRoutes } from '#roles/sequencer/http/routes.ts'
import { open, PROJECTS, sealed, vote, type World } from '#roles/sequencer/sequencer.test-world.ts'
import { SEQUENCER_API } from '#wire/sequencer-api.ts'
import { commandsOf, curl } from './curl.ts'

/** docs/SEQUENCER-HTTP.md, done: every curl of the page, against a sequencer that has sealed an epoch. */

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/SEQUENCER-HTTP.md'), 'utf8')
const COMMANDS = commandsOf(PAGE)
const TOKEN = 'a-token-of-24-characters'

const variables = new Map<string, string>([['TOKEN', TOKEN]])
let world: World
let server: HttpServer

const ask = (line: string): Promise<Response> => curl(line, Object.fromEntries(variables))

beforeAll(async () => {
  world = await open({ minVotes: 2 })
  await world.release()
  for (const slotId of [1, 2, 3]) await vote(world, slotId, 0)
  await vote(world, 4, 1)
  await vote(world, 1, 2)
  await vote(world, 1, 1, 1)
  await sealed(world)
  const routes = sequencerRoutes({ sequencer: world.sequencer, store: world.store, chain: world.chain })
  server = await serveHttp(
    { listen: '127.0.0.1:0', token: new Secret(TOKEN), isPostEnveloped: true, routes, pages: sequencerPages() },
    { nowMs: () => 0, report: (event, facts) => expect.fail(`${event} ${JSON.stringify(facts)}`) },
  )
  variables
    .set('URL', server.url)
    .set('MARKET', world.chain.dataMarket)
    .set('PROJECT', PROJECTS[0] ?? '')
  const first = await ask('curl -H "Authorization: Bearer $TOKEN" $URL/v1/epochs/1/submissions')
  variables.set('ID', ((await first.json()) as { items: { submissionId: string }[] }).items[0]?.submissionId ?? '')
})
afterAll(async () => {
  await server.stop()
  await world.stop()
})

describe('the page', () => {
  test('names every route', () => {
    for (const { path } of Object.values(SEQUENCER_API)) {
      const form = path.split(/\{\w+\}/).map((part) => part.replaceAll('/', '\\/'))
      expect(PAGE).toMatch(new RegExp(form.join('(1|\\$[A-Z]+|\\{\\w+\\})')))
    }
  })

  test.each(COMMANDS)('%s', async (line) => {
    const response = await ask(line)
    const answer = (await response.json()) as { info?: { success: boolean; response: unknown }; items?: unknown[] }
    expect(response.status).toBe(200)
    if (line.includes('POST')) expect(answer).toMatchObject({ info: { success: true, response: expect.anything() } })
    if (/submissions\?|projects\?|discarded$|evidence$/.test(line.replace("'", ''))) expect(answer.items).not.toEqual([])
  })

  test('says what is answered without a token', async () => {
    expect((await ask('curl $URL/v1/epochs')).status).toBe(401)
    expect((await ask('curl $URL/swagger')).status).toBe(200)
  })
})
