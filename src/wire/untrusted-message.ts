import { type DescMessage, fromBinary, type MessageShape } from '@bufbuild/protobuf'
import { unlessThrown } from './untrusted.ts'

/** `undefined` when the bytes are no such message. Fields that the message does not have are not kept. */
export function parseMessage<Desc extends DescMessage>(schema: Desc, bytes: Uint8Array): MessageShape<Desc> | undefined {
  return unlessThrown(() => fromBinary(schema, bytes, { readUnknownFields: false }))
}
