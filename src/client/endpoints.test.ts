import { describe, expect, test } from 'vitest'
import type { WeftError } from '#domain/errors.ts'
import { apiOf, type Host, json, netOf, PROJECT, pointOf, refused } from './api.test-world.ts'
import { createClient } from './client.ts'

/** Several endpoints of one api. */

const truth = await pointOf(15)
const honest = apiOf([truth])
const noJson = apiOf([await pointOf(15, { text: '{"price":' })])
const bottomless = apiOf([await pointOf(15, { text: '['.repeat(1e5) })])
const behind = apiOf([await pointOf(14)])
const wrong = apiOf([await pointOf(15, { text: '{"price":1.0}' })])

function clientOf(hosts: Record<string, Host>, options: { readonly agree?: number } = {}) {
  const net = netOf(hosts)
  const problems: WeftError[] = []
  const client = createClient({
    api: ['http://a', 'http://b', 'http://c'],
    fetch: net.fetch,
    onProblem: (problem) => problems.push(problem),
    ...options,
  })
  return { latest: () => client.project(PROJECT).latest(), client, problems, hosts: () => net.asked.map((asked) => asked.split('/')[0]) }
}

describe('where one endpoint does not answer', () => {
  test.each<[string, Host]>([
    [
      'is gone',
      () => {
        throw new TypeError('fetch failed')
      },
    ],
    ['fails', () => refused(500, 'REQUEST_FAILED')],
    ['is asked too much', () => refused(429, 'QUEUE_FULL')],
    ['wants a key', () => refused(401, 'TOKEN_WRONG')],
    ['answers something else', () => new Response('<html>')],
    ['breaks off', () => new Response('{"projectId"')],
    ['holds a snapshot that is no JSON', noJson],
    ['holds a snapshot without a bottom', bottomless],
    ['holds a time that is none', () => json({ ...truth, finalizedAt: 'soon' })],
    ['holds votes that are none', () => json({ ...truth, votes: { winning: 3 } })],
    ['holds a reason that is none', () => json({ ...truth, reason: { code: 'not_read', message: [] } })],
    ['holds neighbours that are none', () => json({ ...truth, reason: { code: 'project_unknown', message: '', nearest: 'a' } })],
  ])('because it %s, the next one does, and is preferred from then on', async (_, broken) => {
    const { latest, hosts, problems } = clientOf({ a: broken, b: honest })
    expect((await latest()).epochId).toBe(15)
    expect((await latest()).epochId).toBe(15)
    expect(hosts()).toEqual(['a', 'b', 'b'])
    expect(problems).toMatchObject([{ code: 'API_FAILED' }])
  })

  test('and no other does, the last failure is told', async () => {
    const { latest, hosts } = clientOf({ a: () => refused(503, 'DAYS_NOT_READ') })
    await expect(latest()).rejects.toMatchObject({ code: 'API_FAILED', facts: { detail: 'connect ECONNREFUSED c' } })
    expect(hosts()).toEqual(['a', 'b', 'c'])
  })

  test('but refuses the question, no other is asked', async () => {
    const { latest, hosts } = clientOf({ a: () => refused(400, 'REQUEST_INVALID'), b: honest })
    await expect(latest()).rejects.toMatchObject({ code: 'API_REFUSED' })
    expect(hosts()).toEqual(['a'])
  })
})

describe('where one endpoint does not hold the epoch', () => {
  const lacking = (code: 'epoch_forgotten' | 'not_indexed' | 'not_batched'): Host =>
    apiOf([{ projectId: PROJECT, epochId: 15, status: 'absent', reason: { code, message: `${code}.` } }])
  const at = (hosts: Record<string, Host>) => {
    const { client, ...rest } = clientOf(hosts)
    return { at: () => client.project(PROJECT).at(15), ...rest }
  }

  test.each(['epoch_forgotten', 'not_indexed'] as const)('as %s, the next one is asked, which may', async (code) => {
    const asked = at({ a: lacking(code), b: honest })
    expect(await asked.at()).toMatchObject({ status: 'finalized' })
    expect(asked.hosts()).toEqual(['a', 'b'])
    expect(asked.problems).toEqual([])
  })

  test('and no other does, the first answer is told, and who failed beside it', async () => {
    const asked = at({ a: lacking('epoch_forgotten'), b: lacking('not_indexed') })
    expect(await asked.at()).toMatchObject({ status: 'absent', reason: { code: 'epoch_forgotten' } })
    expect(asked.hosts()).toEqual(['a', 'b', 'c'])
    expect(asked.problems).toMatchObject([{ code: 'API_FAILED' }])
  })

  test('and another lies about it, the lie is not taken', async () => {
    const asked = at({ a: lacking('not_indexed'), b: apiOf([{ ...truth, projectId: 'other:weft' }]), c: lacking('epoch_forgotten') })
    expect(await asked.at()).toMatchObject({ status: 'absent', reason: { code: 'not_indexed' } })
    expect(asked.problems).toMatchObject([{ code: 'VERIFICATION_FAILED', facts: { endpoint: 'http://b' } }])
  })

  test('any other reason is an answer', async () => {
    const asked = at({ a: lacking('not_batched'), b: honest })
    expect(await asked.at()).toMatchObject({ status: 'absent', reason: { code: 'not_batched' } })
    expect(asked.hosts()).toEqual(['a'])
  })
})

describe('where several must say the same', () => {
  test('what they agree upon is told, and who says otherwise named', async () => {
    const { latest, problems } = clientOf({ a: wrong, b: honest, c: honest }, { agree: 2 })
    expect((await latest()).value).toMatchObject({ epochId: 15n })
    expect(problems).toMatchObject([{ code: 'VERIFICATION_FAILED', facts: { step: 'agreement', endpoint: 'http://a' } }])
  })

  test('one that is gone does not hurt where enough are left', async () => {
    const { latest, problems } = clientOf({ a: honest, b: honest }, { agree: 2 })
    expect((await latest()).epochId).toBe(15)
    expect(problems).toMatchObject([{ code: 'API_FAILED' }])
  })

  test('too few are no answer: each is told with what it said', async () => {
    const { latest } = clientOf({ a: wrong, b: honest }, { agree: 2 })
    await expect(latest()).rejects.toMatchObject({
      code: 'ENDPOINTS_DISAGREE',
      facts: {
        agreeing: 1,
        needed: 2,
        about: expect.stringMatching(/http:\/\/a: .*bafkreife4p.*; http:\/\/b: .*; http:\/\/c: API_FAILED$/),
      },
    })
  })

  const notYet = apiOf([{ projectId: PROJECT, epochId: 15, status: 'absent', reason: { code: 'epoch_open', message: 'Open.' } }])
  const unfetched = apiOf([{ ...truth, text: undefined, reason: { code: 'unavailable', message: 'On its way.' } }])

  test('one that is behind is told as that, and not as one that contradicts', async () => {
    const { latest, problems } = clientOf({ a: behind, b: honest, c: honest }, { agree: 2 })
    expect((await latest()).epochId).toBe(15)
    expect(problems).toMatchObject([{ code: 'ENDPOINT_APART', kind: 'transient', facts: { endpoint: 'http://a' } }])
  })

  test.each<[string, Host]>([
    ['an older epoch', behind],
    ['a point without its bytes', unfetched],
  ])('too few that are equally far, of which one has %s, is a reason to ask again and no contradiction', async (_, slow) => {
    const { latest } = clientOf({ a: honest, b: slow }, { agree: 2 })
    await expect(latest()).rejects.toMatchObject({ code: 'ENDPOINT_APART', facts: { endpoint: 'http://b' } })
  })

  test('nor is it one where the epoch is open yet for one of them, or a range ends sooner', async () => {
    const { client } = clientOf({ a: notYet, b: honest }, { agree: 2 })
    await expect(client.project(PROJECT).at(15)).rejects.toMatchObject({ code: 'ENDPOINT_APART', facts: { endpoint: 'http://a' } })
    const { client: other } = clientOf({ a: behind, b: apiOf([await pointOf(14), truth]) }, { agree: 2 })
    const range = Array.fromAsync(other.project(PROJECT).range())
    await expect(range).rejects.toMatchObject({ code: 'ENDPOINT_APART', facts: { endpoint: 'http://a' } })
  })

  test('but what is said to be absent for good contradicts whoever has it, and one liar those who are behind do not hide', async () => {
    const never: Host = apiOf([{ projectId: PROJECT, epochId: 15, status: 'absent', reason: { code: 'not_batched', message: 'Over.' } }])
    const { client } = clientOf({ a: never, b: honest }, { agree: 2 })
    await expect(client.project(PROJECT).at(15)).rejects.toMatchObject({ code: 'ENDPOINTS_DISAGREE' })
    await expect(clientOf({ a: wrong, b: honest, c: behind }, { agree: 2 }).latest()).rejects.toMatchObject({ code: 'ENDPOINTS_DISAGREE' })
  })

  test('what is asked of any route is compared, but not what each says of itself', async () => {
    const status = (points: number) => ({
      version: '1',
      anchorChainId: 1,
      protocolState: '0x1',
      dataMarket: '0x2',
      epochs: 5,
      projects: 1,
      points,
      unavailable: 0,
    })
    const of = (points: number) =>
      apiOf([], { status: status(points), validators: { items: [{ validator: '0x3', attested: points, late: 0, batches: 9 }] } })
    const { client } = clientOf({ a: of(1), b: of(2), c: of(3) }, { agree: 2 })
    expect(await client.status()).toEqual(status(1))
    await expect(client.validators()).rejects.toMatchObject({ code: 'ENDPOINTS_DISAGREE' })
  })
})
