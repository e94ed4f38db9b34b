import { buildCommand, buildRouteMap } from '@stricli/core'
import { WeftError } from '#domain/errors.ts'
import { type EpochId, isSubmissionId, parseEpochId } from '#domain/ids.ts'
import { printable } from '#domain/printable.ts'
import type { OutboxLine } from '#node/outbox.ts'
import type { Given } from '#node/settings/settings.ts'
import { dataDirHere, HOME_FLAGS, type HomeFlags, networkOfNode } from './data-dir.ts'
import { CONTRACT_FLAGS, type ContractFlags, networkAt } from './operator.ts'

interface Flags extends HomeFlags {
  readonly epoch?: EpochId
}

/** `acknowledged, missing`; `rejected: slot_unknown`. */
const endInWords = ({ note: { state, lastCode }, fate }: OutboxLine): string =>
  `${state}${state === 'rejected' || state === 'expired' ? `: ${lastCode}` : ''}${fate === undefined ? '' : `, ${fate}`}`

function lineInWords(line: OutboxLine): string {
  const { note, slotId, projectId } = line
  const signed = note.evidence === undefined ? '' : ', signed receipt'
  return `  ${note.submissionId}  slot ${slotId}  ${printable(projectId)}  ${endInWords(line)}${signed}`
}

const toJson = ({ note, ...vote }: OutboxLine): string => {
  const { evidence, ...told } = note
  return JSON.stringify({ ...vote, ...told, isSigned: evidence !== undefined })
}

/** How many of each, an epoch of a collector in a line. */
async function* countsOf(lines: AsyncIterable<OutboxLine>): AsyncGenerator<string> {
  let of: { readonly role: string; readonly epochId: EpochId; readonly counts: Map<string, number> } | undefined
  const told = () => {
    const counts = [...(of?.counts ?? [])].map(([what, count]) => `${count} ${what}`)
    return of === undefined ? [] : [`${of.role}  epoch ${of.epochId}  ${counts.join('; ')}`]
  }
  for await (const line of lines) {
    const { role, epochId } = line
    if (of?.role !== role || of.epochId !== epochId) {
      yield* told()
      of = { role, epochId, counts: new Map() }
    }
    const what = endInWords(line)
    of.counts.set(what, (of.counts.get(what) ?? 0) + 1)
  }
  yield* told()
}

const EPOCH_FLAG = {
  kind: 'parsed',
  parse: (text: string) => parseEpochId(text),
  optional: true,
  brief: 'Epoch whose submissions are listed one by one; without it each epoch is a line',
} as const

const showCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: Flags) {
    const { outboxIn } = await import('#node/outbox.ts')
    const lines = outboxIn(await dataDirHere(this.process.env as Given, flags.dataDir), flags.epoch)
    let isEmpty = true
    const say = (line: string): void => {
      isEmpty = false
      this.process.stdout.write(`${line}\n`)
    }
    if (flags.json) for await (const line of lines) say(toJson(line))
    else if (flags.epoch === undefined) for await (const line of countsOf(lines)) say(line)
    else for await (const line of lines) say(`${line.role}${lineInWords(line)}`)
    if (isEmpty)
      this.process.stderr.write(
        `no collector here has a submission${flags.epoch === undefined ? '' : ` of epoch ${flags.epoch}`} on record\n`,
      )
  },
  parameters: {
    flags: {
      ...HOME_FLAGS,
      epoch: EPOCH_FLAG,
      json: { kind: 'boolean', default: false, brief: 'Print one JSON object per submission' },
    },
  },
  docs: {
    brief: 'Say what became of the submissions that collectors here have taken',
    fullDescription:
      'Queued, acknowledged, sent, rejected or expired, and why; and whether a batch holds them, `included`, or none does though their project has a result, `missing`: where the collector reads batches (--gateways), or a snapshotter of the same data directory handed them over and its epoch is concluded. Epoch 0 is what snapshotters send at their start to see that it arrives: no batch holds it. Reads what is on disk, whether the roles run or not. `./weft outbox` alone does the same. `./weft outbox receipt` takes the signed receipt of one out, `./weft verify receipt` says what it proves.',
  },
})

interface ReceiptFlags extends Pick<HomeFlags, 'dataDir'>, Pick<ContractFlags, 'network'> {
  readonly out?: string
  readonly epoch?: EpochId
}

const receiptCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: ReceiptFlags, text: string) {
    if (!isSubmissionId(text)) throw new WeftError('ID_MALFORMED', { what: 'submission id', text: text.slice(0, 80) })
    const { outboxIn, receiptOf, receiptText, writeReceipt } = await import('#node/outbox.ts')
    const dataDir = await dataDirHere(this.process.env as Given, flags.dataDir)
    const named = flags.network ?? (await networkOfNode(this.process.env as Given))
    const network = networkAt(this.process, named === undefined ? {} : { network: named }, dataDir)
    if (network === undefined)
      throw new WeftError('SETTINGS_INVALID', { problems: ['--network is needed: it names the chain and its ProtocolState'] })
    const say = (line: string): void => void this.process.stdout.write(line)
    for await (const line of outboxIn(dataDir, flags.epoch)) {
      if (line.note.submissionId !== text.toLowerCase()) continue
      const receipt = receiptOf(line, network)
      if (receipt === undefined) continue
      if (flags.out === undefined) return say(receiptText(receipt))
      writeReceipt(flags.out, receipt)
      return say(`wrote ${flags.out}: \`./weft verify receipt ${flags.out}\` says what it proves\n`)
    }
    this.process.exitCode = 1
    say('no collector here has a signed receipt of it\n')
  },
  parameters: {
    flags: {
      dataDir: HOME_FLAGS.dataDir,
      network: CONTRACT_FLAGS.network,
      epoch: { ...EPOCH_FLAG, brief: 'Epoch that the submission is of: then no other is looked at' },
      out: { kind: 'parsed', parse: String, optional: true, brief: 'File to write it to; without it the receipt itself is printed' },
    },
    positional: {
      kind: 'tuple',
      parameters: [{ brief: 'Submission id, as `./weft outbox --epoch N` lists it', parse: String, placeholder: 'submissionId' }],
    },
  },
  docs: {
    brief: 'Take the signed receipt of a submission out, to show it to others',
    fullDescription:
      'One JSON object (docs/RECEIPTS.md). Exit code 1 when no collector here has one. `./weft verify receipt FILE` checks it.',
  },
})

export const outboxRoutes = buildRouteMap({
  routes: { show: showCommand, receipt: receiptCommand },
  defaultCommand: 'show',
  docs: { brief: 'Say what became of submissions, and take signed receipts out' },
})
