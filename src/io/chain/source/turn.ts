/** Takes what is given to it within one turn of the event loop, and works on it together at its end. */
export function createTurn<Item>(work: (items: readonly Item[]) => void): (item: Item) => void {
  let waiting: Item[] = []
  function end(): void {
    const items = waiting
    waiting = []
    work(items)
  }
  return (item) => {
    // After all promises that are settled now: what goes on with one answer is asked together with what goes on with the next.
    if (waiting.length === 0) setImmediate(end)
    waiting.push(item)
  }
}
