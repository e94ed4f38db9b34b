import { parseAddress } from '#domain/ids.ts'
import type { Address, BlockNumber, SlotId } from '#domain/ids.ts'
import type { SlotState } from '#io/chain/port.ts'
import type { Rpc } from '#io/chain/rpc/rpc.ts'
import { createView } from '#io/chain/rpc/views.ts'
import type { View } from '#io/chain/rpc/views.ts'
import { nodesAbi } from '#wire/abi/nodes.ts'

/** A slot as its owner sees it. */
export interface SlotRecord extends SlotState {
  readonly owner: Address
  readonly isBurned: boolean
}

/** The node registry: who may change it, what a node costs, and every slot. */
export interface NodesSettings {
  readonly address: Address
  readonly name: string
  readonly owner: Address
  readonly admins: readonly Address[]
  readonly priceWei: bigint
  /** Seconds since 1970; 0 while minting is closed. */
  readonly mintStartTime: number
  readonly slots: readonly SlotRecord[]
}

async function slotIds(nodes: View<typeof nodesAbi>): Promise<SlotId[]> {
  const count = Number(await nodes('nodeCount', []))
  return Array.from({ length: count }, (_, index) => (index + 1) as SlotId)
}

export async function readSlots(nodes: View<typeof nodesAbi>): Promise<SlotState[]> {
  const ids = await slotIds(nodes)
  const infos = await Promise.all(ids.map((id) => nodes('nodeInfo', [BigInt(id)])))
  // `nodeInfo`: the snapshotter's address comes first, the active flag ninth.
  return infos.map((info, index) => ({ slotId: (index + 1) as SlotId, signer: parseAddress(info[0]), isActive: info[8] }))
}

/** As of the end of block `at`, or of the head. */
export async function readSlot(
  nodes: View<typeof nodesAbi>,
  slotId: SlotId,
  at?: BlockNumber,
): Promise<SlotState & { readonly changedAt: number }> {
  // `lastUpdated` comes sixth: minting and each assignment set it. The deployed contracts never write `lastSnapshotterChange`.
  const info = await nodes('nodeInfo', [BigInt(slotId)], at)
  return { slotId, signer: parseAddress(info[0]), isActive: info[8], changedAt: Number(info[5]) }
}

/** Throws `CHAIN_UNREACHABLE`, `CHAIN_ANSWER_INVALID`. */
export const readSlotIds = (rpc: Rpc, address: Address): Promise<readonly SlotId[]> => slotIds(createView(rpc, nodesAbi, address))

/** Throws `CHAIN_UNREACHABLE`, `CHAIN_ANSWER_INVALID`. */
export async function readNodesSettings(rpc: Rpc, address: Address): Promise<NodesSettings> {
  const view = createView(rpc, nodesAbi, address)
  const [name, owner, admins, priceWei, mintStartTime, ids] = await Promise.all([
    view('name', []),
    view('owner', []),
    view('getAdmins', []),
    view('nodePrice', []),
    view('mintStartTime', []),
    slotIds(view),
  ])
  const slots = await Promise.all(
    ids.map(async (slotId) => {
      const [info, slotOwner] = await Promise.all([view('nodeInfo', [BigInt(slotId)]), view('nodeIdToOwner', [BigInt(slotId)])])
      // `nodeInfo`: the snapshotter's address comes first, the time of burning fifth, the active flag ninth.
      return { slotId, owner: parseAddress(slotOwner), signer: parseAddress(info[0]), isActive: info[8], isBurned: info[4] !== 0n }
    }),
  )
  return {
    address,
    name,
    owner: parseAddress(owner),
    admins: admins.map(parseAddress),
    priceWei,
    mintStartTime: Number(mintStartTime),
    slots,
  }
}
