import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Address, SlotId } from '#domain/ids.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import { hold, holdSlots, holdValidator } from './hold.ts'
import { createStarted } from './stop.ts'

const name = () => `test ${crypto.randomUUID()}`
const mine = { what: 'slot 7', dataDir: '/mine' }

test('one holds a name at a time, and who comes is told who it is; the next has it when it is left', async () => {
  const taken = name()
  const held = await hold(taken, mine)
  await expect(hold(taken, { ...mine, dataDir: '/other' })).rejects.toMatchObject({
    code: 'SIGNER_IN_USE',
    facts: { what: 'slot 7', processId: String(process.pid), dataDir: '/mine' },
  })
  await (await hold(name(), mine)).stop()
  await held.stop()
  await (await hold(taken, mine)).stop()
})

test('N22: a process that is killed holds nothing any more', async () => {
  const taken = name()
  const child = spawn(process.execPath, [join(import.meta.dirname, 'hold.test-child.ts'), taken], { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    await once(child.stdout, 'data')
    await expect(hold(taken, mine)).rejects.toMatchObject({ facts: { processId: String(child.pid), dataDir: '/theirs' } })
  } finally {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  await (await hold(taken, mine)).stop()
})

/** A chain that is known by its first block. */
const chainOf = (genesis: string) => ({ chainId: 1, dataMarket: '0x01', block: async () => ({ hash: genesis }) }) as unknown as AnchorChain
function worldOf(chain: AnchorChain) {
  const started = createStarted()
  return { chain, home: { directory: '/mine', report: () => undefined }, started, signal: new AbortController().signal }
}
const slots = (...ids: number[]) => ids as SlotId[]

test('N22: of two snapshotters with one key and a slot in common the second is refused, and gives back what it had taken', async () => {
  const genesis = name()
  const [first, second, third] = [worldOf(chainOf(genesis)), worldOf(chainOf(genesis)), worldOf(chainOf(genesis))]
  await holdSlots(slots(1, 2), first)
  await expect(holdSlots(slots(3, 2), second)).rejects.toMatchObject({ code: 'SIGNER_IN_USE', facts: { what: 'slot 2' } })
  await second.started.stop()
  await holdSlots(slots(3, 4), third)
  const elsewhere = worldOf(chainOf(name()))
  await holdSlots(slots(1, 2), elsewhere)
  for (const { started } of [first, third, elsewhere]) await started.stop()
})

test('N22: of two validators with one account the second is refused', async () => {
  const genesis = name()
  const [first, second] = [worldOf(chainOf(genesis)), worldOf(chainOf(genesis))]
  await holdValidator('0x0a' as Address, first)
  await holdValidator('0x0b' as Address, second)
  await expect(holdValidator('0x0a' as Address, second)).rejects.toMatchObject({ code: 'SIGNER_IN_USE', facts: { what: 'validator 0x0a' } })
  for (const { started } of [first, second]) await started.stop()
})
