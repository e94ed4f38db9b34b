import type { Rejection } from '#domain/rejection.ts'
import type { VoteFate } from '#domain/submission.ts'
import type { EndCode, Ending } from './outbox.ts'

type Counts<Key extends string> = Partial<Record<Key, number>>

/** What happened since the start. */
export interface Counters {
  /** `new`: durable for the first time; `known`: the same vote again; `full`: turned away. */
  countHandOver(what: 'new' | 'known' | 'full'): void
  /** Refused by the local check. */
  countRefused(code: Rejection): void
  countEnding(ending: Ending, code: EndCode): void
  /** A receipt that asks to try again. */
  countRetry(code: Rejection): void
  countLink(): void
  /** A signed receipt; whether it shows what it should. */
  countSigned(isGood: boolean): void
  /** What the batches say of one that was taken. */
  countFate(fate: VoteFate): void
  read(): CounterReadings
}

export interface CounterReadings {
  readonly handedOver: Readonly<Record<'new' | 'known' | 'full', number>>
  readonly refused: Readonly<Counts<Rejection>>
  readonly endings: Readonly<Record<Ending, number>>
  /** Endings by their reason. */
  readonly endCodes: Readonly<Counts<EndCode>>
  /** Endings, each by its reason. */
  readonly endsByCode: Readonly<Record<Ending, Readonly<Counts<EndCode>>>>
  /** Those of them that nobody has: refused for good, or given up. */
  readonly lost: Readonly<Counts<EndCode>>
  readonly retries: Readonly<Counts<Rejection>>
  readonly linksOpened: number
  readonly signedReceipts: Readonly<Record<'kept' | 'unproved', number>>
  readonly fates: Readonly<Record<VoteFate, number>>
  /** How the last submission ended. */
  readonly lastEnd: EndCode | undefined
}

export function createCounters(): Counters {
  const handedOver = { new: 0, known: 0, full: 0 }
  const refused: Counts<Rejection> = {}
  const endings = { acknowledged: 0, sent: 0, rejected: 0, expired: 0 }
  const endCodes: Counts<EndCode> = {}
  const endsByCode: Record<Ending, Counts<EndCode>> = { acknowledged: {}, sent: {}, rejected: {}, expired: {} }
  const lost: Counts<EndCode> = {}
  const retries: Counts<Rejection> = {}
  const signedReceipts = { kept: 0, unproved: 0 }
  const fates = { included: 0, missing: 0 }
  let linksOpened = 0
  let lastEnd: EndCode | undefined
  return {
    countHandOver(what) {
      handedOver[what] += 1
    },
    countRefused: (code) => increase(refused, code),
    countEnding(ending, code) {
      lastEnd = code
      endings[ending] += 1
      increase(endCodes, code)
      increase(endsByCode[ending], code)
      if (ending === 'rejected' || ending === 'expired') increase(lost, code)
    },
    countRetry: (code) => increase(retries, code),
    countLink() {
      linksOpened += 1
    },
    countSigned(isGood) {
      signedReceipts[isGood ? 'kept' : 'unproved'] += 1
    },
    countFate(fate) {
      fates[fate] += 1
    },
    read: () => ({
      handedOver: { ...handedOver },
      refused: { ...refused },
      endings: { ...endings },
      endCodes: { ...endCodes },
      endsByCode: {
        acknowledged: { ...endsByCode.acknowledged },
        sent: { ...endsByCode.sent },
        rejected: { ...endsByCode.rejected },
        expired: { ...endsByCode.expired },
      },
      lost: { ...lost },
      retries: { ...retries },
      linksOpened,
      signedReceipts: { ...signedReceipts },
      fates: { ...fates },
      lastEnd,
    }),
  }
}

function increase<Key extends string>(counts: Counts<Key>, key: Key): void {
  counts[key] = (counts[key] ?? 0) + 1
}
