import { afterEach, describe, expect, test } from 'vitest'
import { CERTIFICATE, KEY as CERTIFICATE_KEY } from '#io/http/self-signed.test-world.ts'
import { addressInUrl, createRemoteSigner, type RemoteSignerOptions } from './remote.ts'
import { createSigner, parsePrivateKey } from './secp256k1.ts'
import { testSigner } from './suite.ts'
import { type Lie, serveWeb3Signer, type Web3Signer } from './web3signer.test-server.ts'

const KEY = parsePrivateKey('11'.repeat(32))
const OTHER = parsePrivateKey('22'.repeat(32))
const TLS = { cert: CERTIFICATE, key: CERTIFICATE_KEY }
const BYTES = new Uint8Array([1, 2, 3])
const { address } = createSigner(KEY)

testSigner('key of this process', async (key) => ({ signer: createSigner(key) }))
testSigner('remote, over HTTP', async (key) => {
  const server = await serveWeb3Signer([key])
  return { signer: createRemoteSigner({ url: server.urlOf(key), timeoutMs: 20_000 }), stop: server.stop }
})
testSigner('remote, over HTTPS', async (key) => {
  const server = await serveWeb3Signer([key], TLS)
  return { signer: createRemoteSigner({ url: server.urlOf(key), timeoutMs: 20_000, ca: CERTIFICATE }), stop: server.stop }
})

let server: Web3Signer | undefined
afterEach(() => server?.stop())

async function remote(options: Partial<RemoteSignerOptions> = {}, tls?: Parameters<typeof serveWeb3Signer>[1]) {
  const there = await serveWeb3Signer([KEY, OTHER], tls)
  server = there
  return { there, signer: createRemoteSigner({ url: there.urlOf(KEY), timeoutMs: 20_000, ...options }) }
}

describe('a remote signer', () => {
  test.each<[Lie, string]>([
    ['signs with another key', createSigner(OTHER).address],
    ['signs something else', expect.stringMatching(/^(0x[0-9a-f]{40}|nobody)$/)],
  ])('that %s is refused: nothing of it comes back', async (lie, by) => {
    const { there, signer } = await remote()
    there.lie(lie)
    await expect(signer.signHashOf(BYTES)).rejects.toMatchObject({
      code: 'SIGNER_LIED',
      kind: 'transient',
      facts: { account: address, by },
    })
    there.lie()
    await signer.signHashOf(BYTES)
  })

  test.each<[Lie, string]>([
    ['signs in the upper half', 'it answered something else than a signature'],
    ['answers no signature', 'it answered something else than a signature'],
    ['never ends an answer', 'it answered more than 1024 bytes'],
    ['sends elsewhere', 'HTTP 302'],
    ['fails', 'HTTP 500'],
    ['hangs', 'no answer within 60 ms'],
  ])('that %s is told as that, and asked again', async (lie, detail) => {
    const { there, signer } = await remote(lie === 'hangs' ? { timeoutMs: 60 } : {})
    there.lie(lie)
    await expect(signer.signHashOf(BYTES)).rejects.toMatchObject({ code: 'SIGNER_FAILED', kind: 'transient', facts: { detail } })
  })

  test('that has no such key, or is not there, says so; the key itself is in no message', async () => {
    const { there } = await remote()
    const stranger = parsePrivateKey('33'.repeat(32))
    const none = createRemoteSigner({ url: there.urlOf(stranger), timeoutMs: 20_000 })
    await expect(none.signHashOf(BYTES)).rejects.toMatchObject({
      facts: { detail: 'HTTP 404: it has no such key', account: createSigner(stranger).address },
    })
    const gone = createRemoteSigner({ url: there.urlOf(KEY).replace(/:\d+/, ':1'), timeoutMs: 20_000 })
    await expect(gone.signHashOf(BYTES)).rejects.toMatchObject({ facts: { signer: 'http://127.0.0.1:1', detail: 'ECONNREFUSED' } })
  })

  test('whose certificate nobody vouches for is not asked', async () => {
    const { there, signer } = await remote({}, TLS)
    await expect(signer.signHashOf(BYTES)).rejects.toMatchObject({ facts: { detail: 'DEPTH_ZERO_SELF_SIGNED_CERT' } })
    expect(there.seen.bodies).toEqual([])
  })

  test('that serves only whom it knows knows us by our certificate', async () => {
    const mutual = { ...TLS, clientCa: CERTIFICATE }
    const { there, signer } = await remote({ ca: CERTIFICATE, client: `${CERTIFICATE}\n${CERTIFICATE_KEY}` }, mutual)
    await signer.signHashOf(BYTES)
    const unknown = createRemoteSigner({ url: there.urlOf(KEY), timeoutMs: 20_000, ca: CERTIFICATE })
    await expect(unknown.signHashOf(BYTES)).rejects.toMatchObject({ code: 'SIGNER_FAILED' })
    expect(there.seen.bodies).toHaveLength(1)
  })

  test('that closes a connection which was kept is asked over another, at once', async () => {
    const { there, signer } = await remote()
    await signer.signHashOf(BYTES)
    there.lie('closes what was kept')
    await signer.signHashOf(BYTES)
    expect(there.seen.bodies).toHaveLength(2)
  })

  test('is asked for 32 signatures at once, and no more', async () => {
    const { there, signer } = await remote()
    const { full, release } = there.hold(32)
    const signing = Promise.all(Array.from({ length: 100 }, (_, index) => signer.signHashOf(new Uint8Array([index]))))
    await full
    release()
    expect(await signing).toHaveLength(100)
    expect([there.seen.connections, there.seen.bodies.length]).toEqual([32, 100])
  })

  test('is sent what is to be hashed, in the form of Web3Signer', async () => {
    const { there, signer } = await remote()
    await signer.signHashOf(BYTES)
    expect(there.seen.bodies).toEqual(['{"data":"0x010203"}'])
  })
})

test('the account is that of the public key with which the URL ends', () => {
  const digits =
    '4f355bdcb7cc0af728ef3cceb9615d90684bb5b2ca5f859ab0f0b704075871aa385b6b1b8ead809ca67454d9683fcf2ba03456d6fe2c4abe2b07f0fbdbb2f1c1'
  expect(addressInUrl(`https://signer:9000/api/v1/eth1/sign/0x${digits}`)).toBe(address)
  expect(addressInUrl(`https://signer/of/ours/${digits.toUpperCase()}`)).toBe(address)
  for (const path of ['', '/0x12', `/0x${digits}ab`, `/x${digits}`, `/${digits}/`])
    expect(addressInUrl(`https://signer${path}`)).toBeUndefined()
})
