import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { blockOf } from '#domain/address-block.ts'
import { createAddressBuckets } from '#domain/address-limits.ts'
import { type BucketLimits, type Buckets, createBuckets } from '#domain/buckets.ts'
import { WeftError } from '#domain/errors.ts'
import type { Secret } from '#domain/secret.ts'

/** Who asks: the holder of a key, or whoever is at an address. */

export interface Caller {
  /** The name under which it is counted. */
  readonly name: string
  /** Counts what it asked as so many questions more. */
  charge(questions: number): void
}

export interface Callers {
  /** Throws `QUEUE_FULL` when it asks more often than it may, `TOKEN_WRONG` for a key that is none. */
  admit(request: IncomingMessage): Caller
}

interface CallersOptions {
  readonly keys: readonly { readonly name: string; readonly key: Secret<string> }[]
  readonly perAddress: BucketLimits
  readonly perKey: BucketLimits
}

export function createCallers({ keys, perAddress, perKey }: CallersOptions, nowMs: () => number): Callers {
  const addresses = createLine(perAddress, createAddressBuckets(perAddress, nowMs))
  const holders = createLine(perKey, createBuckets(perKey, nowMs))
  // By hash: how long a look-up takes says nothing about a key.
  const names = new Map(keys.map(({ name, key }) => [hashOf(key.reveal()).toString('hex'), name]))
  return {
    admit(request) {
      const address = blockOf(request.socket.remoteAddress ?? '')
      const given = keys.length === 0 ? undefined : keyOf(request)
      const name = given === undefined ? undefined : names.get(hashOf(given).toString('hex'))
      if (name === undefined) {
        addresses.ask(address, `questions of ${address}`)
        // Not before: who guesses keys asks, too.
        if (given !== undefined) throw new WeftError('TOKEN_WRONG', { path: (request.url ?? '').slice(0, 80) })
        return { name: address, charge: (questions) => addresses.charge(address, questions) }
      }
      holders.ask(name, `questions with the key ${name}`)
      return { name: `the key ${name}`, charge: (questions) => holders.charge(name, questions) }
    },
  }
}

/** The buckets of those who ask. `ask` throws `QUEUE_FULL`, which says for how long. */
function createLine(limits: BucketLimits, buckets: Buckets) {
  return {
    charge: buckets.charge,
    ask(holder: string, queue: string): void {
      if (!buckets.take(holder, 1))
        throw new WeftError('QUEUE_FULL', { queue, lengthMax: limits.tokensMax, waitMs: buckets.waitMs(holder, 1) })
    },
  }
}

export const bearerOf = ({ headers }: IncomingMessage): string | undefined => /^Bearer (.*)$/.exec(headers.authorization ?? '')?.[1]

/** Deployed clients have it in a header of their own. */
function keyOf(request: IncomingMessage): string | undefined {
  const own = request.headers['x-api-key']
  return bearerOf(request) ?? (typeof own === 'string' ? own : undefined)
}

const hashOf = (text: string): Buffer => createHash('sha256').update(text).digest()

/** In a time that says nothing about the token, its length included. */
export function isSame(given: unknown, token: Secret<string>): boolean {
  return timingSafeEqual(hashOf(typeof given === 'string' ? given : ''), hashOf(token.reveal())) && typeof given === 'string'
}
