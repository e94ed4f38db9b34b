import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { weft } from './cli.test-world.ts'

const folder = mkdtempSync(join(tmpdir(), 'weft-cli-config-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('settings are shown with where they come from; a variable that nobody reads is told of beside the table', async () => {
  const config = join(folder, 'weft.json')
  writeFileSync(config, JSON.stringify({ dataDir: 'data', parts: { relay: { reservationsMax: 7 } } }))
  const shown = await weft({ WEFT_LOG_FORMAT: 'json', WEFT_HEALTH_LISTN: 'off' }, 'config', 'show', '--origin', '--config', config)
  expect(shown.out).toMatch(/^relay\n[\s\S]* logFormat +json {2}\(environment\)\n[\s\S]* reservationsMax +7 {2}\(file\)\n/)
  expect([shown.exitCode, shown.err]).toEqual([0, 'weft: WEFT_HEALTH_LISTN is not a setting of Weft; did you mean WEFT_HEALTH_LISTEN?\n'])
  expect((await weft({}, 'config', 'show', '--config', config)).err).toBe('')
  expect((await weft({}, 'config', 'show', '--config', folder)).err).toContain('is a folder, not a file')
})
