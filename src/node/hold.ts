import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { storeFailed, WeftError } from '#domain/errors.ts'
import type { Address, SlotId } from '#domain/ids.ts'
import { parseBlockNumber } from '#domain/ids.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import { systemClock } from '#io/clock/system.ts'
import { systemRandom } from '#io/keys/random.ts'
import { persist } from '#life/persist.ts'
import { keccak256 } from '#wire/keccak.ts'
import type { RoleHome } from './home.ts'
import type { Started } from './stop.ts'

/**
 * One process of a machine signs for a slot, and one as a validator, whatever their data directories: two would sign two different answers
 * to one question. Who holds it listens on a local socket with its name, which the system takes away with the process, also after
 * SIGKILL, and tells whoever comes who it is.
 */

/** Far more than any holder says. */
const WORD_BYTES_MAX = 4_096
const WORD_TIMEOUT_MS = 1_000

interface Holding {
  readonly chain: AnchorChain
  readonly home: Pick<RoleHome, 'directory' | 'report'>
  readonly started: Started
  readonly signal: AbortSignal
}

/** Resolves with the name of chain and market. Throws `SIGNER_IN_USE` when another process signs for one of the slots. */
export async function holdSlots(slotIds: readonly SlotId[], holding: Holding): Promise<string> {
  const place = await placeOf(holding)
  for (const slotId of slotIds) await holdFor(`slot ${slotId}`, place, holding)
  return place
}

/** Throws `SIGNER_IN_USE` when another process attests as this account. */
export async function holdValidator(address: Address, holding: Holding): Promise<void> {
  await holdFor(`validator ${address}`, await placeOf(holding), holding)
}

type Place = Pick<AnchorChain, 'chainId' | 'dataMarket' | 'block'>

async function placeOf({ chain, home: { report }, signal }: Holding): Promise<string> {
  const deps = { clock: systemClock, random: systemRandom, report }
  return persist({ doing: 'read_genesis', attempt: () => nameOf(chain), signal }, deps)
}

/** Development chains have the same ids, and the same contracts at the same addresses: their first blocks differ. */
async function nameOf(chain: Place): Promise<string> {
  const genesis = await chain.block(parseBlockNumber(0))
  return `${chain.chainId} ${genesis?.hash} ${chain.dataMarket}`
}

export interface Holder {
  /** Text, and `unknown` where it says nothing that makes sense. */
  readonly processId: string
  readonly dataDir: string
  /** None of a validator. */
  readonly slotId?: SlotId
}

/** Which processes of this machine sign for the slots, or attest as the account, now. Nothing is taken. Throws as the chain. */
export async function holdersOf(
  { slotIds, validator }: { readonly slotIds: readonly SlotId[]; readonly validator: Address | undefined },
  chain: Place,
): Promise<readonly Holder[]> {
  const place = await nameOf(chain)
  const holders: Holder[] = []
  for (const slotId of slotIds) {
    const holder = await askHolder(socketOf(`${place} slot ${slotId}`))
    if (holder !== undefined) holders.push({ ...holder, slotId })
  }
  const other = validator === undefined ? undefined : await askHolder(socketOf(`${place} validator ${validator}`))
  return other === undefined ? holders : [...holders, other]
}

async function holdFor(what: string, place: string, { home, started }: Holding): Promise<void> {
  const held = await hold(`${place} ${what}`, { what, dataDir: home.directory })
  started.add(`hold of ${what}`, held)
}

/** Throws `SIGNER_IN_USE`, or as `storeFailed` where no socket can be had. */
export async function hold(
  name: string,
  { what, dataDir }: { readonly what: string; readonly dataDir: string },
): Promise<{ stop(): Promise<void> }> {
  const path = socketOf(name)
  // The second attempt is after a holder that left a socket file behind, where the system keeps files for them.
  for (const isLast of [false, true]) {
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.end(JSON.stringify({ processId: process.pid, dataDir }))
    })
    const failure = await listening(server, path)
    if (failure === undefined) return holdOf(server)
    if (failure.code !== 'EADDRINUSE') throw storeFailed(path, 'holding it', failure)
    const holder = await askHolder(path)
    if (holder !== undefined || isLast) throw new WeftError('SIGNER_IN_USE', { what, ...(holder ?? UNKNOWN) })
    rmSync(path, { force: true })
  }
  throw new Error('unreachable')
}

/** On Linux it is no file: names that begin with a zero byte are the kernel's, for all users and folders alike. */
function socketOf(name: string): string {
  const short = `weft-${keccak256(new TextEncoder().encode(name)).toHex().slice(0, 32)}`
  return process.platform === 'linux' ? `\0${short}` : join(tmpdir(), `${short}.sock`)
}

async function listening(server: Server, path: string): Promise<NodeJS.ErrnoException | undefined> {
  server.listen(path)
  try {
    await once(server, 'listening')
    // It holds the name, not the process.
    server.unref()
    return undefined
  } catch (failure) {
    return failure as NodeJS.ErrnoException
  }
}

function holdOf(server: Server): { stop(): Promise<void> } {
  return { stop: () => new Promise((resolve) => server.close(() => resolve())) }
}

const UNKNOWN = { processId: 'unknown', dataDir: 'unknown' }

/** Who listens there; nobody when what is left of a holder is its file. Whoever says nothing that makes sense is somebody all the same. */
async function askHolder(path: string): Promise<{ readonly processId: string; readonly dataDir: string } | undefined> {
  const socket = connect(path)
  socket.setTimeout(WORD_TIMEOUT_MS, () => socket.destroy())
  let word = ''
  try {
    for await (const chunk of socket) {
      word += String(chunk)
      if (word.length > WORD_BYTES_MAX) break
    }
    const { processId, dataDir } = JSON.parse(word) as Readonly<Record<string, unknown>>
    return { processId: String(processId), dataDir: String(dataDir) }
  } catch (failure) {
    const { code } = failure as NodeJS.ErrnoException
    return code === 'ECONNREFUSED' || code === 'ENOENT' ? undefined : UNKNOWN
  } finally {
    socket.destroy()
  }
}
