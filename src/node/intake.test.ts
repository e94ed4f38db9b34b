import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Secret } from '#domain/secret.ts'
import type { EpochId } from '#domain/ids.ts'
import { intakesOf } from './intake.ts'

/** A sequencer's HTTP as it answers about epochs, well and badly. */

const ANSWERS: Readonly<Record<string, unknown>> = {
  1: { epochId: 1, accepted: 7, rejected: { window_closed: 2, 'a code\n': 1, slot_unknown: -1 }, closedBlock: 9 },
  2: { epochId: 2, accepted: 3, rejected: {} },
  3: { status: 'error', code: 'EPOCH_NOT_KEPT', message: 'no' },
  4: { accepted: 'many', rejected: {} },
}
const server = createServer(({ url = '', headers }, response) => {
  const isMeant = headers.authorization === 'Bearer a-token-of-some-length'
  response.end(JSON.stringify(isMeant ? ANSWERS[url.split('/').at(-1) ?? ''] : { status: 'error', code: 'TOKEN_WRONG', message: 'wrong' }))
})
beforeAll(() => once(server.listen(0, '127.0.0.1'), 'listening'))
afterAll(() => {
  server.close()
})

const asked = (epochId: number, token = 'a-token-of-some-length') =>
  intakesOf({
    sequencerHttp: [`http://127.0.0.1:${(server.address() as AddressInfo).port}/`],
    sequencerToken: new Secret(token),
  })[0]?.(epochId as EpochId)

test('what it took and refused is told, without what is no code or no count', async () => {
  expect(await asked(1)).toEqual({ accepted: 7, refused: { window_closed: 2 }, isClosed: true })
  expect(await asked(2)).toEqual({ accepted: 3, refused: {}, isClosed: false })
  expect(await asked(3)).toBeUndefined()
})

test('one that says something else, or wants another token, is as good as silent', async () => {
  await expect(asked(4)).rejects.toMatchObject({ code: 'LINK_FAILED' })
  await expect(asked(1, 'another-token-of-length')).rejects.toMatchObject({ code: 'LINK_FAILED', facts: { detail: 'wrong' } })
})
