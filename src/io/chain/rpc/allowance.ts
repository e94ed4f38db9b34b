/** Successes at the full size before a little more is tried; twice as many after each time that it was too much. */
const GROW_AFTER = 64
const GROW_AFTER_MAX = 4_096

/**
 * How much an endpoint takes in one go, found out by being refused, and remembered: what was served once in between does not undo it. For
 * providers change their limits, a quarter more is tried now and then.
 */
export function createAllowance(most: number) {
  let allowed = most
  let servedInFull = 0
  let growAfter = GROW_AFTER
  let isTrial = false
  return {
    now: (): number => allowed,

    /** `size` was too much; `said` is what the endpoint says it takes. */
    refused(size: number, said?: number): void {
      const less = said !== undefined && said >= 1 && said < size ? said : Math.floor(size / 2)
      allowed = Math.max(1, Math.min(allowed, less))
      servedInFull = 0
      if (isTrial) growAfter = Math.min(GROW_AFTER_MAX, growAfter * 2)
      isTrial = false
    },

    served(size: number): void {
      if (size < allowed || allowed >= most) return
      servedInFull += 1
      if (servedInFull < growAfter) return
      servedInFull = 0
      isTrial = true
      allowed = Math.min(most, Math.ceil(allowed * 1.25))
    },
  }
}
export type Allowance = ReturnType<typeof createAllowance>
