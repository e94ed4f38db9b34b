import { EVENTS, type LogEvent } from '#domain/events.ts'
import { createRecorder, type Recorder } from '#domain/recorder.ts'
import { createTroubles, type Troubles } from '#domain/troubles.ts'
import { type ChainSight, createChainSight } from './chain-sight.ts'

/** What a role has told and done since its start, for whoever asks how it fares. */
export interface Notes {
  readonly recorder: Recorder
  readonly troubles: Troubles
  readonly anchor: ChainSight
  readonly source: ChainSight
  /** How many are connected now, by what they are connected for. */
  readonly peers: Map<'ipfs' | 'submissions', () => number>
  /** Counts an event of the log, whether the log writes it or holds it back. */
  event: OnEvent
  /** Hears of each event too, from now on. */
  listen(listener: OnEvent): void
}

type OnEvent = (event: LogEvent, facts: Readonly<Record<string, unknown>>) => void

/** What a code of a table looks like: other text would make a label of each line. */
const CODE = /^[A-Za-z][A-Za-z0-9_]{0,63}$/

export function createNotes(nowMs: () => number): Notes {
  const recorder = createRecorder()
  const troubles = createTroubles(nowMs)
  const listeners: OnEvent[] = []
  const sight = (name: 'anchor' | 'source') => createChainSight(name, { recorder, nowMs })
  return {
    recorder,
    troubles,
    anchor: sight('anchor'),
    source: sight('source'),
    peers: new Map(),
    listen: (listener) => void listeners.push(listener),
    event(event, facts) {
      const given = facts['code'] ?? facts['reason'] ?? facts['trouble']
      const code = typeof given === 'string' && CODE.test(given) ? given : ''
      recorder.add('weft_events_total', { event, level: EVENTS[event].level, code })
      troubles.note(event, facts)
      for (const listener of listeners) listener(event, facts)
    },
  }
}
