import { isHttpUrl, parseTargets, problemsInTargets } from '#io/chain/rpc/target.ts'

/** Endpoints as people write them: what the command line may ask of `io/chain`, which it does not import. */

export { isHttpUrl }

/** What is wrong with the endpoints of a chain. The text is not repeated: a URL may hold a key. */
export function problemsInRpc(text: string): readonly string[] {
  return problemsInTargets(text)
}

/** What may be printed of the endpoints of a chain. Throws `SETTINGS_INVALID`. */
export function rpcInWords(text: string): string {
  return parseTargets(text)
    .map(({ endpoint }) => endpoint)
    .join(', ')
}
