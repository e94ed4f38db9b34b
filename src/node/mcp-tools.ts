import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { z } from 'zod'
import { type Client, type DataPoint, isWeftError } from '#client/client.ts'
import { addressOf, PATHS } from '#client/paths.ts'
import { WeftError } from '#domain/errors.ts'
import { createGate, type Gate } from '#domain/gate.ts'
import { fieldOf, parsePath } from '#wire/field.ts'
import { isRecord, type JsonRecord } from '#wire/untrusted.ts'
import { VERSION } from './version.ts'

/** What agents may ask (https://modelcontextprotocol.io): tools over `weft/client`, which read and change nothing. */

/** Characters of an answer: it is read by a model, to which a whole page of snapshots is worth nothing. */
const ANSWER_LENGTH_MAX = 100_000
/** Items of a list. */
export const ITEMS = { most: 100, usual: 20 }
/** Calls under way at once, of all agents. */
const CALLS_MAX = 8

export interface ToolsDeps {
  /** Where links lead. */
  readonly api: string
  /** Values that it gives have their CID. */
  readonly client: Client
  /** Proves as far as it was told whom to believe: `proof`, or no more than `cid`. */
  readonly verifier: { readonly client: Client; readonly level: 'cid' | 'proof' }
}

const READS = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: true }
const project = z.string().min(1).max(256).describe('Project id, as the tool projects lists them')
const epochId = z.int().min(0)
const epoch = z.union([z.literal('latest'), epochId]).describe('Epoch id, or latest: the newest that is final')
const path = z.string().min(1).max(256).optional().describe('One field of the data, as pairs.0.liquidity, in the place of all of it')
const count = z.int().min(1).max(ITEMS.most)
const limit = count.default(ITEMS.usual).describe('How many at most')

/** A server for one connection or one question; `callsGate` is for all of them. */
export function createMcpServer(deps: ToolsDeps, callsGate: Gate): McpServer {
  const server = new McpServer(
    { name: 'weft', version: VERSION },
    {
      instructions:
        'Finalized data of a Powerloom market. Every data point says its status (pending, finalized, disputed, absent with a reason) and links its proof. Quote both.',
    },
  )
  for (const [name, { description, input, answer }] of Object.entries(TOOLS) as [string, Tool][])
    server.registerTool(
      name,
      { description, inputSchema: input, annotations: READS },
      async (given: unknown, { signal }: { signal: AbortSignal }) => ({
        content: [{ type: 'text', text: await callsGate.through('agents', () => answer(input.parse(given), deps, signal)) }],
      }),
    )
  return server
}

export const createCallsGate = (): Gate => createGate({ queue: 'calls of tools', lengthMax: CALLS_MAX, perHolderMax: CALLS_MAX })

interface Tool<Input = unknown> {
  readonly description: string
  readonly input: z.ZodType<Input>
  /** The text of the answer, in JSON. */
  answer(given: Input, deps: ToolsDeps, signal: AbortSignal): Promise<string>
}
const toolOf = <Input>(tool: Tool<Input>): Tool<Input> => tool

const TOOLS = {
  projects: toolOf({
    description: 'Lists projects of the market by id, with the epochs in which they have data, and the proof of the newest that is final.',
    input: z.object({
      search: z.string().min(1).max(256).optional().describe('A part of the id, in any case'),
      type: z.string().min(1).max(256).optional(),
      limit,
    }),
    async answer({ search, type, limit }, { api, client }, signal) {
      const items: unknown[] = []
      for await (const item of client.projects({ ...(search && { search }), ...(type && { type }), limit: limit + 1, signal })) {
        const { projectId, lastFinalizedEpochId: last } = item
        items.push({
          ...item,
          status: last === undefined ? 'pending' : 'finalized',
          proof: last === undefined ? null : proofLink(api, projectId, last),
        })
        if (items.length > limit) break
      }
      return JSON.stringify({ projects: items.slice(0, limit), isMore: items.length > limit })
    },
  }),
  latest: toolOf({
    description: 'The newest data of a project that are final, or why there are none.',
    input: z.object({ project, path }),
    async answer({ project, path }, { api, client }, signal) {
      return pointText(await client.project(project).latest({ signal }), { api, path })
    },
  }),
  range: toolOf({
    description:
      'Data of a project over epochs from one to another, both included, or of the last so many, which is also what comes of neither; ascending. Where nextFrom is given, there are more.',
    input: z.object({ project, from: epochId.optional(), to: epochId.optional(), last: count.optional(), limit, path }),
    async answer({ project, path, limit, from, to, last }, { api, client }, signal) {
      const isOpen = from === undefined && to === undefined
      const range = { ...(from !== undefined && { from }), ...(to !== undefined && { to }), ...(isOpen && { last: last ?? limit }), signal }
      const points: string[] = []
      let length = 0
      for await (const point of client.project(project).range(range)) {
        const text = pointText(point, { api, path })
        length += text.length
        if (points.length === limit || (points.length > 0 && length > ANSWER_LENGTH_MAX))
          return `{"points":[${points.join(',')}],"nextFrom":${point.epochId}}`
        points.push(text)
      }
      return `{"points":[${points.join(',')}]}`
    },
  }),
  proof: toolOf({
    description:
      'The proof of a data point, in one file that anybody checks offline against the hash of one block: what it rests on, and where it is.',
    input: z.object({ project, epoch }),
    async answer({ project, epoch }, { api, client }, signal) {
      const point = await pointOf(client, { project, epoch }, signal)
      if (point.status !== 'finalized') return pointText(point, { api })
      const { blockHashOf, blockNumberOf } = await import('#client/proof.ts')
      const proof = await client.get('proof', { projectId: project, epochId: point.epochId }, { signal })
      const { anchorChainId, dataMarket, snapshotCid, batchCid } = isRecord(proof) ? proof : ({} as JsonRecord)
      const rests = { anchorChainId, dataMarket, blockNumber: blockNumberOf(proof), blockHash: blockHashOf(proof), batchCid, snapshotCid }
      const told = {
        projectId: project,
        epochId: point.epochId,
        status: point.status,
        proof: proofLink(api, project, point.epochId),
        ...rests,
      }
      const file = JSON.stringify(proof)
      return JSON.stringify(file.length > ANSWER_LENGTH_MAX ? { ...told, fileLength: file.length } : { ...told, file: proof })
    },
  }),
  verify: toolOf({
    description: 'Verifies a data point here, believing the api nothing. `ok` false names the step that fails.',
    input: z.object({ project, epoch }),
    async answer({ project, epoch }, { api, verifier }, signal) {
      try {
        const point = await pointOf(verifier.client, { project, epoch }, signal)
        const ok = point.verified === verifier.level
        return pointText(point, { api, besides: { ok, ...(ok && { shown: SHOWN[verifier.level] }) } })
      } catch (failure) {
        if (!isWeftError(failure, 'VERIFICATION_FAILED')) throw failure
        const proof = epoch === 'latest' ? null : proofLink(api, project, epoch)
        return JSON.stringify({ projectId: project, epochId: epoch, status: 'unproved', ok: false, ...failure.facts, proof })
      }
    },
  }),
}

const SHOWN = {
  cid: 'The data are those of the CID. That the CID is final is the word of the api: it is proved where RPC endpoints and the market are named at the start.',
  proof: 'The market holds the data as final, in a block whose hash enough of the RPC endpoints name.',
} as const

const proofLink = (api: string, projectId: string, epochId: number): string => `${api}${addressOf(PATHS.proof, { projectId, epochId })}`

const pointOf = (
  client: Client,
  { project, epoch }: { readonly project: string; readonly epoch: 'latest' | number },
  signal: AbortSignal,
) => (epoch === 'latest' ? client.project(project).latest({ signal }) : client.project(project).at(epoch, { signal }))

/** The data stand in it as they were written, so that no digit of them is lost. Throws `REQUEST_INVALID` for a path that is none. */
function pointText(
  { text, value: _, ...point }: DataPoint,
  { api, path, besides }: { readonly api: string; readonly path?: string | undefined; readonly besides?: object },
): string {
  const { projectId, epochId, status } = point
  const proof = status === 'finalized' ? proofLink(api, projectId, epochId) : null
  const told = JSON.stringify({ ...point, ...besides, proof })
  if (text === undefined) return told
  const data = path === undefined ? text : JSON.stringify(fieldAt(text, path))
  const shown = data.length > ANSWER_LENGTH_MAX ? JSON.stringify(`left out: ${data.length} characters; ask for a path`) : data
  return `${told.slice(0, -1)},"data":${shown}}`
}

function fieldAt(text: string, path: string): number | string | null {
  const segments = parsePath(path)
  if (segments === undefined) throw new WeftError('REQUEST_INVALID', { problems: ['path: names or numbers, with dots between them'] })
  return fieldOf(text, segments)
}
