import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'

/** The fields of one protobuf message, in the order of their numbers. What is zero or empty is left out, as proto3 has it. */
export interface MessageFields {
  /** Throws where the value is not a uint64. */
  uint(field: number, value: number): MessageFields
  text(field: number, value: string): MessageFields
  /** Of a field that is optional: written also when it is empty. */
  givenText(field: number, value: string): MessageFields
  bytes(field: number, value: Uint8Array): MessageFields
  message(field: number, write: (fields: MessageFields) => void): MessageFields
}

/** Bytes of the caller's own. Throws as `write`, and writes the next message all the same. */
export interface MessageWriter {
  message(write: (fields: MessageFields) => void): Uint8Array
  /** With its length before it, as it goes on a stream. */
  framed(write: (fields: MessageFields) => void): Uint8Array
}

/**
 * For messages of which there are thousands a second: an object of the generated type, and a buffer that grows from nothing for each, cost three times as much
 * as the writing. This one keeps its buffer, of a few times the length of the longest message. A message is not written within the writing of another.
 */
export function createMessageWriter(): MessageWriter {
  let writer = new BinaryWriter()
  const tag = (field: number, type: WireType) => writer.tag(field, type)
  const fields: MessageFields = {
    uint(field, value) {
      if (value !== 0) tag(field, WireType.Varint).uint64(value)
      return fields
    },
    text: (field, value) => (value === '' ? fields : fields.givenText(field, value)),
    givenText(field, value) {
      tag(field, WireType.LengthDelimited).string(value)
      return fields
    },
    bytes(field, value) {
      if (value.length > 0) tag(field, WireType.LengthDelimited).bytes(value)
      return fields
    },
    message(field, write) {
      tag(field, WireType.LengthDelimited).fork()
      write(fields)
      writer.join()
      return fields
    },
  }

  function finished(write: () => void): Uint8Array {
    try {
      write()
      return writer.finish()
    } catch (failure) {
      // Nothing of it may stand before the next.
      writer = new BinaryWriter()
      throw failure
    }
  }

  return {
    message: (write) => finished(() => write(fields)),
    framed: (write) =>
      finished(() => {
        writer.fork()
        write(fields)
        writer.join()
      }),
  }
}
