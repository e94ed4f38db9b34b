/** An order of items that hold each other, each in one list at most: whatever leaves it from wherever, nothing else moves, and nothing is made for it. */
export interface List<Item> {
  first: Item | undefined
  last: Item | undefined
}

/** What can stand in one. Both are `undefined` while it stands in none. */
export interface Linked<Item> {
  before: Item | undefined
  after: Item | undefined
}

/** At the end. It stands nowhere yet. */
export function append<Item extends Linked<Item>>(list: List<Item>, item: Item): void {
  item.before = list.last
  if (list.last === undefined) list.first = item
  else list.last.after = item
  list.last = item
}

/** It stands in this list. */
export function remove<Item extends Linked<Item>>(list: List<Item>, item: Item): void {
  if (item.before === undefined) list.first = item.after
  else item.before.after = item.after
  if (item.after === undefined) list.last = item.before
  else item.after.before = item.before
  item.before = undefined
  item.after = undefined
}
