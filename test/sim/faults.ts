import type { Address } from '#domain/ids.ts'
import { createFakeStore } from '#io/store/fake.ts'
import type { Machine } from '../journey/cast.ts'
import type { Fault } from './plan.ts'
import type { Arena } from './simulation.ts'
import type { SimEvent } from './trace.ts'

/** The faults of a plan, done to a network that runs. */

/** A power cut that waits for a moment which never comes happens all the same. */
const ARMED_MAX_MS = 3_000

const factsOf = (fault: Fault): SimEvent['facts'] => Object.fromEntries(Object.entries(fault))

/** What goes wrong goes wrong now; what passes is put right by itself later. */
export function inflict(fault: Fault, arena: Arena): void {
  const { world, trace, at } = arena
  trace.note('fault', fault.kind, factsOf(fault))
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
      arena.look()
      world.chain.reorg(fault.depth, fault)
      arena.look()
      return
    case 'power_cut':
      armPowerCut(fault, arena)
      return
    case 'absence':
      cutPower(fault.machine, 'absence', arena)
      at(fault.forMs, () => arena.boot(fault.machine))
      return
    case 'lost_disk':
      loseDisk(fault, arena)
      return
    case 'refused_releases':
      world.chain.changeMarket({ epochManager: NOBODY })
      at(fault.forMs, () => world.chain.changeMarket({ epochManager: world.market.epochManager }))
      return
    case 'reassigned':
      arena.dishonest.add(fault.slotId)
      arena.ownedByHostile.add(fault.slotId)
      world.chain.assignSigner(fault.slotId, arena.hostile.address)
      if (fault.forMs === undefined) return
      at(fault.forMs, () => {
        arena.ownedByHostile.delete(fault.slotId)
        world.chain.assignSigner(fault.slotId, arena.signerOf(fault.slotId))
      })
      return
    case 'burned':
      arena.dishonest.add(fault.slotId)
      world.chain.burnSlot(fault.slotId)
      return
    case 'slow_reader':
      world.reader.isSlow = true
      at(fault.forMs, () => {
        world.reader.isSlow = false
      })
      return
    case 'anchor_lag':
      world.chain.setLag(fault)
      at(fault.forMs, () => world.chain.setLag())
      return
    case 'source_lag':
      world.source.setLag(fault)
      at(fault.forMs, () => world.source.setLag())
      return
    case 'sender_lag':
      world.chain.setSenderLag(fault)
      at(fault.forMs, () => world.chain.setSenderLag())
      return
    case 'anchor_omission':
      world.chain.setOmission(fault)
      at(fault.forMs, () => world.chain.setOmission())
      return
    case 'source_omission':
      world.source.setOmission(fault)
      at(fault.forMs, () => world.source.setOmission())
      return
    case 'clock_jump':
      world.setClock(fault.machine, fault.stepMs)
      return
    case 'clock_step':
      cutPower(fault.machine, 'clock step', arena)
      world.setClock(fault.machine, fault.stepMs)
      at(fault.forMs, () => arena.boot(fault.machine))
      return
    case 'hostile':
      void arena.hostile.burst(fault.deliveries)
      return
    case 'double_votes':
      void arena.hostile.voteTwice(fault.votes)
      return
    case 'made_up_projects':
      void arena.hostile.voteOnMadeUp(fault.votes)
  }
}

const NOBODY = `0x${'0'.repeat(39)}1` as Address

function cutPower(name: string, moment: string, { cast, armed, trace }: Arena): void {
  armed.delete(name)
  const machine = cast.machines.get(name) as Machine<unknown>
  if (!machine.isOn()) return
  trace.note(name, 'power cut', { moment })
  machine.cutPower()
}

/** The copy is made now, and comes into its place later. */
function loseDisk({ machine: name, copyAgeMs, forMs }: Extract<Fault, { kind: 'lost_disk' }>, arena: Arena): void {
  const machine = arena.cast.machines.get(name) as Machine<unknown>
  const left = copyAgeMs === undefined ? createFakeStore() : machine.disk().copy()
  arena.at(copyAgeMs ?? 0, () => {
    cutPower(name, 'lost disk', arena)
    machine.replaceDisk(left)
    arena.trace.note(name, 'disk lost', { how: copyAgeMs === undefined ? 'empty' : 'old copy' })
    arena.onLostDisk(name)
    arena.at(forMs, () => arena.boot(name))
  })
}

/** What a machine whose power is to be cut is watched with. */
export interface Armed {
  onCommit(durable: Promise<void>): void
  onReceipt(): void
}

function armPowerCut({ machine: name, count, moment, forMs }: Extract<Fault, { kind: 'power_cut' }>, arena: Arena): void {
  const { armed, at } = arena
  let left = count
  const cut = () => {
    cutPower(name, moment, arena)
    at(forMs, () => arena.boot(name))
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
export function heal({ world, cast, trace, armed, boot }: Arena): void {
  trace.note('fault', 'none from now on')
  armed.clear()
  world.links.setFaults({})
  world.reader.isSlow = false
  // A reorganisation may have lost the transaction that named the manager again.
  world.chain.changeMarket({ epochManager: world.market.epochManager })
  world.chain.setReachable(true)
  world.source.setReachable(true)
  world.chain.setLag()
  world.chain.setSenderLag()
  world.chain.setOmission()
  world.source.setLag()
  world.source.setOmission()
  for (const name of cast.machines.keys()) {
    world.ipfs.node(name).setConnected(true)
    void boot(name)
  }
}
