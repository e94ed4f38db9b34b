import { expect, test } from 'vitest'
import { weft } from './cli.test-world.ts'

const ID = '00000000-0000-4000-8000-000000000000'

test.each([
  ['no id', ['inclusion', 'x'], 'ID_MALFORMED'],
  ['no epoch id', ['inclusion', ID, '--epoch', '1e3'], 'ID_MALFORMED'],
  ['a slot without its project', ['inclusion', ID, '--epoch', '1', '--slot', '3'], '--slot and --project'],
  ['no network', ['inclusion', ID, '--epoch', '1', '--rpc', 'http://127.0.0.1:1'], '--network is needed'],
])('%s is said before anything is asked', async (_what, args, said) => {
  const { err, exitCode } = await weft({}, ...args)
  expect(exitCode).not.toBe(0)
  expect(err).toContain(said)
})
