import { Agent, get } from 'node:http'

/** What an answer took, in milliseconds, of one who asks one question after another on a connection that stays. */
export function createAsker(url: string) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  return {
    ask: (path: string): Promise<{ readonly ms: number; readonly bytes: number }> =>
      new Promise((resolve, reject) => {
        const beganMs = performance.now()
        get(url + path, { agent }, (response) => {
          let bytes = 0
          response.on('data', (part: Buffer) => {
            bytes += part.length
          })
          response.on('end', () => {
            if (response.statusCode !== 200) reject(new Error(`${path}: ${response.statusCode}`))
            else resolve({ ms: performance.now() - beganMs, bytes })
          })
        }).on('error', reject)
      }),
    end: () => agent.destroy(),
  }
}

export const percentile = (values: readonly number[], share: number): number =>
  values.toSorted((left, right) => left - right)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? Number.NaN
