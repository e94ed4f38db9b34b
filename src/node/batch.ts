import { existsSync } from 'node:fs'
import type { Batch } from '#domain/batch.ts'
import { WeftError } from '#domain/errors.ts'
import type { Cid } from '#domain/ids.ts'
import { createGatewayReader } from '#io/ipfs/gateway-reader.ts'
import { recoverer } from '#io/keys/secp256k1.ts'
import { type BatchFinding, type BatchQuestion, checkBatch } from '#roles/consumer/batch-alone.ts'
import { FETCH_TIMEOUT_MS } from '#roles/consumer/find-batch.ts'
import { parseCompactBatch } from '#wire/batch-cbor.ts'
import { BATCH_BYTES_MAX, parseBatch } from '#wire/batch-json.ts'
import { isCid } from '#wire/cid.ts'
import { readNamed } from './given-file.ts'
import { BLOCK_TIMEOUT_MS } from './verify.ts'

export type { BatchFinding }

/** Whether a word names a file here; else it is taken for a CID. */
export const isFile = (word: string): boolean => existsSync(word)

/** That a word can be read at all, before a network is looked for. Throws `FILE_UNREADABLE`. */
export function requireFileOrCid(word: string): void {
  if (!isFile(word) && !isCid(word))
    throw new WeftError('FILE_UNREADABLE', { path: word, detail: 'no file has this name, and it is no CID' })
}

interface Read {
  readonly bytes: Uint8Array
  /** `undefined` of a file. */
  readonly batchCid: string | undefined
}

/** A file, or what gateways serve under a CID. Throws `FILE_UNREADABLE`, `ID_MALFORMED` and as the gateways do. */
export async function readBatch(word: string, gateways: readonly string[], signal: AbortSignal): Promise<Read> {
  if (!isFile(word)) {
    const ipfs = createGatewayReader({ urls: gateways, timeoutMs: BLOCK_TIMEOUT_MS })
    return { bytes: await ipfs.get(word as Cid, { bytesMax: BATCH_BYTES_MAX, timeoutMs: FETCH_TIMEOUT_MS, signal }), batchCid: word }
  }
  return { bytes: readNamed(word, BATCH_BYTES_MAX), batchCid: undefined }
}

/** An earlier batch of the epoch, in either form. Throws `FILE_UNREADABLE` for what is none. */
export function earlierBatch({ bytes }: Read, word: string): Batch {
  const [compact, json] = [parseCompactBatch(bytes), parseBatch(bytes)]
  if (compact.ok) return compact.batch
  if (json.ok) return json.batch
  throw new WeftError('FILE_UNREADABLE', { path: word, detail: `it is no batch: ${json.defect}` })
}

/** Looks at a batch file by itself, telling each finding as it is made. */
export async function checkBatchOf(question: BatchQuestion, onFinding: (finding: BatchFinding) => void): Promise<readonly BatchFinding[]> {
  const findings: BatchFinding[] = []
  for await (const finding of checkBatch(question, recoverer)) {
    findings.push(finding)
    onFinding(finding)
  }
  return findings
}
