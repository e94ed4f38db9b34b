import type { Machine } from '../journey/cast.ts'
import type { Fault } from './plan.ts'
import type { Stage } from './simulation.ts'

/** The faults of a plan, done to a network that runs. */

/** A power cut that waits for a moment which never comes happens all the same. */
const ARMED_MAX_MS = 3_000

/** What goes wrong goes wrong now; what passes is put right by itself later. */
export function inflict(fault: Fault, stage: Stage): void {
  const { world, trace, at } = stage
  trace.note('fault', fault.kind, fault)
  switch (fault.kind) {
    case 'links':
      world.links.setFaults(fault.faults)
      at(fault.forMs, () => world.links.setFaults({}))
      return
    case 'broken_links':
      world.links.breakLinks()
      return
    case 'ipfs_offline':
      world.ipfs.node(fault.node).setConnected(false)
      at(fault.forMs, () => world.ipfs.node(fault.node).setConnected(true))
      return
    case 'anchor_unreachable':
      world.chain.setReachable(false)
      at(fault.forMs, () => world.chain.setReachable(true))
      return
    case 'source_unreachable':
      world.source.setReachable(false)
      at(fault.forMs, () => world.source.setReachable(true))
      return
    case 'reorg':
      // What is about to be undone was there all the same.
      stage.observe()
      world.chain.reorg(fault.depth, { isLosingTransactions: fault.isLosingTransactions })
      return
    case 'power_cut':
      armPowerCut(fault, stage)
      return
    case 'reassigned':
      stage.reassigned.add(fault.slotId)
      world.chain.assignSigner(fault.slotId, stage.hostile.address)
      return
    case 'hostile':
      void stage.hostile.burst(fault.deliveries)
  }
}

/** What a machine whose power is to be cut is watched with. */
export interface Armed {
  onCommit(durable: Promise<void>): void
  onReceipt(): void
}

function armPowerCut({ machine: name, count, moment, forMs }: Extract<Fault, { kind: 'power_cut' }>, stage: Stage): void {
  const { armed, at, trace } = stage
  const machine = stage.cast.machines.get(name) as Machine<unknown>
  let left = count
  const cut = () => {
    armed.delete(name)
    if (!machine.isOn()) return
    trace.note(name, 'power cut')
    machine.cutPower()
    at(forMs, () => stage.boot(name))
  }
  const isNow = (): boolean => {
    left -= 1
    return left <= 0
  }
  const one: Armed = {
    onCommit(durable) {
      if (moment === 'receipt' || !isNow()) return
      armed.delete(name)
      if (moment === 'durable') void durable.then(cut)
      else cut()
    },
    onReceipt() {
      if (moment === 'receipt' && isNow()) cut()
    },
  }
  armed.set(name, one)
  at(ARMED_MAX_MS, () => {
    if (armed.get(name) === one) cut()
  })
}

/** Whatever is still broken is put right. */
export function heal({ world, cast, trace, armed, boot }: Stage): void {
  trace.note('fault', 'none from now on')
  armed.clear()
  world.links.setFaults({})
  world.chain.setReachable(true)
  world.source.setReachable(true)
  for (const name of cast.machines.keys()) {
    world.ipfs.node(name).setConnected(true)
    void boot(name)
  }
}
