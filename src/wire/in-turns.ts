/** Work in pieces of some milliseconds: it stops between two of them. */
export type InTurns<Value> = Generator<undefined, Value>

/** To its end in one go, for whoever keeps nobody waiting. */
export function atOnce<Value>(work: InTurns<Value>): Value {
  for (;;) {
    const { done, value } = work.next()
    if (done === true) return value
  }
}

/** To its end; `between` the pieces others may have their turn. */
export async function inTurns<Value>(work: InTurns<Value>, between: () => Promise<void>): Promise<Value> {
  for (;;) {
    const { done, value } = work.next()
    if (done === true) return value
    await between()
  }
}
