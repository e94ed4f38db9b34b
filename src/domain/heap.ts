/** A priority queue: what comes first by `isBefore` is taken first. */
export interface Heap<Item> {
  readonly size: () => number
  readonly first: () => Item | undefined
  push(item: Item): void
  pop(): Item | undefined
}

export function createHeap<Item>(isBefore: (left: Item, right: Item) => boolean): Heap<Item> {
  const items: Item[] = []

  /** Whether the item at `left` comes before the one at `right`; a place beyond the end never does. */
  function comesBefore(left: number, right: number): boolean {
    return left < items.length && isBefore(items[left] as Item, items[right] as Item)
  }

  function swap(left: number, right: number): void {
    const held = items[left] as Item
    items[left] = items[right] as Item
    items[right] = held
  }

  return {
    size: () => items.length,
    first: () => items[0],
    push(item) {
      items.push(item)
      let index = items.length - 1
      while (index > 0) {
        const parent = (index - 1) >>> 1
        if (!comesBefore(index, parent)) return
        swap(index, parent)
        index = parent
      }
    },
    pop() {
      if (items.length === 0) return undefined
      swap(0, items.length - 1)
      const item = items.pop()
      let index = 0
      for (;;) {
        let child = 2 * index + 1
        if (comesBefore(child + 1, child)) child += 1
        if (!comesBefore(child, index)) return item
        swap(index, child)
        index = child
      }
    },
  }
}
