import type { ApiRoute } from '#wire/api.ts'

/** Where each route answers. The table of the api itself holds its checks too, and those need a library that this page has no use for. */
export const PATHS: Readonly<Record<ApiRoute, string>> = {
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
}
