import { WeftError } from '#domain/errors.ts'
import type { Address } from '#domain/ids.ts'
import { type NodesSettings, readNodesSettings } from '#io/chain/read/slots.ts'
import { readHead } from '#io/chain/rpc/block.ts'
import { carryOut, type CarriedOut, type Conduct } from './carry-out.ts'
import { compact } from './plan.ts'
import type { Session } from './session.ts'
import { type Assignment, assignSteps, planMint, unassignable } from './slot-plan.ts'

/** Mints slots for the operator and gives them a signer if one is named. Their ids. Throws as `carryOut`. */
export async function mintSlots(
  { rpc, operator }: Session,
  options: { readonly nodes: Address; readonly count: number; readonly signer?: Address | undefined },
  conduct: Conduct,
  signal: AbortSignal,
): Promise<CarriedOut & { readonly slotIds: readonly number[] }> {
  await operator.settleEarlier(signal)
  const before = (await readNodesSettings(rpc, options.nodes)).slots.length
  // Others may mint meanwhile: only slots of our own count, and only they get a signer.
  const ours = ({ slots }: NodesSettings) => slots.filter(({ slotId, owner }) => slotId > before && owner === operator.address)
  let slotIds: readonly number[] = []
  const plan = async () => {
    const [nodes, head] = await Promise.all([readNodesSettings(rpc, options.nodes), readHead(rpc)])
    const minted = ours(nodes).slice(0, options.count)
    slotIds = minted.map(({ slotId }) => slotId)
    const missing = planMint(nodes, options.count - minted.length, head.timestamp)
    const { signer } = options
    if (missing.length > 0 || signer === undefined) return compact(missing)
    return compact([
      assignSteps(
        nodes,
        operator.address,
        minted.map(({ slotId }) => ({ slotId, signer })),
      ),
    ])
  }
  // Which slots they are is known when they are minted; that they get a signer is known, and asked for, before.
  const rest = options.signer === undefined ? [] : [`assign the minted slots to ${options.signer}`]
  const confirm = (steps: readonly string[]) => conduct.confirm([...steps, ...rest])
  const carried = await carryOut(operator, plan, { ...conduct, confirm }, signal)
  return { ...carried, steps: [...carried.steps, ...rest], slotIds }
}

/** Gives slots their signers; those that have them are left alone. Throws `SETTINGS_INVALID` for slots that can have none, and as `carryOut`. */
export async function assignSlots(
  { rpc, operator }: Session,
  options: { readonly nodes: Address; readonly assignments: readonly Assignment[] },
  conduct: Conduct,
  signal: AbortSignal,
): Promise<CarriedOut> {
  const plan = async () => {
    const nodes = await readNodesSettings(rpc, options.nodes)
    const problems = unassignable(nodes, options.assignments)
    if (problems.length > 0) throw new WeftError('SETTINGS_INVALID', { problems })
    return compact([assignSteps(nodes, operator.address, options.assignments)])
  }
  return carryOut(operator, plan, conduct, signal)
}
