import { createInbox, type NatsConnection } from '@nats-io/transport-node'
import type { Inbound } from '#io/intake/port.ts'
import { plain } from './plain.ts'
import { decodeAnswers, decodePassed, encodeAnswers, encodePassed } from './frames.ts'
import type { JetStreamContext } from './jetstream.ts'
import type { Answer, Shared } from './port.ts'

/** Deliveries that may wait for a box. What comes then is dropped, and passed on again by its listener. */
const WAITING_MAX = 100_000

/** Listeners and boxes speak by plain messages: what is durable is in the log, and what gets lost is passed on again. */
export function createPassage({
  connection,
  link,
  options,
  signal: ending,
}: JetStreamContext): Pick<Shared, 'pass' | 'answers' | 'passed'> {
  const inbox = createInbox()
  const subjectOf = (partition: number): string => `weft.${options.space}.box.${partition}`
  const { isThere } = link

  return {
    pass(partition, deliveries) {
      // What the library keeps until servers are back would be as old as that.
      if (!isThere()) return
      for (const message of encodePassed(deliveries)) connection.publish(subjectOf(partition), message, { reply: inbox })
    },
    answers: (signal) => groups(connection, inbox, { decode: decodeAnswers, signal: AbortSignal.any([signal, ending]) }),
    passed: (partition) => ({
      inbound(signal) {
        const answering = createAnswering(connection, isThere)
        const decode = (message: Uint8Array, reply: string): readonly Inbound[] =>
          (decodePassed(message) ?? []).map(({ id, ...delivery }) => ({
            ...delivery,
            respond: (receipt) => answering(reply, { id, receipt }),
          }))
        return groups(connection, subjectOf(partition), { decode, signal: AbortSignal.any([signal, ending]) })
      },
    }),
  }
}

/** Answers of one turn to one listener go in one message. */
function createAnswering(connection: NatsConnection, isThere: () => boolean): (to: string, answer: Answer) => void {
  let waiting = new Map<string, Answer[]>()
  function flush(): void {
    const all = waiting
    waiting = new Map()
    if (!isThere()) return
    for (const [to, answers] of all) for (const message of encodeAnswers(answers)) connection.publish(to, message)
  }
  return (to, answer) => {
    if (waiting.size === 0) queueMicrotask(flush)
    const answers = waiting.get(to) ?? []
    waiting.set(to, answers)
    answers.push(answer)
  }
}

interface Taking<Item> {
  decode(message: Uint8Array, reply: string): readonly Item[]
  readonly signal: AbortSignal
}

/** What has come since the last group, one turn of the event loop after the first of it. The subscription is there when this returns. */
function groups<Item>(connection: NatsConnection, subject: string, { decode, signal }: Taking<Item>): AsyncIterable<readonly Item[]> {
  let items: Item[] = []
  let wake: (() => void) | undefined
  const subscription = connection.subscribe(subject, {
    callback(failure, message) {
      if (failure !== null || items.length > WAITING_MAX) return
      items.push(...decode(plain(message.data), message.reply ?? ''))
      wake?.()
    },
  })
  const arrival = (): Promise<void> =>
    new Promise((resolve) => {
      wake = () => {
        wake = undefined
        signal.removeEventListener('abort', wakeNow)
        setImmediate(resolve)
      }
      const wakeNow = (): void => wake?.()
      signal.addEventListener('abort', wakeNow, { once: true })
      if (signal.aborted) wake()
    })

  async function* taken(): AsyncGenerator<readonly Item[]> {
    try {
      while (!signal.aborted) {
        if (items.length === 0) await arrival()
        if (signal.aborted) return
        const group = items
        items = []
        if (group.length > 0) yield group
      }
    } finally {
      if (!connection.isClosed()) subscription.unsubscribe()
    }
  }
  return taken()
}
