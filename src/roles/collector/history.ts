import type { StoreWrite } from '#io/store/port.ts'

/** What votes that differ in their slot alone have in common. */
interface Common {
  readonly number: number
  /** The key without its slot. */
  readonly text: string
  entries: number
}

/** Where the slot stands in a key. */
const SLOT = 3

/**
 * Keys of finished entries, oldest first. A key has two hundred characters and a hundred thousand are remembered, but a node that votes for a hundred
 * slots says the same a hundred times: that is kept once.
 */
export function createHistory(finishedMax: number) {
  const commons = new Map<string, Common>()
  /** By slot and number of what it has in common. */
  const ended = new Map<string, Common>()
  let numbers = 0

  const nameOf = (slot: string, { number }: Common): string => `${slot} ${number}`

  function parted(key: string): readonly [slot: string, text: string] {
    let start = 0
    for (let part = 0; part < SLOT; part += 1) start = key.indexOf('\t', start) + 1
    const end = key.indexOf('\t', start)
    return [key.slice(start, end), key.slice(0, start) + key.slice(end + 1)]
  }

  function forget(name: string, common: Common): void {
    if (!ended.delete(name)) return
    common.entries -= 1
    if (common.entries === 0) commons.delete(common.text)
  }

  return {
    add(key: string): void {
      const [slot, text] = parted(key)
      const common = commons.get(text) ?? { number: numbers++, text, entries: 0 }
      commons.set(text, common)
      const name = nameOf(slot, common)
      if (!ended.has(name)) common.entries += 1
      ended.set(name, common)
    },
    has(key: string): boolean {
      const [slot, text] = parted(key)
      const common = commons.get(text)
      return common !== undefined && ended.has(nameOf(slot, common))
    },
    remove(key: string): void {
      const [slot, text] = parted(key)
      const common = commons.get(text)
      if (common !== undefined) forget(nameOf(slot, common), common)
    },
    /** Forgets the oldest above the limit and tells which. */
    trim(): StoreWrite[] {
      const forgotten: StoreWrite[] = []
      for (const [name, common] of ended) {
        if (ended.size <= finishedMax) break
        forget(name, common)
        const [slot = ''] = name.split(' ')
        forgotten.push({ key: common.text.split('\t').toSpliced(SLOT, 0, slot).join('\t') })
      }
      return forgotten
    },
  }
}
