import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { startAnvil } from './anvil.ts'

async function chainIdOf(rpcUrl: string): Promise<string> {
  const answer = await fetch(rpcUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_chainId', params: [] }),
  })
  return ((await answer.json()) as { result: string }).result
}

test('anvil listens on a free port and is gone after stop', async () => {
  const anvil = await startAnvil({ chainId: 31_337 })
  expect(await chainIdOf(anvil.rpcUrl)).toBe('0x7a69')
  await anvil.stop()
  await expect(chainIdOf(anvil.rpcUrl)).rejects.toThrow()
})

test('anvil ends when the process that started it is killed', async () => {
  const program = `import { startAnvil } from '#devnet/anvil.ts'; const { rpcUrl } = await startAnvil({ chainId: 31_337 }); console.log(rpcUrl)`
  const parent = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [rpcUrl] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string]
  expect(await chainIdOf(rpcUrl)).toBe('0x7a69')
  parent.kill('SIGKILL')
  await expect.poll(() => chainIdOf(rpcUrl).catch(() => 'gone'), { timeout: 10_000 }).toBe('gone')
})

test('a chain that cannot start says why, at once, and leaves nothing running', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const before = timers()
  await expect(startAnvil({ chainId: 31_337, flags: ['--no-such-flag'] })).rejects.toMatchObject({
    code: 'CHILD_PROCESS_FAILED',
    facts: { program: 'anvil', detail: expect.stringMatching(/ended before it listened .*--no-such-flag/s) },
  })
  // Fewer when one of the test runner ended meanwhile.
  expect(timers()).toBeLessThanOrEqual(before)
})
