import type { ApiRoute } from '#wire/api.ts'

/** The paths of `#wire/api.ts`, held to it by a test: the client takes its types from there, and not the library that checks them. */
export const PATHS = {
  status: '/v1/status',
  market: '/v1/market',
  projects: '/v1/projects',
  project: '/v1/projects/{projectId}',
  points: '/v1/projects/{projectId}/epochs',
  latest: '/v1/projects/{projectId}/latest',
  point: '/v1/projects/{projectId}/epochs/{epochId}',
  votes: '/v1/projects/{projectId}/epochs/{epochId}/votes',
  sources: '/v1/projects/{projectId}/epochs/{epochId}/sources',
  series: '/v1/projects/{projectId}/series',
  proof: '/v1/proofs/{projectId}/{epochId}',
  epochs: '/v1/epochs',
  epoch: '/v1/epochs/{epochId}',
  epochPoints: '/v1/epochs/{epochId}/projects',
  epochOutvoted: '/v1/epochs/{epochId}/outvoted',
  batch: '/v1/batches/{batchCid}',
  batchSubmissions: '/v1/batches/{batchCid}/submissions',
  slots: '/v1/slots',
  slot: '/v1/slots/{slotId}',
  slotEpochs: '/v1/slots/{slotId}/epochs',
  validators: '/v1/validators',
  refusals: '/v1/refusals',
} as const satisfies Record<ApiRoute, string>

export const STREAM_PATH = '/v1/stream'

export type Fields = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>

/** The path with its segments filled in, and what is left of the fields behind it as a query. */
export function addressOf(path: string, fields: Fields = {}): string {
  const query = new URLSearchParams()
  let filled = path
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue
    const texts = Array.isArray(value) ? value : [String(value)]
    if (path.includes(`{${name}}`)) filled = filled.replace(`{${name}}`, encodeURIComponent(texts.join()))
    else for (const text of texts) query.append(name, text)
  }
  return query.size === 0 ? filled : `${filled}?${query}`
}
