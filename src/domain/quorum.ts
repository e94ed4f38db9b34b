/** How many of `n` validators must agree, named for what that guarantees. All of them are 0 for an empty set: nobody can agree. */

/** More than half: two such sets share an honest member while fewer than half lie. What the contract finalizes on (spec/contracts.md §4.7). */
export function honestMajority(n: number): number {
  return n === 0 ? 0 : Math.floor(n / 2) + 1
}
