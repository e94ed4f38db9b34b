import { buildCommand, buildRouteMap } from '@stricli/core'
import { parseAddress, parseSlotId, type Address } from '#domain/ids.ts'
import { stopSignal } from '#node/stop.ts'
import type { Assignment } from '#operator/slot-plan.ts'
import {
  CONTRACT_FLAGS,
  conductOf,
  type ContractFlags,
  MARKET_FLAG,
  type MarketFlag,
  PLACE_FLAGS,
  type PlaceFlags,
  placesOf,
  rpcUrlOf,
  SEND_FLAGS,
  type SendFlags,
  tell,
  toJson,
} from './operator.ts'
import { integerIn } from './parse.ts'
import { withContracts } from './with-contracts.ts'

/** One command mints or assigns so many at most: an hour of blocks on a slow chain. */
const SLOTS_MAX = 10_000

const showCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: PlaceFlags & ContractFlags & MarketFlag) {
    const { findAddresses, openReader, readRegistry } = await import('#operator/addresses.ts')
    const { accountsOf, tellSlotAccount } = await import('#operator/days.ts')
    const rpc = openReader(rpcUrlOf(this.process, flags))
    const addresses = await findAddresses(rpc, placesOf(this.process, flags))
    const registry = await readRegistry(rpc, addresses)
    const ids = registry.slots.map(({ slotId }) => slotId)
    const accounts = await accountsOf(rpc, addresses.dataMarket, ids)
    if (flags.json) {
      const told = registry.slots.map((slot, index) => ({ ...slot, ...accounts[index] }))
      this.process.stdout.write(`${toJson({ ...registry, slots: told })}\n`)
      return
    }
    const { slots, address, owner, priceWei, mintStartTime } = registry
    const minting = mintStartTime === 0 ? 'minting is closed' : `minting from ${new Date(mintStartTime * 1_000).toISOString()} on`
    this.process.stdout.write(
      `${slots.length} ${slots.length === 1 ? 'slot' : 'slots'} in ${address} of ${owner}; ${priceWei} wei each, ${minting}\n`,
    )
    if (slots.length > 0) this.process.stdout.write(`${'slot'.padStart(7)}  ${'signer, and owner below'.padEnd(42)}  state\n`)
    for (const [index, slot] of slots.entries()) {
      const state = slot.isBurned ? 'burned' : slot.isActive ? 'active' : 'no signer'
      this.process.stdout.write(`${String(slot.slotId).padStart(7)}  ${slot.signer}  ${state}\n${' '.repeat(9)}${slot.owner}\n`)
      const account = accounts[index]
      if (account !== undefined) this.process.stdout.write(`${' '.repeat(9)}${tellSlotAccount(account)}\n`)
    }
  },
  parameters: { flags: { ...PLACE_FLAGS, ...CONTRACT_FLAGS, ...MARKET_FLAG } },
  docs: { brief: 'List every slot: owner, signer, state and its last two days' },
})

interface MintFlags extends PlaceFlags, ContractFlags, SendFlags {
  readonly count: number
  readonly signer?: Address
}

const mintCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: MintFlags) {
    const { mintSlots } = await import('#operator/slots.ts')
    const { count, signer } = flags
    await withContracts(this.process, flags, async (session, { nodes }) => {
      const minted = await mintSlots(session, { nodes, count, signer }, conductOf(this.process, flags), stopSignal())
      if (!flags.json && minted.slotIds.length > 0) this.process.stdout.write(`slots          ${minted.slotIds.join(', ')}\n`)
      tell(this.process, flags, minted, { slotIds: minted.slotIds })
    })
  },
  parameters: {
    flags: {
      ...PLACE_FLAGS,
      ...CONTRACT_FLAGS,
      ...SEND_FLAGS,
      count: { kind: 'parsed', parse: integerIn(1, SLOTS_MAX), default: '1', brief: 'How many' },
      signer: { kind: 'parsed', parse: parseAddress, optional: true, brief: 'Signer that they get at once' },
    },
  },
  docs: {
    brief: 'Mint slots for the account that signs, at the price of the registry',
    fullDescription: 'Minting that is closed is opened for it and closed again, which only the owner of the registry can do.',
  },
})

/** `7=0x…` or `1-5=0x…`. */
function assignmentsIn(text: string): readonly Assignment[] {
  const parts = /^([0-9]+)(?:-([0-9]+))?=(0x[0-9a-fA-F]{40})$/.exec(text)
  if (parts === null) throw new SyntaxError(`'${text}' is not SLOT=ADDRESS or FIRST-LAST=ADDRESS`)
  const [first, last] = [parseSlotId(parts[1] as string), parseSlotId(parts[2] ?? (parts[1] as string))]
  if (first < 1 || last < first || last - first >= SLOTS_MAX)
    throw new SyntaxError(`'${text}' is no range of at most ${SLOTS_MAX} slots, counted from 1`)
  const signer = parseAddress(parts[3] as string)
  return Array.from({ length: last - first + 1 }, (_, index) => ({ slotId: parseSlotId(first + index), signer }))
}

interface AssignFlags extends PlaceFlags, ContractFlags, SendFlags {}

const assignCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: AssignFlags, ...lists: (readonly Assignment[])[]) {
    const { assignSlots } = await import('#operator/slots.ts')
    await withContracts(this.process, flags, async (session, { nodes }) => {
      const carried = await assignSlots(session, { nodes, assignments: lists.flat() }, conductOf(this.process, flags), stopSignal())
      tell(this.process, flags, carried, {})
    })
  },
  parameters: {
    flags: { ...PLACE_FLAGS, ...CONTRACT_FLAGS, ...SEND_FLAGS },
    positional: {
      kind: 'array',
      minimum: 1,
      parameter: { brief: 'SLOT=ADDRESS or FIRST-LAST=ADDRESS, as many as wanted', parse: assignmentsIn, placeholder: 'assignment' },
    },
  },
  docs: {
    brief: 'Give slots their signers',
    fullDescription:
      "The registry's owner and admins may assign any slot; other accounts their own, once the registry's cooldown is over. For example: ./weft slots assign 1-5=0x… 7=0x…",
  },
})

export const slotsRoutes = buildRouteMap({
  routes: { show: showCommand, mint: mintCommand, assign: assignCommand },
  docs: { brief: 'List, mint and assign slots' },
})
