import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { SpanName } from '#domain/spans.ts'
import type { ToldSpan } from './fake.ts'

/** OTLP over HTTP as a receiver has it, as far as our spans go. */
interface OtlpSpan {
  readonly traceId: string
  readonly parentSpanId?: string
  readonly name: SpanName
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, string | number>> }[]
  readonly status: { readonly code: number; readonly message?: string }
}
interface OtlpRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: OtlpSpan['attributes'] }
    readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[]
  }[]
}

export interface Receiver {
  /** Of the server, without the path. */
  readonly endpoint: string
  readonly url: string
  readonly headers: readonly IncomingMessage['headers'][]
  spans(): readonly ToldSpan[]
  /** Of whoever sent: `service.name` and the like. */
  resources(): readonly Readonly<Record<string, string | number>>[]
  stop(): Promise<void>
}

const factsOf = (attributes: OtlpSpan['attributes']) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0] as string | number]))

const msOf = (nanoseconds: string): number => Number(BigInt(nanoseconds) / 1_000_000n)

function spanOf({ traceId, parentSpanId, name, startTimeUnixNano, endTimeUnixNano, attributes, status }: OtlpSpan): ToldSpan {
  if (parentSpanId) throw new Error(`${name} has a parent`)
  const { code, ...facts } = factsOf(attributes)
  const isFailed = status.code === 2
  return {
    traceId,
    name,
    beganMs: msOf(startTimeUnixNano),
    endedMs: msOf(endTimeUnixNano),
    facts: isFailed || code === undefined ? facts : { ...facts, code },
    ...(isFailed && { failure: code as string }),
  }
}

/** A receiver of traces on a free port, which `answer`s what it has taken; with 200 unless said. */
export async function startReceiver(answer = (response: ServerResponse): unknown => response.writeHead(200).end('{}')): Promise<Receiver> {
  const requests: OtlpRequest[] = []
  const headers: IncomingMessage['headers'][] = []
  const server = createServer(async (request, response) => {
    const parts = await Array.fromAsync(request as AsyncIterable<Buffer>)
    headers.push(request.headers)
    requests.push(JSON.parse(Buffer.concat(parts).toString()) as OtlpRequest)
    answer(response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const resourceSpans = () => requests.flatMap((request) => request.resourceSpans)
  return {
    endpoint,
    url: `${endpoint}/v1/traces`,
    headers,
    spans: () => resourceSpans().flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans.map(spanOf))),
    resources: () => resourceSpans().map(({ resource }) => factsOf(resource.attributes)),
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
