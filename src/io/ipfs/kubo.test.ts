import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Cid } from '#domain/ids.ts'
import { type FakeKubo, serveKubo } from './kubo.test-server.ts'
import { kuboPlace } from './kubo.ts'
import { describePlace } from './suite/place.ts'

/** Of what Kubo's reference says; with `IPFS_API_URL` also on the Kubo that answers there, which keeps what some tests pin: a few hundred kB. */

describePlace('a Kubo node, as its reference describes it', {
  async open() {
    const kubo = await serveKubo()
    return {
      adapter: kuboPlace({ url: kubo.url }),
      holds: async (cid: Cid) => kubo.pins.has(cid) && kubo.blocks.has(cid),
      lie: kubo.lie,
      close: kubo.close,
    }
  },
  lies: {
    'is broken': 'PLACE_FAILED',
    hangs: 'PLACE_FAILED',
    'sends elsewhere': 'PLACE_FAILED',
    'never ends an answer': 'PLACE_FAILED',
    'says nonsense': 'IPFS_CONTENT_WRONG',
    'calls it otherwise': 'IPFS_CONTENT_WRONG',
    'keeps other bytes': 'IPFS_CONTENT_WRONG',
    'loses a block': 'IPFS_NOT_FOUND',
    'does not pin': 'PLACE_FAILED',
    'cannot pin': 'PLACE_FAILED',
  },
})

const realUrl = process.env.IPFS_API_URL
if (realUrl !== undefined) {
  describePlace(`the Kubo at ${realUrl}`, {
    async open() {
      let url = realUrl
      return {
        adapter: {
          ...kuboPlace({ url: realUrl }),
          put: (...args) => kuboPlace({ url }).put(...args),
          remove: (...args) => kuboPlace({ url }).remove(...args),
        },
        async holds(cid: Cid) {
          return (await fetch(`${realUrl}/api/v0/pin/ls?arg=${cid}&type=recursive`, { method: 'POST' })).ok
        },
        lie(how) {
          url = how === undefined ? realUrl : 'http://127.0.0.1:1'
        },
        close: async () => undefined,
      }
    },
    lies: { 'is away': 'PLACE_FAILED' },
  })
}

let kubo: FakeKubo
beforeEach(async () => {
  kubo = await serveKubo()
})
afterEach(() => kubo.close())

test('what is refused names both CIDs, and an address without its secrets', async () => {
  const { createSourceNode } = await import('./suite/place.ts')
  const { openPlace } = await import('./place.ts')
  const { createFakeStore } = await import('#io/store/fake.ts')
  const source = createSourceNode()
  const cid = await source.add(new TextEncoder().encode('mine'))
  const place = openPlace(kuboPlace({ url: `${kubo.url}/` }), { store: createFakeStore(), blocks: source })
  kubo.lie('calls it otherwise')
  await expect(place.pin(cid, undefined, new AbortController().signal)).rejects.toMatchObject({
    facts: { cid, got: 'bafkreicecnx2gvntm6fbcrvnc336qze6st5u7qq7457igegamd3bzkx7ri' },
  })
  expect(place.name).toBe(`kubo:${new URL(kubo.url).host}`)
})
