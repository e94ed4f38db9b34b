import { jetstream, type JetStreamClient, jetstreamManager, type JetStreamManager } from '@nats-io/jetstream'
import { Kvm } from '@nats-io/kv'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { detailOf, WeftError } from '#domain/errors.ts'
import { SUBMISSION_BYTES_MAX } from '#wire/submission-proto.ts'
import { jetStreamLog } from './jetstream-log.ts'
import { createLeases } from './jetstream-lease.ts'
import { type Link, watchLink } from './link.ts'
import { createPassage } from './nats-passage.ts'
import type { Shared } from './port.ts'
import { patiently } from './patiently.ts'

export interface JetStreamOptions {
  /** Of one cluster, as NATS has them: `nats://user:password@host:4222`. */
  readonly servers: readonly string[]
  /** Apart from what others keep on the same servers: letters, digits, `-`. */
  readonly space: string
  readonly partitions: number
  /** Servers that must have an entry before it counts as durable. With one, that one must be set to `sync_interval: always`. */
  readonly replicas: number
  /** How this process calls itself, and after a restart again. */
  readonly holder: string
  readonly leaseMs?: number
  /** Of deliveries that wait for the box of this process. */
  readonly waitingBytesMax?: number
}

/** A second of the largest deliveries at the highest rate that one box takes. */
const WAITING_BYTES_MAX = 64 * 1024 * 1024
/** Half of what servers take unless they are told otherwise: whoever reads one has it whole in memory. */
const MESSAGE_BYTES_MAX = 512 * 1024
/** What stands beside an entry in its message, and in one beside the payload of a delivery. */
const BESIDE_BYTES_MAX = 1_024
/** Short enough that an epoch is not lost over it. Servers that elect another leader may take longer: who had a lease asks for it again then. */
const LEASE_MS = 4_000
const CONNECT_TIMEOUT_MS = 5_000

/** What the parts of the adapter share. */
export interface JetStreamContext {
  readonly connection: NatsConnection
  readonly link: Link
  readonly js: JetStreamClient
  readonly jsm: JetStreamManager
  readonly options: JetStreamOptions & { readonly waitingBytesMax: number }
  /** As the server of now takes them, without what stands beside it. */
  messageBytesMax(): number
  /** Of the servers, without what is secret in their addresses. */
  readonly places: string
  readonly signal: AbortSignal
}

/** Connects to NATS. Throws `LOG_UNREACHABLE`, also where the servers have no JetStream, and `LOG_MESSAGES_SHORT`; later it waits for servers that are gone. */
export async function openJetStream(options: JetStreamOptions): Promise<Shared> {
  const places = options.servers.map((server) => server.slice(server.lastIndexOf('@') + 1)).join(', ')
  const unreachable = (cause: unknown): never => {
    throw new WeftError('LOG_UNREACHABLE', { servers: places, detail: detailOf(cause) }, cause)
  }
  const connection = await connect({
    servers: [...options.servers],
    name: `weft ${options.holder}`,
    timeout: CONNECT_TIMEOUT_MS,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    ignoreAuthErrorAbort: true,
  }).catch(unreachable)
  const stopping = new AbortController()
  const payloadBytesMax = (): number => connection.info?.max_payload ?? MESSAGE_BYTES_MAX
  const messageBytesMax = (): number => Math.min(MESSAGE_BYTES_MAX, payloadBytesMax() - BESIDE_BYTES_MAX)
  try {
    const { signal } = stopping
    const needed = SUBMISSION_BYTES_MAX + 2 * BESIDE_BYTES_MAX
    if (payloadBytesMax() < needed) throw new WeftError('LOG_MESSAGES_SHORT', { servers: places, bytesMax: payloadBytesMax(), needed })
    // A cluster that has just begun has no leader yet.
    const jsm = await patiently(() => jetstreamManager(connection), { places, signal })
    const context: JetStreamContext = {
      connection,
      link: watchLink(connection),
      js: jetstream(connection),
      jsm,
      options: { waitingBytesMax: WAITING_BYTES_MAX, ...options },
      messageBytesMax,
      places,
      signal,
    }
    const bucket = () =>
      new Kvm(connection).create(`weft-${options.space}-leases`, {
        ttl: options.leaseMs ?? LEASE_MS,
        replicas: options.replicas,
        history: 1,
      })
    const leases = createLeases(await patiently(bucket, context), { holder: options.holder, leaseMs: options.leaseMs ?? LEASE_MS })
    const { pass, answers, passed } = createPassage(context)
    return {
      log: (partition) => jetStreamLog(partition, context),
      lease: leases.lease,
      pass,
      answers,
      passed,
      async stop() {
        stopping.abort(new WeftError('STOPPED', { what: 'NATS' }))
        leases.stop()
        await connection.close()
      },
    }
  } catch (failure) {
    await connection.close()
    if (failure instanceof WeftError) throw failure
    return unreachable(failure)
  }
}
