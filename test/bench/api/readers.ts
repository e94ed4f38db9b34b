import { get, type IncomingMessage } from 'node:http'

/** Those who listen to a stream, each on a connection of its own, and how many data points each has heard of. */
export async function createReaders(url: string, count: number) {
  const heard = new Uint32Array(count)
  const responses: IncomingMessage[] = []
  const lastAtMs = new Float64Array(count)
  await Promise.all(
    Array.from(
      { length: count },
      (_, reader) =>
        new Promise<void>((resolve, reject) => {
          get(`${url}/v1/stream?kind=point`, { agent: false }, (response) => {
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
              rest = rest.slice(end + 2)
              lastAtMs[reader] = performance.now()
            })
          }).on('error', reject)
        }),
    ),
  )
  return {
    heard: (): readonly number[] => [...heard],
    lastAtMs: (): number => Math.max(...lastAtMs),
    end: () => {
      for (const response of responses) response.destroy()
    },
  }
}
