/** Text for terminals of 80 columns. */

export const COLUMNS = 80

/** The text in lines that fit, each after `indent`. A word that does not fit stands alone. */
export function wrapped(text: string, indent = ''): string {
  const lines: string[] = []
  for (const word of text.split(/\s+/).filter((part) => part !== '')) {
    const last = lines.at(-1)
    if (last !== undefined && indent.length + last.length + 1 + word.length <= COLUMNS) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines.map((line) => `${indent}${line}`).join('\n')
}
