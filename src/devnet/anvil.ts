import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { WeftError } from '#domain/errors.ts'
import { startProgram } from './program.ts'

/** A running development chain. */
export interface Anvil {
  readonly rpcUrl: string
  /** Resolves when the process has ended, for whatever reason. */
  readonly ended: Promise<void>
  stop(): Promise<void>
}

/** The binary itself, not the npm wrapper script: the wrapper would leave it behind when killed. */
function binaryPath(): string {
  const arch = process.arch === 'x64' ? 'amd64' : process.arch
  const wrapper = createRequire(import.meta.url).resolve('@foundry-rs/anvil/package.json')
  try {
    const found = createRequire(wrapper).resolve(`@foundry-rs/anvil-${process.platform}-${arch}/package.json`)
    return join(dirname(found), 'bin', 'anvil')
  } catch (cause) {
    throw new WeftError('CHILD_PROCESS_FAILED', { program: 'anvil', detail: `no binary for ${process.platform}-${process.arch}` }, cause)
  }
}

export interface AnvilOptions {
  readonly chainId: number
  /** Seconds between blocks; without it blocks are mined only on request. */
  readonly blockTimeSeconds?: number
  /** More flags, passed on as they are. */
  readonly flags?: readonly string[]
}

/** Starts a chain on a free loopback port. Throws `CHILD_PROCESS_FAILED`. */
export async function startAnvil(options: AnvilOptions): Promise<Anvil> {
  const mining = options.blockTimeSeconds === undefined ? ['--no-mining'] : ['--block-time', String(options.blockTimeSeconds)]
  const flags = ['--host', '127.0.0.1', '--port', '0', '--chain-id', String(options.chainId), ...mining, ...(options.flags ?? [])]
  const { told, ended, stop } = await startProgram({ name: 'anvil', path: binaryPath(), args: flags, listening: /^Listening on (\S+)$/ })
  return { rpcUrl: `http://${told}`, ended, stop }
}
