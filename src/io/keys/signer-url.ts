/** The public key at the end of a remote signer's URL, 128 hex digits: it says which account signs. */
export function publicKeyIn(url: string): string | undefined {
  const [, digits] = /\/(?:0x)?([0-9a-fA-F]{128})$/.exec(new URL(url).pathname) ?? []
  return digits
}
