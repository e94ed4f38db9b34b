/**
 * What checking a proof takes of bytes as text (https://tc39.es/proposal-arraybuffer-base64/), for engines that have none of it: Node.js before 25 and
 * browsers before 2025. Nothing is done where it is there.
 */

const BYTES: Readonly<Record<'toHex', (this: Uint8Array) => string>> = {
  toHex() {
    let text = ''
    for (const byte of this) text += byte.toString(16).padStart(2, '0')
    return text
  },
}

const MAKERS: Readonly<Record<'fromHex' | 'fromBase64', (text: string) => Uint8Array>> = {
  fromHex(text) {
    if (!/^(?:[0-9a-fA-F]{2})*$/.test(text)) throw new SyntaxError('not hex')
    return Uint8Array.from({ length: text.length / 2 }, (_, at) => Number.parseInt(text.slice(2 * at, 2 * at + 2), 16))
  },
  fromBase64: (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0)),
}

/** Adds to a class of bytes what it lacks. */
export function completeBytes(bytes: { readonly prototype: object }): void {
  for (const [target, functions] of [
    [bytes.prototype, BYTES],
    [bytes, MAKERS],
  ] as const)
    for (const [name, value] of Object.entries(functions))
      if (!(name in target)) Object.defineProperty(target, name, { value, writable: true, configurable: true })
}

completeBytes(Uint8Array)
