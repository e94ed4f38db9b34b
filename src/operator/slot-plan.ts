import { encodeFunctionData } from 'viem/utils'
import type { Address, SlotId } from '#domain/ids.ts'
import type { NodesSettings } from '#io/chain/read/slots.ts'
import { nodesAbi } from '#wire/abi/nodes.ts'
import type { Step, Wave } from './plan.ts'

type Hex = `0x${string}`

export interface Assignment {
  readonly slotId: SlotId
  readonly signer: Address
}

/** Nodes minted or assigned per transaction: a hundred take about 15 million gas, half a block of most chains. */
const NODES_PER_CALL_MAX = 100
/** Any time in the past opens minting; 0 means that it was never opened. */
const MINT_OPEN = 1

function setMintStart(nodes: Address, what: string, time: number): Step {
  const data = encodeFunctionData({ abi: nodesAbi, functionName: 'setMintStartTime', args: [BigInt(time)] })
  return { what, transaction: { call: 'setMintStartTime', to: nodes, data } }
}

function mintSteps({ address, priceWei }: NodesSettings, count: number): Step[] {
  return Array.from({ length: Math.ceil(count / NODES_PER_CALL_MAX) }, (_, index) => {
    const amount = Math.min(NODES_PER_CALL_MAX, count - index * NODES_PER_CALL_MAX)
    const value = priceWei * BigInt(amount)
    const data = encodeFunctionData({ abi: nodesAbi, functionName: 'mintNode', args: [BigInt(amount)] })
    return {
      what: `mint ${amount} ${amount === 1 ? 'slot' : 'slots'} for ${value} wei`,
      transaction: { call: 'mintNode', to: address, data, value },
    }
  })
}

/**
 * Mints slots for the sender. Minting that is closed is opened for it, for a block or two in which anyone may mint; it is closed again
 * together with the last mint, so that no crash leaves it open once the slots are there.
 */
export function planMint(nodes: NodesSettings, count: number, nowSeconds: number): Wave[] {
  if (count === 0) return []
  const mints = mintSteps(nodes, count)
  const { address, mintStartTime } = nodes
  if (mintStartTime !== 0 && mintStartTime <= nowSeconds) return [[], mints]
  return [
    [setMintStart(address, 'open minting for the slots', MINT_OPEN)],
    [...mints, setMintStart(address, mintStartTime === 0 ? 'close minting again' : `open minting at ${mintStartTime}`, mintStartTime)],
  ]
}

/** Why slots cannot be given signers, in words; the contract would only say that it reverted. */
export function unassignable({ slots }: NodesSettings, assignments: readonly Assignment[]): string[] {
  const known = new Map(slots.map((slot) => [slot.slotId, slot]))
  const listed = (ids: readonly SlotId[]): string => `${ids.length === 1 ? 'slot' : 'slots'} ${inRuns(ids)}`
  const wanted = assignments.map(({ slotId }) => slotId)
  const missing = wanted.filter((slotId) => !known.has(slotId))
  const burned = wanted.filter((slotId) => known.get(slotId)?.isBurned === true)
  const there = slots.length === 0 ? 'none' : `1 to ${slots.length}`
  return [
    ...(missing.length === 0
      ? []
      : [
          `${listed(missing)} ${missing.length === 1 ? 'does' : 'do'} not exist: the registry has ${there}. \`./weft slots mint\` makes more`,
        ]),
    ...(burned.length === 0 ? [] : [`${listed(burned)} ${burned.length === 1 ? 'is' : 'are'} burned, for good`]),
  ]
}

/** `1 to 3, 7`. */
function inRuns(ids: readonly SlotId[]): string {
  const runs: { from: number; to: number }[] = []
  for (const slotId of ids) {
    const last = runs.at(-1)
    if (last !== undefined && last.to + 1 === slotId) last.to = slotId
    else runs.push({ from: slotId, to: slotId })
  }
  return runs.map(({ from, to }) => (from === to ? String(from) : `${from} to ${to}`)).join(', ')
}

/**
 * Gives slots their signers, those that have others now. The registry's owner and admins may assign any slot; others their own, once
 * the registry's cooldown is over.
 */
export function assignSteps(nodes: NodesSettings, sender: Address, assignments: readonly Assignment[]): Step[] {
  const signers = new Map(nodes.slots.map(({ slotId, signer }) => [slotId, signer]))
  const changes = assignments.filter(({ slotId, signer }) => signers.get(slotId) !== signer)
  const isAdmin = sender === nodes.owner || nodes.admins.includes(sender)
  const functionName = isAdmin ? 'assignSnapshotterToNodeBulkAdmin' : 'assignSnapshotterToNodeBulk'
  return Array.from({ length: Math.ceil(changes.length / NODES_PER_CALL_MAX) }, (_, index) => {
    const part = changes.slice(index * NODES_PER_CALL_MAX, (index + 1) * NODES_PER_CALL_MAX)
    const args = [part.map(({ slotId }) => BigInt(slotId)), part.map(({ signer }) => signer as Hex)] as const
    const data = encodeFunctionData({ abi: nodesAbi, functionName, args })
    return { what: `assign ${inWords(part)}`, transaction: { call: functionName, to: nodes.address, data } }
  })
}

/** `slots 1 to 3 to 0x…, slot 7 to 0x…`. */
function inWords(assignments: readonly Assignment[]): string {
  const runs: { from: number; to: number; signer: Address }[] = []
  for (const { slotId, signer } of assignments) {
    const last = runs.at(-1)
    if (last?.signer === signer && last.to + 1 === slotId) last.to = slotId
    else runs.push({ from: slotId, to: slotId, signer })
  }
  return runs.map(({ from, to, signer }) => `${from === to ? `slot ${from}` : `slots ${from} to ${to}`} to ${signer}`).join(', ')
}

/** The registry's own settings. */
export function registrySteps(
  nodes: NodesSettings,
  wish: { readonly name?: string; readonly priceWei?: bigint; readonly mintStartTime?: number },
): Step[] {
  const steps: Step[] = []
  const { address } = nodes
  if (wish.name !== undefined && wish.name !== nodes.name) {
    const data = encodeFunctionData({ abi: nodesAbi, functionName: 'setName', args: [wish.name] })
    steps.push({ what: `name the registry '${wish.name}'`, transaction: { call: 'setName', to: address, data } })
  }
  if (wish.priceWei !== undefined && wish.priceWei !== nodes.priceWei) {
    const data = encodeFunctionData({ abi: nodesAbi, functionName: 'updateNodePrice', args: [wish.priceWei] })
    const what = `set the price of a slot to ${wish.priceWei} wei (now ${nodes.priceWei})`
    steps.push({ what, transaction: { call: 'updateNodePrice', to: address, data } })
  }
  if (wish.mintStartTime !== undefined && wish.mintStartTime !== nodes.mintStartTime)
    steps.push(
      setMintStart(address, wish.mintStartTime === 0 ? 'close minting' : `open minting at ${wish.mintStartTime}`, wish.mintStartTime),
    )
  return steps
}
