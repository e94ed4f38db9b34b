/** A peer id takes some 60 characters, a multiaddr that ends in one twice that; the contract keeps any text. */
const LENGTH_MAX = 200

/** What a sequencer id may be, in words. */
export const SEQUENCER_ID_FORM = `text of at most ${LENGTH_MAX} visible ASCII characters without spaces, or empty`

/** Whether `text` may become a market's sequencer id: it is printed and compared, so nothing in it may be invisible. */
export function isSequencerId(text: string): boolean {
  return text.length <= LENGTH_MAX && /^[!-~]*$/.test(text)
}
