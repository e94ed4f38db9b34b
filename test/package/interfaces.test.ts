import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { INTERFACES, interfaceReports } from '../../tools/package/interfaces.ts'

const CHANGELOG = readFileSync(join(import.meta.dirname, '../../CHANGELOG.md'), 'utf8')
/** What is said of the version that comes next. */
const [, newest = ''] = CHANGELOG.split(/^## /m)
const reports = interfaceReports()

test.each([...reports])('%s declares what is committed in docs/interfaces, as `npm run generate` writes it', (name, report) => {
  expect(readFileSync(join(INTERFACES, `${name}.d.ts`), 'utf8')).toBe(report)
})

test.each([...reports])(
  'CHANGELOG.md tells of what others build on in %s: say what changed, under Breaking what breaks them, and put its new mark there',
  (name, report) => {
    const mark = createHash('sha256').update(report).digest('hex').slice(0, 8)
    expect(newest).toContain(`${name} ${mark}`)
  },
)

test('a report has what its entry exports, what that leads to, and nothing else', () => {
  const report = reports.get('weft-client') ?? ''
  expect(report).toMatch(/^\/\/ Exported: .*\bClientOptions\b.*\bcreateClient\b/)
  expect(report).toContain('export declare function createClient(options: ClientOptions): Client;')
  // Not exported: the options of the client lead to it.
  expect(report).toContain('interface TrustedMarket {')
  expect(report).not.toMatch(/\/\*\*|SourceReader|\bopenReader\b/)
})
