/** Run by sqlite.test.ts: commits without end and prints each key once its commit is durable, until it is killed. */
import { openSqliteStore } from './sqlite.ts'

const store = openSqliteStore({ path: String(process.argv[2]) })
const isHolding = process.argv[3] === 'hold'
if (isHolding) process.stdout.write('holding\n')

async function commitForEver(lane: number): Promise<void> {
  for (let count = 0; ; count += 1) {
    const key = `${lane}/${String(count).padStart(8, '0')}`
    await store.commit([
      { key, value: new Uint8Array(400).fill(lane) },
      { key: `${key}/twin`, value: new Uint8Array([lane]) },
    ])
    process.stdout.write(`${key}\n`)
  }
}

if (isHolding) setInterval(() => undefined, 1_000)
else await Promise.all([1, 2, 3, 4, 5].map(commitForEver))
