/** How many of `n` validators must agree, named for what that guarantees. All of them are 0 for an empty set: nobody can agree. */

/** More than half: two such sets share an honest member while fewer than half lie. What the contract finalizes on (spec/contracts.md §4.7). */
export function honestMajority(n: number): number {
  return n === 0 ? 0 : Math.floor(n / 2) + 1
}

/** f + 1 of n = 3f + 1: one of them is honest while at most f lie. */
export function atLeastOneHonest(n: number): number {
  return Math.ceil(n / 3)
}

/** Whether `agreeing` of `n` reach a majority. Never true for an empty set. */
export function hasHonestMajority(agreeing: number, n: number): boolean {
  return n > 0 && agreeing >= honestMajority(n)
}
