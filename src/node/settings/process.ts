import { healthPortOf, ROLES } from './roles.ts'
import type { SettingRow } from './row.ts'

/** Where the data of a role lie, how it says how it fares, and to which network it belongs. */
export const PROCESS_SETTINGS = {
  dataDir: {
    env: 'WEFT_DATA_DIR',
    type: 'text',
    roles: ROLES,
    doc: 'Folder for everything this role must remember. Two processes never share one.',
  },
  logFormat: {
    env: 'WEFT_LOG_FORMAT',
    type: 'choice',
    choices: ['auto', 'text', 'json'],
    fallback: 'auto',
    roles: ROLES,
    doc: 'How the log on stderr is written: a line of text or of JSON per event; auto is text on a terminal and JSON anywhere else.',
  },
  healthListen: {
    env: 'WEFT_HEALTH_LISTEN',
    type: 'health',
    fallback: 'auto',
    roles: ROLES,
    doc: `Where the role answers \`/livez\`, \`/readyz\`, \`/metrics\` and \`/status\`: host:port of this machine, \`auto\` for the first free port of the ten that its kind has (${ROLES.map((role) => `${role} ${healthPortOf(role)}`).join(', ')}), or \`off\`. \`./weft status\` finds it by \`run.json\` in the data directory.`,
  },
  healthHosts: {
    env: 'WEFT_HEALTH_HOSTS',
    type: 'hosts',
    fallback: [],
    roles: ROLES,
    doc: 'Names, separated by commas and without ports, by which those routes may be called beside addresses of this machine, for a Prometheus that reaches them through a proxy. Whoever calls them by another name is refused: a page of elsewhere could read them in a browser.',
  },
  alertTo: {
    env: 'WEFT_ALERT_TO',
    type: 'secret',
    fallback: '',
    roles: ROLES,
    doc: 'Who is told when a person is needed, when something is lost, and when the role has not been ready for five minutes; several stand between commas: `slack:URL`, `webhook:URL`, `telegram:URL;chat=ID;thread=ID` and `issues:URL` of the deployed services; or `file:PATH` of a file that holds that. Never printed.',
  },
  alertCooldown: {
    env: 'WEFT_ALERT_COOLDOWN',
    type: 'integer',
    min: 10,
    max: 86_400,
    unit: 's',
    fallback: 300,
    roles: ROLES,
    doc: 'How long alerts of one kind are held back after one of them.',
  },
  heartbeatUrl: {
    env: 'WEFT_HEARTBEAT_URL',
    type: 'secret',
    fallback: '',
    roles: ROLES,
    doc: 'URL that is asked every half minute while the role is ready, so that whoever keeps it raises the alarm when it stops; or `file:PATH`. Never printed.',
  },
  otlpEndpoint: {
    env: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    type: 'url',
    fallback: '',
    roles: ROLES,
    doc: 'Receiver of OpenTelemetry, OTLP over HTTP, to which traces of submissions and batches go: `http://127.0.0.1:4318`; without it none are made. The other `OTEL_` variables of the standard hold as well: headers, sampler, resource, `OTEL_SDK_DISABLED`.',
  },
  otlpTracesEndpoint: {
    env: 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
    type: 'url',
    fallback: '',
    roles: ROLES,
    doc: 'The same for traces alone, with its path: `http://127.0.0.1:4318/v1/traces`.',
  },
  network: {
    env: 'WEFT_NETWORK',
    type: 'text',
    fallback: '',
    roles: ROLES,
    doc: 'The network.json that `./weft deploy` wrote: supplies anchor chain id, ProtocolState and data market where they are not given.',
  },
} as const satisfies Record<string, SettingRow>
