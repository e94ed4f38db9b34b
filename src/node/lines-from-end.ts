import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { onDisk } from '#io/disk/disk.ts'

const PIECE_BYTES = 64 * 1024
/** No line of a log is so long: one that is has been written by something else, and is left out. */
const LINE_BYTES_MAX = 1024 * 1024
const LINE_END = 0x0a

/** The lines of a file, the last first; what stands behind the last line end is one, too. Holds no more than a line and a piece, however large the file is. Throws as `onDisk`. */
export function* linesFromEnd(path: string): Generator<string> {
  const read = <Value>(work: () => Value): Value => onDisk(path, 'reading it', work)
  const file = read(() => openSync(path, 'r'))
  try {
    let position = read(() => fstatSync(file).size)
    // The end of a line whose beginning is not read yet; `undefined` of one that is too long.
    let end: Buffer | undefined = Buffer.alloc(0)
    while (position > 0) {
      const piece = Buffer.alloc(Math.min(PIECE_BYTES, position))
      position -= piece.length
      read(() => readSync(file, piece, 0, piece.length, position))
      let to = piece.length
      for (let from = piece.lastIndexOf(LINE_END); from >= 0; from = from === 0 ? -1 : piece.lastIndexOf(LINE_END, from - 1)) {
        if (end !== undefined) yield Buffer.concat([piece.subarray(from + 1, to), end]).toString()
        end = Buffer.alloc(0)
        to = from
      }
      end = end === undefined || end.length > LINE_BYTES_MAX ? undefined : Buffer.concat([piece.subarray(0, to), end])
    }
    if (end !== undefined) yield end.toString()
  } finally {
    closeSync(file)
  }
}
