import { expect, test } from 'vitest'
import { runDevnet } from './devnet.ts'
import type { DevnetReport } from './report.ts'

const options = { dataDir: '/nowhere', isTemporary: true, seed: 1, slots: 3, liars: 0, anchoring: 'projects' } as const

test.each([
  [{ fault: 'lying-sequencer', scaleOut: true }, '--scale-out'],
  [{ fault: 'lying-sequencer', epochs: 3 }, '--epochs'],
  [{ watch: true }, '--computes'],
  [{ liars: 2 }, '--liars'],
] as const)('what does not go together is refused before anything is begun: %j', async (change, flag) => {
  const running = runDevnet({ ...options, ...change }, {} as DevnetReport, new AbortController().signal)
  await expect(running).rejects.toMatchObject({ code: 'SETTINGS_INVALID', facts: { problems: [expect.stringContaining(flag)] } })
})
