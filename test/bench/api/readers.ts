import { get, type IncomingMessage } from 'node:http'

/** Those who listen to a stream, each on a connection of its own, how often each has heard of a data point, and where it is. */
export async function createReaders(url: string, count: number) {
  const heard = new Uint32Array(count)
  const places = Array.from({ length: count }, () => '')
  const responses: IncomingMessage[] = []
  const lastAtMs = new Float64Array(count)
  await Promise.all(
    Array.from(
      { length: count },
      (_, reader) =>
        new Promise<void>((resolve, reject) => {
          get(`${url}/v1/stream`, { agent: false }, (response) => {
            responses.push(response)
            let rest = ''
            response.setEncoding('latin1')
            response.on('data', (text: string) => {
              resolve()
              rest += text
              const end = rest.lastIndexOf('\n\n')
              if (end < 0) return
              for (let at = rest.indexOf('event: point'); at >= 0 && at < end; at = rest.indexOf('event: point', at + 1))
                heard[reader] = (heard[reader] ?? 0) + 1
              const place = rest.lastIndexOf('id: ', end)
              if (place >= 0) places[reader] = rest.slice(place + 'id: '.length, rest.indexOf('\n', place))
              rest = rest.slice(end + 2)
              lastAtMs[reader] = performance.now()
            })
          }).on('error', reject)
        }),
    ),
  )
  return {
    heard: (): readonly number[] => [...heard],
    areAllAt: (place: string): boolean => places.every((each) => each === place),
    lastAtMs: (): number => Math.max(...lastAtMs),
    end: () => {
      for (const response of responses) response.destroy()
    },
  }
}
