import type { OnSpans } from '#io/traces/otlp.ts'
import type { Tracer } from '#io/traces/port.ts'
import type { RoleHome } from './home.ts'
import type { Role } from './settings/roles.ts'
import type { Settings } from './settings/settings.ts'
import { VERSION } from './version.ts'

/** What waits when the role stops has so long to go out. */
const LAST_WORD_MS = 1_000
/** What a sequencer sends, which follows all submissions of a network: since all go by the id, of these all parts are sent by those who send more. */
const SHARE_OF_SEQUENCER = 0.01

export interface Traces {
  readonly tracer: Tracer
  stop(): Promise<void>
}

type TracesSettings = Pick<Settings, 'otlpEndpoint' | 'otlpTracesEndpoint'>

/** Where the role sends its traces, if anywhere; only then is the SDK of OpenTelemetry loaded. What is lost is counted, and told once until something arrives. Throws `SETTINGS_INVALID` for variables of OpenTelemetry that say nothing. */
export async function startTraces(
  role: Role,
  settings: TracesSettings,
  { report, notes: { recorder } }: Pick<RoleHome, 'report' | 'notes'>,
): Promise<Traces | undefined> {
  const url = urlIn(settings)
  if (url === undefined) return undefined
  const { createOtlpTracer } = await import('#io/traces/otlp.ts')
  let isLosing = false
  const onSpans: OnSpans = (outcome, count, detail) => {
    recorder.add('weft_spans_total', { outcome }, count)
    if (outcome === 'lost' && !isLosing) report('spans_lost', { receiver: new URL(url).host, detail })
    isLosing = outcome === 'lost'
  }
  const tracer = createOtlpTracer({ url, role, version: VERSION, share: role === 'sequencer' ? SHARE_OF_SEQUENCER : 1 }, onSpans)
  if (tracer === undefined) return undefined
  // From 0 on: of what begins at 1 nobody sees that it has grown.
  for (const outcome of ['sent', 'lost']) recorder.add('weft_spans_total', { outcome }, 0)
  return { tracer, stop: () => tracer.stop(LAST_WORD_MS) }
}

/** As the standard has it: the one for traces is the whole URL, the other stands before the path of each kind. */
function urlIn({ otlpEndpoint, otlpTracesEndpoint }: TracesSettings): string | undefined {
  if (otlpTracesEndpoint) return otlpTracesEndpoint
  return otlpEndpoint ? `${otlpEndpoint.replace(/\/$/, '')}/v1/traces` : undefined
}
