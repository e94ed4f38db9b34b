/** Of one text in a message or a table: several problems of a file have room, and nobody's text fills a terminal. */
const SHOWN_LENGTH_MAX = 16_000

/** Control characters, ends of lines, and what turns the direction of writing. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** Text that somebody else may have chosen, for a terminal: it stays on its line and moves no cursor. What cannot be seen is written as JSON would, and what is too long is cut. */
export function printable(text: string): string {
  const shown = text.replace(UNPRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
  return shown.length > SHOWN_LENGTH_MAX ? `${shown.slice(0, SHOWN_LENGTH_MAX)}…` : shown
}
