/** The library hands out Node.js's own kind of bytes, whose `slice` copies nothing. */
export const plain = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
