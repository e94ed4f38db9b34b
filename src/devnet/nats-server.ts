import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder } from '#io/disk/folder.ts'
import { natsBinary } from './nats-binary.ts'
import { type Program, startProgram } from './program.ts'

/** A NATS server with JetStream on loopback, that has on its disk what it acknowledges. */
export interface NatsServer extends Pick<Program, 'groupId' | 'ended' | 'kill' | 'stop'> {
  readonly url: string
}

export interface NatsServerOptions {
  /** What it keeps, also for one that is started again. */
  readonly directory: string
  /** A free one when not given. */
  readonly port?: number
  /** Bytes of a message that it takes; its own 1 MiB when not given. */
  readonly payloadBytesMax?: number
  /** One of several that are one. */
  readonly cluster?: { readonly name: string; readonly port: number; readonly ports: readonly number[] }
}

/** Throws `CHILD_PROCESS_FAILED`, also where there is no `nats-server` to be had. */
export async function startNatsServer(options: NatsServerOptions): Promise<NatsServer> {
  const { directory } = options
  makeFolder(directory)
  const config = join(directory, 'nats-server.conf')
  writeFileSync(config, configOf(options))
  const program = await startProgram({
    name: 'nats-server',
    path: await natsBinary(),
    args: ['-c', config],
    listening: /Listening for client connections on (\S+)$/,
  })
  return { ...program, url: `nats://${program.told}` }
}

function configOf({ directory, port = -1, payloadBytesMax, cluster }: NatsServerOptions): string {
  const lines = [
    `listen: "127.0.0.1:${port}"`,
    // Otherwise it acknowledges up to two minutes of what a power cut would take.
    `jetstream { store_dir: ${JSON.stringify(join(directory, 'jetstream'))}, sync_interval: always }`,
  ]
  if (payloadBytesMax !== undefined) lines.push(`max_payload: ${payloadBytesMax}`)
  if (cluster !== undefined) {
    const routes = cluster.ports.map((other) => `"nats://127.0.0.1:${other}"`).join(', ')
    lines.push(`server_name: "${cluster.name}"`)
    lines.push(`cluster { name: weft, listen: "127.0.0.1:${cluster.port}", routes: [${routes}] }`)
  }
  return `${lines.join('\n')}\n`
}
