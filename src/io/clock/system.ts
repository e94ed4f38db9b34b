import type { Clock } from './port.ts'

/** Longest span one timer of the platform can hold; one above it fires at once. */
const TIMER_MS_MAX = 2_147_483_647

function createSystemClock(): Clock {
  /** The machine's time when the process began, as its clock says that is furthest ahead. */
  let beganMs = Number.NEGATIVE_INFINITY
  return {
    nowMs() {
      // The machine's clock may be set back: ours goes on as it was, for what stands still for an hour leaves everything undone that is due meanwhile.
      const passedMs = performance.now()
      beganMs = Math.max(beganMs, Date.now() - passedMs)
      return Math.round(beganMs + passedMs)
    },
    sleep(durationMs, signal) {
      if (signal?.aborted) return Promise.reject(signal.reason)
      return new Promise((resolve, reject) => {
        const onAbort = () => {
          clearTimeout(timer)
          reject(signal?.reason)
        }
        let timer: ReturnType<typeof setTimeout>
        const wait = (leftMs: number): void => {
          const nextMs = Math.min(leftMs, TIMER_MS_MAX)
          timer = setTimeout(() => {
            if (leftMs > nextMs) return wait(leftMs - nextMs)
            signal?.removeEventListener('abort', onAbort)
            resolve()
          }, nextMs)
        }
        wait(Math.max(durationMs, 0))
        signal?.addEventListener('abort', onAbort, { once: true })
      })
    },
  }
}

/** The machine's own time. */
export const systemClock: Clock = createSystemClock()
