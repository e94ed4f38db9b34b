import { expect, test } from 'vitest'
import { A, firstEpoch, openWorld, served, TEXTS } from '#roles/api/serve/serve.test-world.ts'
import { createClient } from './client.ts'

/** The client at the api's own server: what the others of this folder script is what is served. */

test('a client reads and follows what an api serves', async () => {
  const world = await openWorld()
  const server = await served(world)
  const ended = new AbortController()
  const running = server.stream.run(ended.signal)
  const problems: unknown[] = []
  const client = createClient({ api: server.url, verify: 'cid', pageLength: 1, onProblem: (problem) => problems.push(problem) })
  const project = client.project(A)
  try {
    expect(await project.latest()).toMatchObject({ status: 'absent', reason: { code: 'not_indexed' } })
    const events = client.stream({ projects: [A], kinds: ['point'], status: 'finalized', signal: ended.signal })
    const next = events.next()
    while (server.stream.readers() === 0) await new Promise((resolve) => setImmediate(resolve))
    await firstEpoch(world)
    server.stream.wake()
    expect((await next).value).toMatchObject({ kind: 'point', data: { epochId: 1, status: 'finalized', verified: 'cid', text: TEXTS.a1 } })
    expect(await project.latest()).toMatchObject({ epochId: 1, verified: 'cid', value: { big: 123456789012345678901234567890n } })
    expect(await Array.fromAsync(client.projects(), ({ projectId }) => projectId)).toHaveLength(2)
    expect(await Array.fromAsync(project.series('reserves.*'), ({ value }) => value)).toEqual([2.5])
    expect(await Array.fromAsync(project.votes(1))).toHaveLength(3)
    expect((await client.epoch(1)).batchList).toHaveLength(1)
    expect([(await client.slot(1)).slotId, (await client.status()).epochs, (await client.market()).epochSize]).toEqual([1, 1, 10])
    expect((await client.validators()).items).toHaveLength(1)
    await expect(client.get('epochs', { limit: 0 })).rejects.toMatchObject({ code: 'API_REFUSED', facts: { refusal: 'REQUEST_INVALID' } })
    const early = { code: 'API_REFUSED', facts: { refusal: 'epoch_not_released', detail: expect.stringContaining('still to come') } }
    await expect(client.get('proof', { projectId: A, epochId: 9 })).rejects.toMatchObject(early)
    expect(problems).toEqual([])
  } finally {
    ended.abort()
    await running
    await server.stop()
    await world.index.close()
  }
})
