import { WeftError } from '#domain/errors.ts'
import type { Address, Hash } from '#domain/ids.ts'
import type { IntentJournal } from '#io/chain/port.ts'
import type { Signed } from './transaction.ts'

/**
 * Intents kept after they are settled, so that asking again finds them. Older ones, by nonce, are forgotten: by then the contract
 * itself refuses a repetition (E22, E25, E39, E40).
 */
const INTENTS_KEPT_MAX = 512

/** A call that is meant to happen once: its nonce, and every transaction signed for it. At most one of them can be mined, for they share the nonce. */
export interface JournalledIntent {
  readonly intentId: string
  /** What is called or created, for whoever reads the journal. */
  readonly kind: string
  readonly nonce: number
  /** In the order of signing: each replaces the one before. */
  readonly hashes: readonly Hash[]
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/**
 * The intents of one account in a journal: `intent/<address>/<intentId>`, and what was signed for them, which may be a hundred
 * kilobytes each and is seldom read, under `signed/<hash>`.
 */
export function createIntents(journal: IntentJournal, address: Address) {
  const prefix = `intent/${address}/`
  const signedKey = (hash: Hash): string => `signed/${hash}`

  function parse(intentId: string, value: Uint8Array): JournalledIntent {
    try {
      return { intentId, ...(JSON.parse(decoder.decode(value)) as Omit<JournalledIntent, 'intentId'>) }
    } catch (cause) {
      throw new WeftError('STORE_CORRUPT', { path: `${prefix}${intentId}`, doing: 'reading an intent' }, cause)
    }
  }
  /** All of them, by nonce. */
  function all(): JournalledIntent[] {
    const intents = journal.scan(prefix).map(({ key, value }) => parse(key.slice(prefix.length), value))
    return intents.sort((left, right) => left.nonce - right.nonce)
  }

  return {
    all,
    get(intentId: string): JournalledIntent | undefined {
      const value = journal.get(prefix + intentId)
      return value && parse(intentId, value)
    },
    hasSigned: (hash: Hash): boolean => journal.get(signedKey(hash)) !== undefined,
    /** What was signed under this hash, ready to broadcast. */
    raw(hash: Hash): `0x${string}` {
      const value = journal.get(signedKey(hash))
      if (value === undefined) throw new WeftError('STORE_CORRUPT', { path: signedKey(hash), doing: 'reading a signed transaction' })
      return `0x${value.toHex()}`
    },
    /** Adds `signed` to the intent. Durable when it resolves; only then may it be broadcast. `minedCount`: nonces below it are used up. */
    async put({ intentId, ...intent }: JournalledIntent, { raw, hash }: Signed, minedCount: number): Promise<void> {
      const settled = all().filter((old) => old.nonce < minedCount && old.intentId !== intentId)
      const forgotten = settled.slice(0, Math.max(0, settled.length - INTENTS_KEPT_MAX))
      await journal.commit([
        ...forgotten.flatMap((old) => [{ key: prefix + old.intentId }, ...old.hashes.map((gone) => ({ key: signedKey(gone) }))]),
        { key: signedKey(hash), value: Uint8Array.fromHex(raw.slice(2)) },
        { key: prefix + intentId, value: encoder.encode(JSON.stringify({ ...intent, hashes: [...intent.hashes, hash] })) },
      ])
    },
  }
}
export type Intents = ReturnType<typeof createIntents>
