import { WeftError } from './errors.ts'

/** A state machine as a table: per state, the states that may follow. A state with none is terminal. */
export interface Machine<State extends string> {
  /** Returns `to`. Throws `STATE_TRANSITION` when the table has no such step. */
  advance(from: State, to: State): State
  isTerminal(state: State): boolean
  readonly states: readonly State[]
}

/** `name` is what the failure says. */
export function machineOf<State extends string>(name: string, steps: Readonly<Record<State, readonly State[]>>): Machine<State> {
  return {
    advance(from, to) {
      if (!steps[from]?.includes(to)) throw new WeftError('STATE_TRANSITION', { machine: name, from, to })
      return to
    },
    isTerminal: (state) => steps[state].length === 0,
    states: Object.keys(steps) as State[],
  }
}
