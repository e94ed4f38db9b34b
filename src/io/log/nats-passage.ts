import { createInbox, type NatsConnection } from '@nats-io/transport-node'
import type { Inbound } from '#io/intake/port.ts'
import { plain } from './plain.ts'
import { decodeAnswers, decodePassed, encodeAnswers, encodePassed } from './frames.ts'
import type { JetStreamContext } from './jetstream.ts'
import type { Answer, Shared } from './port.ts'

/** Deliveries, or answers, that may wait to be taken. What comes then is dropped, and passed on again by its listener. */
const WAITING_MAX = 100_000

/** Listeners and boxes speak by plain messages: what is durable is in the log, and what gets lost is passed on again. */
export function createPassage({
  connection,
  link,
  options,
  messageBytesMax,
  signal: ending,
}: JetStreamContext): Pick<Shared, 'pass' | 'answers' | 'passed'> {
  const inbox = createInbox()
  const { space, waitingBytesMax } = options
  const subjectOf = (partition: number): string => `weft.${space}.box.${partition}`

  function publish(subject: string, messages: (bytesMax: number) => readonly Uint8Array[], reply: { readonly reply?: string } = {}): void {
    // What the library keeps until servers are back would be as old as that.
    if (!link.isThere()) return
    const bytesMax = messageBytesMax()
    // A server that takes less than the one at the start did: the library would throw.
    for (const message of messages(bytesMax)) if (message.length <= bytesMax) connection.publish(subject, message, reply)
  }

  return {
    pass: (partition, deliveries) => publish(subjectOf(partition), (bytesMax) => encodePassed(deliveries, bytesMax), { reply: inbox }),
    answers: (signal) => groups(connection, inbox, { waitingBytesMax, decode: decodeAnswers, signal: AbortSignal.any([signal, ending]) }),
    passed: (partition) => ({
      inbound(signal) {
        const answering = createAnswering((to, answers) => publish(to, (bytesMax) => encodeAnswers(answers, bytesMax)))
        const decode = (message: Uint8Array, reply: string): readonly Inbound[] =>
          (decodePassed(message) ?? []).map(({ id, ...delivery }) => ({
            ...delivery,
            passed: { as: `${reply} ${id}`, waits: () => answering(reply, { id }) },
            respond: (receipt) => answering(reply, { id, receipt }),
          }))
        return groups(connection, subjectOf(partition), { waitingBytesMax, decode, signal: AbortSignal.any([signal, ending]) })
      },
    }),
  }
}

/** Answers of one turn to one listener go in one message. */
function createAnswering(send: (to: string, answers: readonly Answer[]) => void): (to: string, answer: Answer) => void {
  let waiting = new Map<string, Answer[]>()
  function flush(): void {
    const all = waiting
    waiting = new Map()
    for (const [to, answers] of all) send(to, answers)
  }
  return (to, answer) => {
    if (waiting.size === 0) queueMicrotask(flush)
    const answers = waiting.get(to) ?? []
    waiting.set(to, answers)
    answers.push(answer)
  }
}

interface Taking<Item> {
  readonly waitingBytesMax: number
  decode(message: Uint8Array, reply: string): readonly Item[]
  readonly signal: AbortSignal
}

/** What has come since the last group, one turn of the event loop after the first of it. The subscription is there when this returns. */
function groups<Item>(
  connection: NatsConnection,
  subject: string,
  { waitingBytesMax, decode, signal }: Taking<Item>,
): AsyncIterable<readonly Item[]> {
  let items: Item[] = []
  let bytes = 0
  let wake: (() => void) | undefined
  const subscription = connection.subscribe(subject, {
    callback(failure, message) {
      if (failure !== null || items.length > WAITING_MAX || bytes > waitingBytesMax) return
      items.push(...decode(plain(message.data), message.reply ?? ''))
      bytes += message.data.length
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
        bytes = 0
        if (group.length > 0) yield group
      }
    } finally {
      if (!connection.isClosed()) subscription.unsubscribe()
    }
  }
  return taken()
}
