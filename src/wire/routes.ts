import { z } from 'zod'
import { WeftError } from '#domain/errors.ts'
import { type EpochId, isProjectId, type ProjectId, type SlotId } from '#domain/ids.ts'
import { CURSOR_LENGTH_MAX, decodeCursor } from './cursor.ts'

/** How an HTTP route is written down, once: requests are checked, types made and documents written from the same lines. */

/** Told of one request. */
const PROBLEMS_MAX = 20

/** One route: its path holds `{name}` where a segment is a value. */
export interface RouteForm<Input, Output = unknown> {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly doc: string
  readonly input: z.ZodType<Input>
  /** What an answer looks like; without it, any JSON. */
  readonly output?: z.ZodType<Output>
  /** Of an answer that is not JSON. */
  readonly type?: string
  /** What is not there is told in the same form, with status 404. */
  readonly isAbsenceTold?: true
}

export const get = <Shape extends z.core.$ZodLooseShape>(path: string, shape: Shape, doc: string) => ({
  method: 'GET' as const,
  path,
  doc,
  input: z.object(shape),
})
export const post = <Shape extends z.core.$ZodLooseShape>(path: string, shape: Shape, doc: string) => ({
  ...get(path, shape, doc),
  method: 'POST' as const,
})

// --- of a path or a query, where everything is text ------------------------------------------------------------------

/** As it is written in a path or a query. */
export const INTEGER = /^(0|[1-9][0-9]{0,15})$/
export const integer = (min: number, max = Number.MAX_SAFE_INTEGER) =>
  z.string().regex(INTEGER, 'is no decimal integer').transform(Number).pipe(z.int().min(min).max(max))
export const epochId = integer(1).transform((id) => id as EpochId)
export const slotId = integer(1).transform((id) => id as SlotId)
export const projectId = z
  .string()
  // Not the predicate itself: declarations of what is made of this could not name its type.
  .refine((text): boolean => isProjectId(text), 'is no project id, which is type[:dataSource]:namespace')
  .transform((id) => id as ProjectId)
export const cursor = z
  .string()
  .max(CURSOR_LENGTH_MAX)
  .refine((text) => decodeCursor(text) !== undefined, 'is no cursor of an answer')
  .transform((text) => decodeCursor(text) as string)
/** A list is told in pages. */
export const page = (lengthMax: number) => ({ limit: integer(1, lengthMax).optional(), cursor: cursor.optional() })

/** What a request holds, as its route takes it. Fields that the route does not know are ignored, as deployed servers do. Throws `REQUEST_INVALID`. */
export function parseRequest<Input>({ input }: Pick<RouteForm<Input>, 'input'>, fields: unknown): Input {
  const parsed = input.safeParse(fields)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.slice(0, PROBLEMS_MAX).map(({ path, message }) => `${path.join('.') || 'the body'}: ${message}`)
  throw new WeftError('REQUEST_INVALID', { problems })
}

/** What is told in place of an answer; `problems` where the request is wrong. */
const REFUSAL = z.object({
  status: z.literal('error'),
  code: z.string().optional(),
  message: z.string(),
  problems: z.array(z.string()).optional(),
})

/** The routes in the words of OpenAPI 3.1. */
export function openApiOf(title: string, routes: readonly RouteForm<unknown>[]): unknown {
  const paths: Record<string, Record<string, unknown>> = {}
  const refusal = z.toJSONSchema(REFUSAL)
  for (const { method, path, doc, input, output, type = 'application/json', isAbsenceTold } of routes) {
    const { properties = {}, required = [] } = z.toJSONSchema(input, { io: 'input' })
    const parameters = Object.entries(properties).map(([name, schema]) => ({
      name,
      in: path.includes(`{${name}}`) ? 'path' : 'query',
      required: required.includes(name),
      schema,
    }))
    const body = { type: 'object', properties: { token: { type: 'string' }, ...properties }, required }
    const takes = method === 'GET' ? { parameters } : { requestBody: { content: { 'application/json': { schema: body } } } }
    const answer = output && { content: { [type]: { schema: z.toJSONSchema(output, { io: 'input' }) } } }
    const responses = {
      200: { description: doc, ...answer },
      ...(isAbsenceTold && { 404: { description: 'Absent, and why.', ...answer } }),
      ...(method === 'GET' && {
        default: { description: 'Why there is no answer.', content: { 'application/json': { schema: refusal } } },
      }),
    }
    paths[path] = { ...paths[path], [method.toLowerCase()]: { summary: doc, ...takes, responses } }
  }
  return { openapi: '3.1.0', info: { title, version: '1' }, paths }
}
