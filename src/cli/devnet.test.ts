import { tmpdir } from 'node:os'
import { afterEach, expect, test, vi } from 'vitest'
import { type DevnetOptions, runDevnet } from '#devnet/devnet.ts'
import { emptySummary } from '#devnet/observer.ts'
import { weft } from './cli.test-world.ts'

vi.mock('#devnet/devnet.ts', () => ({ runDevnet: vi.fn(async () => ({ summary: emptySummary(0), wasUp: true })) }))
afterEach(() => {
  vi.clearAllMocks()
})

test('its roles send traces where the variables of OpenTelemetry say, as roles do that are run alone', async () => {
  const given = async (env: Readonly<Record<string, string>>): Promise<DevnetOptions['settings']> => {
    const { exitCode } = await weft(env, 'devnet', '--epochs', '1', '--data-dir', tmpdir())
    expect(exitCode).toBe(0)
    return vi.mocked(runDevnet).mock.lastCall?.[0].settings
  }
  const endpoint = 'http://127.0.0.1:4318'
  expect(await given({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint })).toEqual({ otlpEndpoint: endpoint, otlpTracesEndpoint: '' })
  expect(await given({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: endpoint })).toEqual({ otlpEndpoint: '', otlpTracesEndpoint: endpoint })
})
