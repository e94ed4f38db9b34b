import { WeftError } from '#domain/errors.ts'
import type { Hash } from '#domain/ids.ts'
import { isRecord } from '#wire/untrusted.ts'
import type { Http } from './http.ts'

/** What all trust ends in: the hash of one block of the anchor chain, as several RPC endpoints name it. */
export interface Blocks {
  /** Throws `ENDPOINTS_DISAGREE`. */
  hashOf(blockNumber: number): Promise<Hash>
}

export interface BlocksOptions {
  readonly urls: readonly string[]
  /** So many must name the same hash. */
  readonly agree: number
}

/** `report` is told of each endpoint that names another hash than the one agreed upon, or none. */
export function createBlocks(
  { urls, agree }: BlocksOptions,
  { http, report }: { readonly http: Http; readonly report: (failure: WeftError) => void },
): Blocks {
  async function askOne(endpoint: string, blockNumber: number): Promise<string> {
    try {
      const block = await http.call(endpoint, 'eth_getBlockByNumber', [`0x${blockNumber.toString(16)}`, false])
      const hash = isRecord(block) ? block['hash'] : undefined
      return typeof hash === 'string' && /^0x[0-9a-f]{64}$/i.test(hash) ? hash.toLowerCase() : 'no such block'
    } catch (failure) {
      return String((failure as WeftError<'API_FAILED'>).facts.detail)
    }
  }

  async function agreedUpon(blockNumber: number): Promise<Hash> {
    const answers = await Promise.all(urls.map(async (endpoint) => ({ endpoint, said: await askOne(endpoint, blockNumber) })))
    const timesSaid = (hash: string) => answers.filter(({ said }) => said === hash).length
    const hashes = answers.map(({ said }) => said).filter((said) => said.startsWith('0x'))
    const agreed = hashes.sort((left, right) => timesSaid(right) - timesSaid(left))[0]
    if (agreed === undefined || timesSaid(agreed) < agree) {
      const said = answers.map(({ endpoint, said }) => `${endpoint}: ${said}`)
      throw new WeftError('ENDPOINTS_DISAGREE', {
        about: `block ${blockNumber}: ${said.join('; ')}`,
        agreeing: agreed === undefined ? 0 : timesSaid(agreed),
        needed: agree,
      })
    }
    for (const { endpoint, said } of answers)
      if (said !== agreed) report(new WeftError('VERIFICATION_FAILED', { step: 'block', expected: agreed, got: said, endpoint }))
    return agreed as Hash
  }

  /** Proofs that are made at once are of one block. What was answered is not kept: a block may be replaced. */
  const asking = new Map<number, Promise<Hash>>()
  return {
    hashOf(blockNumber) {
      const hash = asking.get(blockNumber) ?? agreedUpon(blockNumber).finally(() => asking.delete(blockNumber))
      asking.set(blockNumber, hash)
      return hash
    },
  }
}
