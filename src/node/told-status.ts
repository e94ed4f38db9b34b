import { z } from 'zod'
import { printable } from '#domain/printable.ts'
import type { RoleStatus } from './faring.ts'
import { isTime } from './run-file.ts'

/**
 * What whoever answers at the address of a run file says of a role. The file may be anybody's, of a folder that somebody was asked to look at, and the role of
 * another version: what has not the form is no status, and no text of it moves the cursor of whoever reads it.
 */

const when = z.custom<number>(isTime)
/** JSON has no number for what is not known. */
const count = z.number().nullable()
const trouble = z.looseObject({
  event: z.string(),
  level: z.string(),
  sinceMs: when,
  lastMs: when,
  times: count,
  facts: z.record(z.string(), z.unknown()),
  help: z.string(),
})
const slot = z.looseObject({
  slotId: count,
  handedOver: count,
  included: count,
  outvoted: count,
  leftOut: count,
  lastEpochId: count.optional(),
  lastMs: count.optional(),
  deliveredToday: count.optional(),
  dailyQuota: count.optional(),
})
const STATUS = z.looseObject({
  role: z.string(),
  processId: z.int(),
  startedMs: when,
  isReady: z.boolean(),
  unready: z.array(z.looseObject({ reason: z.string(), detail: z.string().optional(), help: z.string() })),
  troubles: z.array(trouble),
  lately: z.array(trouble),
  readings: z.array(z.looseObject({ metric: z.string(), labels: z.record(z.string(), z.string()), value: count })),
  money: z
    .looseObject({ account: z.string(), balanceEther: z.number(), spentEtherPerDay: z.number().optional(), lastsDays: count.optional() })
    .optional(),
  slots: z.array(slot).optional(),
  alerts: z.array(z.looseObject({ event: z.string(), atMs: when, sent: z.array(z.string()), failed: z.array(z.string()) })),
})

/** `undefined` for what is none. */
export function toldStatus(answer: unknown): RoleStatus | undefined {
  const shown = shownOnly(answer)
  return STATUS.safeParse(shown).success ? (shown as RoleStatus) : undefined
}

/** The same with every text such that it can be shown. */
export function shownOnly<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value), (_, each: unknown) => {
    if (typeof each === 'string') return printable(each)
    if (typeof each !== 'object' || each === null || Array.isArray(each)) return each
    return Object.fromEntries(Object.entries(each).map(([key, field]) => [printable(key), field]))
  }) as Value
}
