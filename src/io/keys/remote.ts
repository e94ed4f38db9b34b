import { type ClientRequest, request as overHttp, Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent, request as overHttps } from 'node:https'
import { WeftError } from '#domain/errors.ts'
import type { Address } from '#domain/ids.ts'
import { parseSignature } from '#wire/eip712.ts'
import { keccak256 } from '#wire/keccak.ts'
import type { Signer } from './port.ts'
import { addressOf, recoverer } from './secp256k1.ts'
import { publicKeyIn } from './signer-url.ts'

/**
 * A key that another machine has, asked for over HTTP as Web3Signer offers it for eth1 keys: `POST …/api/v1/eth1/sign/PUBLICKEY` with
 * `{"data":"0x…"}`, whose keccak256 it signs; it answers r, s and v in hex. What it answers is believed only when it is a signature of the
 * account over what was asked.
 */

export interface RemoteSignerOptions {
  /** Ends in the public key: that of `addressInUrl`. */
  readonly url: string
  /** For one signature. */
  readonly timeoutMs: number
  /** Certificates in PEM that vouch for the signer, instead of those of the system. */
  readonly ca?: string | undefined
  /** Certificate and key in PEM by which the signer knows us. */
  readonly client?: string | undefined
}

/** A signature has 132 characters. */
const ANSWER_BYTES_MAX = 1_024
/** Signatures asked for at once; what comes beyond waits for one of them. A signer makes some thousands a second, or with a module in hardware some ten. */
const REQUESTS_AT_ONCE_MAX = 32

/** The account of the public key with which the URL ends: 128 hex digits, `0x` or not. `undefined` where it ends in none. */
export function addressInUrl(url: string): Address | undefined {
  const digits = publicKeyIn(url)
  return digits === undefined ? undefined : addressOf(Uint8Array.fromHex(digits))
}

/** Throws `SIGNER_FAILED` for a URL without a key; nobody is asked before the first signature. */
export function createRemoteSigner({ url, timeoutMs, ca, client }: RemoteSignerOptions): Signer {
  const { origin, protocol } = new URL(url)
  const address = addressInUrl(url)
  if (address === undefined)
    throw new WeftError('SIGNER_FAILED', { signer: origin, account: 'unknown', detail: 'its URL ends in no public key' })
  const about = { signer: origin, account: address }
  const failed = (detail: string, cause?: unknown) => new WeftError('SIGNER_FAILED', { ...about, detail }, cause)
  const pool = { keepAlive: true, maxSockets: REQUESTS_AT_ONCE_MAX }
  const options =
    protocol === 'https:'
      ? { agent: new HttpsAgent({ ...pool, ...(ca && { ca }), ...(client && { cert: client, key: client }) }) }
      : { agent: new HttpAgent(pool) }
  const headers = { 'content-type': 'application/json', accept: 'text/plain' }
  const open = (signal: AbortSignal): ClientRequest =>
    (protocol === 'https:' ? overHttps : overHttp)(url, { ...options, method: 'POST', headers, signal })

  async function ask(body: string): Promise<string> {
    // The signer may close a connection that was kept at the moment at which it is used again: that says nothing of the signer.
    for (let isLast = false; ; isLast = true) {
      const asked = open(AbortSignal.timeout(timeoutMs))
      try {
        return await answerTo(asked, body)
      } catch (failure) {
        if (isLast || !asked.reusedSocket || !isReset(failure)) throw failed(detailOf(failure, timeoutMs), failure)
      }
    }
  }

  return {
    address,
    async signHashOf(bytes) {
      const text = await ask(JSON.stringify({ data: `0x${bytes.toHex()}` }))
      const signature = parseSignature(text.trim())
      // S in the upper half among them: nobody may send such a one.
      if (signature === undefined) throw failed('it answered something else than a signature')
      const by = recoverer.recover(keccak256(bytes), signature)
      if (by !== address) throw new WeftError('SIGNER_LIED', { ...about, by: by ?? 'nobody' })
      return `${signature.subarray(0, 64).toHex()}${(27 + Number(signature[64])).toString(16)}`
    },
  }
}

/** What it answered, if it did as asked. */
async function answerTo(asked: ClientRequest, body: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  asked.on('error', reject)
  asked.on('response', (response) => {
    const { statusCode } = response
    let text = ''
    response.setEncoding('utf8')
    response.on('error', reject)
    response.on('data', (part: string) => {
      text += part
      if (text.length > ANSWER_BYTES_MAX) asked.destroy(new Refusal(`it answered more than ${ANSWER_BYTES_MAX} bytes`))
    })
    response.on('end', () => {
      if (statusCode === 200) resolve(text)
      else reject(new Refusal(`HTTP ${statusCode}${statusCode === 404 ? ': it has no such key' : ''}`))
    })
  })
  asked.end(body)
  return promise
}

/** In our own words: those of others may repeat what they were sent. */
class Refusal extends Error {}

const codeOf = (failure: unknown): string => String((failure as { readonly code?: unknown }).code ?? '')

const isReset = (failure: unknown): boolean => ['ECONNRESET', 'EPIPE'].includes(codeOf(failure))

function detailOf(failure: unknown, timeoutMs: number): string {
  if (failure instanceof Refusal) return failure.message
  const { name } = failure as Error
  if (name === 'AbortError' || name === 'TimeoutError') return `no answer within ${timeoutMs} ms`
  const code = codeOf(failure)
  return /^[A-Z0-9_]+$/.test(code) ? code : name
}
