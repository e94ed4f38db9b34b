import { create, toBinary } from '@bufbuild/protobuf'
import { type Message, MessageSchema } from './gen/rendezvous_pb.ts'
import { withLength } from './length-prefix.ts'
import { parseMessage } from './untrusted-message.ts'

/** The frames of `/rendezvous/1.0.0`, as libp2p specifies it: peers register under a name, others ask who is registered there. */
export const RENDEZVOUS_PROTOCOL = '/rendezvous/1.0.0'

/** As the specification has it. */
export const NAMESPACE_BYTES_MAX = 255
/** A record of sixteen long addresses with its envelope takes 1.5 KiB. */
export const RECORD_BYTES_MAX = 2_048
/** A record, a name, a few numbers. */
export const REQUEST_BYTES_MAX = 4_096
/** What one answer tells at most, records and names together; whoever wants more asks again with the cookie. */
export const ANSWER_BYTES_MAX = 256 * 1024
export const COOKIE_BYTES_MAX = 512

const TYPES = { register: 0, registerResponse: 1, unregister: 2, discover: 3, discoverResponse: 4 } as const

const STATUSES = {
  OK: 0,
  E_INVALID_NAMESPACE: 100,
  E_INVALID_SIGNED_PEER_RECORD: 101,
  E_INVALID_TTL: 102,
  E_INVALID_COOKIE: 103,
  E_NOT_AUTHORIZED: 200,
  E_INTERNAL_ERROR: 300,
  E_UNAVAILABLE: 400,
} as const

export type RendezvousStatus = keyof typeof STATUSES

export type RendezvousRequest =
  | { readonly kind: 'register'; readonly namespace: string; readonly record: Uint8Array; readonly ttlSeconds: number | undefined }
  | { readonly kind: 'unregister'; readonly namespace: string }
  /** Without a namespace, of all of them. */
  | {
      readonly kind: 'discover'
      readonly namespace: string | undefined
      readonly limit: number | undefined
      readonly cookie: Uint8Array | undefined
    }

export interface Registered {
  readonly namespace: string
  readonly record: Uint8Array
  /** What is left of it. */
  readonly ttlSeconds: number
}

export type RendezvousAnswer =
  | { readonly kind: 'registered'; readonly status: RendezvousStatus; readonly ttlSeconds: number }
  | {
      readonly kind: 'discovered'
      readonly status: RendezvousStatus
      readonly registrations: readonly Registered[]
      readonly cookie: Uint8Array
    }

/** Nobody asks for less than a second or more than it can count. */
const numberOf = (value: bigint): number => (value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value))

const framed = (message: Message): Uint8Array => withLength(toBinary(MessageSchema, message))

export function encodeRequest(request: RendezvousRequest): Uint8Array {
  switch (request.kind) {
    case 'register': {
      const ttl = request.ttlSeconds === undefined ? {} : { ttl: BigInt(request.ttlSeconds) }
      const register = { ns: request.namespace, signedPeerRecord: request.record, ...ttl }
      return framed(create(MessageSchema, { type: TYPES.register, register }))
    }
    case 'unregister':
      return framed(create(MessageSchema, { type: TYPES.unregister, unregister: { ns: request.namespace } }))
    case 'discover': {
      const discover = {
        ...(request.namespace === undefined ? {} : { ns: request.namespace }),
        ...(request.limit === undefined ? {} : { limit: BigInt(request.limit) }),
        ...(request.cookie === undefined ? {} : { cookie: request.cookie }),
      }
      return framed(create(MessageSchema, { type: TYPES.discover, discover }))
    }
  }
}

/** `undefined` when the frame holds something else. What the fields hold is for whoever serves it. */
export function parseRequest(frame: Uint8Array): RendezvousRequest | undefined {
  const message = parseMessage(MessageSchema, frame)
  switch (message?.type) {
    case TYPES.register: {
      if (message.register === undefined) return undefined
      const { ns: namespace, signedPeerRecord: record, ttl } = message.register
      return { kind: 'register', namespace, record, ttlSeconds: ttl === 0n ? undefined : numberOf(ttl) }
    }
    case TYPES.unregister:
      return message.unregister && { kind: 'unregister', namespace: message.unregister.ns }
    case TYPES.discover: {
      const { ns = '', limit = 0n, cookie = new Uint8Array(0) } = message.discover ?? {}
      return {
        kind: 'discover',
        namespace: ns === '' ? undefined : ns,
        limit: limit === 0n ? undefined : numberOf(limit),
        cookie: cookie.length === 0 ? undefined : cookie,
      }
    }
    default:
      return undefined
  }
}

export function encodeAnswer(answer: RendezvousAnswer): Uint8Array {
  const status = STATUSES[answer.status]
  if (answer.kind === 'registered') {
    const registerResponse = { status, ttl: BigInt(answer.ttlSeconds) }
    return framed(create(MessageSchema, { type: TYPES.registerResponse, registerResponse }))
  }
  const registrations = answer.registrations.map(({ namespace, record, ttlSeconds }) => ({
    $typeName: 'rendezvous.pb.Message.Register' as const,
    ns: namespace,
    signedPeerRecord: record,
    ttl: BigInt(ttlSeconds),
  }))
  const discoverResponse = { status, registrations, cookie: answer.cookie }
  return framed(create(MessageSchema, { type: TYPES.discoverResponse, discoverResponse }))
}

/** `undefined` when the frame holds something else. */
export function parseAnswer(frame: Uint8Array): RendezvousAnswer | undefined {
  const message = parseMessage(MessageSchema, frame)
  if (message?.type === TYPES.registerResponse && message.registerResponse !== undefined) {
    const { status, ttl } = message.registerResponse
    return { kind: 'registered', status: statusOf(status), ttlSeconds: numberOf(ttl) }
  }
  if (message?.type !== TYPES.discoverResponse || message.discoverResponse === undefined) return undefined
  const { status, registrations, cookie } = message.discoverResponse
  return {
    kind: 'discovered',
    status: statusOf(status),
    registrations: registrations.map(({ ns, signedPeerRecord, ttl }) => ({
      namespace: ns,
      record: signedPeerRecord,
      ttlSeconds: numberOf(ttl),
    })),
    cookie,
  }
}

/** One that nobody has specified says as much as that it did not work. */
const statusOf = (number: number): RendezvousStatus =>
  (Object.keys(STATUSES) as RendezvousStatus[]).find((name) => STATUSES[name] === number) ?? 'E_INTERNAL_ERROR'
