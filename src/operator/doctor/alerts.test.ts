import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { Secret } from '#domain/secret.ts'
import { lookAtAlerts } from './alerts.ts'

test('whoever is to be told is reached or not, of both kinds and by the host alone; nothing is sent', async () => {
  const received: unknown[] = []
  const server = createServer((socket) => socket.on('data', (bytes) => received.push(bytes))).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  try {
    const findings = await lookAtAlerts({
      alertTo: new Secret(`slack:http://127.0.0.1:${port}/secret,webhook:http://[::1]:1/secret`),
      heartbeatUrl: new Secret('http://127.0.0.1:1/secret'),
    })
    expect(findings).toMatchObject([
      { state: 'good', detail: `slack at 127.0.0.1:${port} is reached; nothing was sent there` },
      {
        state: 'bad',
        detail: expect.stringMatching(/^webhook at \[::1\]:1 is not reached: E[A-Z]+; /),
        mend: expect.stringContaining('--alert-to'),
      },
      { state: 'bad', detail: expect.stringContaining('ECONNREFUSED'), mend: expect.stringContaining('--heartbeat-url') },
    ])
    expect([JSON.stringify(findings).includes('secret'), received]).toEqual([false, []])
  } finally {
    server.close()
  }
})

test('who tells nobody has nothing to be looked at', async () => {
  expect(await lookAtAlerts({ alertTo: new Secret(''), heartbeatUrl: new Secret('') })).toEqual([])
})
