import type { SettingRow } from './row.ts'

/** What is answered over HTTP, and to whom. */
export const HTTP_SETTINGS = {
  httpListen: {
    env: 'WEFT_HTTP_LISTEN',
    type: 'host:port',
    fallback: '127.0.0.1:0',
    roles: ['sequencer', 'api'],
    doc: 'host:port of the read-only HTTP routes (docs/SEQUENCER-HTTP.md; those of an api: docs/API.md); port 0 takes a free one. A sequencer needs a read token where the host is not loopback; deployed ones use port 8080.',
  },
  statusListen: {
    env: 'WEFT_STATUS_LISTEN',
    type: 'host:port',
    fallback: '',
    roles: ['snapshotter'],
    doc: 'host:port of this machine where the snapshotter says how its epochs fare, with the routes of deployed nodes (`/internal/snapshotter/status`, …); their port is 8002. None unless given. Only loopback: who reaches it reads everything.',
  },
  httpHosts: {
    env: 'WEFT_HTTP_HOSTS',
    type: 'hosts',
    fallback: [],
    roles: ['snapshotter', 'sequencer', 'validator', 'api'],
    doc: 'Names, separated by commas and without ports, by which what listens on the loopback alone may be called beside addresses of this machine, for clients that reach it through a proxy which passes their name on: the routes of a sequencer that has no read token, the status of a snapshotter, and gateways. By any other name a page of elsewhere could read them in a browser.',
  },
  authReadToken: {
    env: 'WEFT_AUTH_READ_TOKEN',
    type: 'secret',
    min: 16,
    max: 256,
    fallback: '',
    roles: ['sequencer'],
    doc: 'Token that must come with each question over HTTP, 16 to 256 characters, or `file:PATH` of a file that holds it. Never printed.',
  },
  signedReceipts: {
    env: 'WEFT_SIGNED_RECEIPTS',
    type: 'choice',
    choices: ['on', 'off'],
    fallback: 'on',
    roles: ['sequencer'],
    doc: 'Whether receipts are signed with the account that anchors, so that whoever has one can show what was promised. See docs/RECEIPTS.md.',
  },
  sequencerHttp: {
    env: 'WEFT_SEQUENCER_HTTP',
    type: 'urls',
    fallback: [],
    roles: ['api'],
    doc: 'HTTP routes of the sequencers of the market, separated by commas, which are asked what they refused: only they know it. Without any, `/v1/refusals` is empty.',
  },
  sequencerToken: {
    env: 'WEFT_SEQUENCER_TOKEN',
    type: 'secret',
    fallback: '',
    roles: ['api'],
    doc: 'Read token of those sequencers, or `file:PATH` of a file that holds it. Never printed.',
  },
  corsOrigins: {
    env: 'WEFT_CORS_ORIGINS',
    type: 'urls',
    fallback: [],
    roles: ['api'],
    doc: 'Origins, separated by commas, whose pages may read the answers in a browser: `https://example.org`. Without any, all may: what is served is public.',
  },
  apiKeys: {
    env: 'WEFT_API_KEYS',
    type: 'text',
    fallback: '',
    roles: ['api'],
    doc: 'File of keys, a line each: a name, a space, 16 to 256 characters. Who sends one as `Authorization: Bearer` or `X-API-KEY` has limits of its own, wherever it asks from; who sends none is limited by address.',
  },
} as const satisfies Record<string, SettingRow>
