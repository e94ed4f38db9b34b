import { WeftError } from '#domain/errors.ts'
import type { Address } from '#domain/ids.ts'
import type { IntentJournal, ProtocolCall } from './port.ts'
import type { Signed } from './transaction.ts'

/**
 * Intents kept after they are settled, so that asking again finds them. Older ones, by nonce, are forgotten: by then the contract
 * itself refuses a repetition (E22, E25, E39, E40).
 */
const INTENTS_KEPT_MAX = 512

/** A call that is meant to happen once: its nonce, and every transaction signed for it. At most one of them can be mined, for they share the nonce. */
export interface Intent {
  readonly intentId: string
  readonly kind: ProtocolCall['kind']
  readonly nonce: number
  /** In the order of signing: each replaces the one before. */
  readonly signed: readonly Signed[]
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** The intents of one account in a journal, under `intent/<address>/`. */
export function createIntents(journal: IntentJournal, address: Address) {
  const prefix = `intent/${address}/`

  function parse(intentId: string, value: Uint8Array): Intent {
    try {
      return { intentId, ...(JSON.parse(decoder.decode(value)) as Omit<Intent, 'intentId'>) }
    } catch (cause) {
      throw new WeftError('STORE_FAILED', { path: `${prefix}${intentId}`, doing: 'reading an intent' }, cause)
    }
  }
  /** All of them, by nonce. */
  function all(): Intent[] {
    const intents = journal.scan(prefix).map(({ key, value }) => parse(key.slice(prefix.length), value))
    return intents.sort((left, right) => left.nonce - right.nonce)
  }

  return {
    all,
    get(intentId: string): Intent | undefined {
      const value = journal.get(prefix + intentId)
      return value && parse(intentId, value)
    },
    /** Durable when it resolves; only then may the last transaction be broadcast. `minedCount`: nonces below it are used up. */
    async put({ intentId, ...intent }: Intent, minedCount: number): Promise<void> {
      const settled = all().filter(({ nonce }) => nonce < minedCount)
      const surplus = settled.slice(0, Math.max(0, settled.length - INTENTS_KEPT_MAX)).filter((old) => old.intentId !== intentId)
      const value = encoder.encode(JSON.stringify(intent))
      await journal.commit([...surplus.map((old) => ({ key: prefix + old.intentId })), { key: prefix + intentId, value }])
    },
  }
}
export type Intents = ReturnType<typeof createIntents>
