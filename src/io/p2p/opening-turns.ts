/**
 * Turns of all who open streams. To open one and to agree on what it is for costs as much as taking a vote, and what asks for it twelve bytes: those of everybody together have a part of each turn of
 * the event loop, in which addresses take turns, and connections in those. So whoever asks for thousands waits for itself.
 */
export interface OpeningTurns {
  /** Whether it may be done now. When not, `goOn` is called when it is the turn of its owner: it may ask for one then, and for more as any other. */
  take(asking: Asking): boolean
}

export interface Asking {
  /** The part of a network address that somebody has to own. */
  readonly owner: string
  readonly goOn: () => void
}

/** Nobody waits. */
export const NO_TURNS: OpeningTurns = { take: () => true }

/** Half a millisecond's worth. */
const COUNT_PER_TURN = 8

export function createOpeningTurns(countPerTurn = COUNT_PER_TURN, onNextTurn: (run: () => void) => void = setImmediate): OpeningTurns {
  let left = countPerTurn
  let isTurnAwaited = false
  /** Those that wait, by owner, in the order of their turns. */
  const lines = new Map<string, Set<Asking['goOn']>>()
  /** Whose turn it is. */
  let called: Asking['goOn'] | undefined

  function awaitTurn(): void {
    if (isTurnAwaited) return
    isTurnAwaited = true
    onNextTurn(() => {
      isTurnAwaited = false
      left = countPerTurn
      while (left > 0 && lines.size > 0) callNext()
      if (lines.size > 0) awaitTurn()
    })
  }

  function callNext(): void {
    for (const [owner, line] of lines) {
      // It goes behind all others, and who is called behind its own.
      lines.delete(owner)
      for (const goOn of line) {
        line.delete(goOn)
        if (line.size > 0) lines.set(owner, line)
        left -= 1
        called = goOn
        goOn()
        called = undefined
        return
      }
    }
  }

  return {
    take({ owner, goOn }) {
      if (called === goOn) {
        called = undefined
        return true
      }
      awaitTurn()
      if (left > 0 && lines.size === 0) {
        left -= 1
        return true
      }
      lines.set(owner, (lines.get(owner) ?? new Set()).add(goOn))
      return false
    },
  }
}
