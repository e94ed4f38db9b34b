import { execute, type ExecutionResult, GraphQLError, parse, validate } from 'graphql'
import { isWeftError, toldOutside, WeftError } from '#domain/errors.ts'
import { createGate } from '#domain/gate.ts'
import { Answer, type Asking, type HttpRoute } from '#io/http/port.ts'
import { GRAPHQL } from '#wire/api.ts'
import { parseRequest } from '#wire/routes.ts'
import { isRecord, parseJson } from '#wire/untrusted.ts'
import { checkLimits, TOKENS_MAX } from './graphql-limits.ts'
import { GRAPHQL_SCHEMA, graphqlRoot } from './graphql-schema.ts'
import type { Answers } from './served.ts'
import type { WindowedDeps } from './windows.ts'

/** `/graphql`: the same data as below `/v1`, to be asked for in one question. It reads only. */

/** Told of one query. */
const ERRORS_MAX = 10
/** Queries answered at once, and of one address or key: each may cost a hundred times what another question does, and those must not wait for it. */
const AT_ONCE = { lengthMax: 16, perHolderMax: 4 }

export function graphqlRoutes(deps: WindowedDeps, answers: Answers): readonly HttpRoute[] {
  const { path } = GRAPHQL.get
  const gate = createGate({ queue: 'queries', ...AT_ONCE })
  return [
    {
      method: 'GET',
      path,
      answer(fields, asking) {
        const asked = parseRequest(GRAPHQL.get, fields)
        const given = asked.variables === undefined ? {} : parseJson(asked.variables)
        if (!isRecord(given)) throw new WeftError('REQUEST_INVALID', { problems: ['variables: is no JSON object'] })
        return gate.through(asking.caller, () => answered({ ...asked, variables: given }, { deps, answers, asking }))
      },
    },
    {
      method: 'POST',
      path,
      answer(fields, asking) {
        const asked = parseRequest(GRAPHQL.post, fields)
        return gate.through(asking.caller, () => answered(asked, { deps, answers, asking }))
      },
    },
  ]
}

interface Query {
  readonly query: string
  readonly operationName?: string | null | undefined
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined
}

async function answered(
  asked: Query,
  { deps, answers, asking }: { readonly deps: WindowedDeps; readonly answers: Answers; readonly asking: Asking },
): Promise<Answer> {
  const prepared = prepare(asked)
  if ('errors' in prepared) return new Answer({ status: 400, body: { json: { errors: prepared.errors } } })
  const { document, names } = prepared
  const withText = names.has('data') || names.has('text')
  const result = (await execute({
    schema: GRAPHQL_SCHEMA,
    document,
    rootValue: graphqlRoot({ deps, answers, asking, withText }),
    variableValues: asked.variables ?? {},
    operationName: asked.operationName ?? undefined,
  })) as ExecutionResult
  const errors = result.errors?.slice(0, ERRORS_MAX).map(told)
  // Without data the question itself is wrong, or what it needs is not to be had just now.
  const isPassing = result.errors?.some(({ originalError }) => isWeftError(originalError) && originalError.kind === 'transient')
  const status = result.data ? 200 : isPassing ? 503 : 400
  return new Answer({ status, body: { json: { data: result.data, errors } } })
}

/** The document, once its size is known to be small: only then anything else looks at it. */
function prepare(asked: Query) {
  try {
    const document = parse(asked.query, { maxTokens: TOKENS_MAX, noLocation: true })
    const names = checkLimits(document, asked.variables ?? {})
    const errors = validate(GRAPHQL_SCHEMA, document, undefined, { maxErrors: ERRORS_MAX })
    return errors.length > 0 ? { errors: errors.map(told) } : { document, names }
  } catch (failure) {
    if (failure instanceof GraphQLError) return { errors: [told(failure)] }
    throw failure
  }
}

/** With the code of what failed. What is not the asker's affair fails the whole answer, and is told to the log. */
function told(error: GraphQLError) {
  const { originalError: cause, message, path, locations, extensions } = error
  if (cause === undefined || cause instanceof GraphQLError)
    return { message, path, locations, extensions: { code: 'REQUEST_INVALID', ...extensions } }
  if (!isWeftError(cause) || (cause.kind !== 'caller' && cause.kind !== 'transient')) throw cause
  return { message: toldOutside(cause), path, extensions: { code: cause.code } }
}
