import { buildCommand } from '@stricli/core'
import { printable } from '#domain/printable.ts'
import type { JudgedReceipt } from '#node/receipt.ts'
import { rpcInWords } from '#node/rpc-urls.ts'
import { stopSignal } from '#node/stop.ts'
import { ASKED_FLAGS, type AskedFlags, openAsked, WINDOW_UNIT_FLAG } from './asked.ts'

interface Flags extends AskedFlags {
  readonly windowUnit?: 'blocks' | 'seconds'
}

/** Exit code by verdict: a broken promise has one of its own, so that a script can tell it from all else. */
const EXITS = { included: 0, simulated: 0, unproved: 1, unjudged: 1, fault: 3, undecided: 75 } as const satisfies Record<
  JudgedReceipt['verdict'],
  number
>

const IN_WORDS = {
  included: 'kept: the submission is in a batch',
  simulated: 'genuine, and promises nothing',
  unproved: 'no receipt of this market',
  unjudged: 'genuine, and proves no fault',
  fault: 'proves a fault: the sequencer has left out what it said it had taken',
  undecided: 'genuine, and not decided yet: try again when the epoch is over',
} as const satisfies Record<JudgedReceipt['verdict'], string>

export const verifyReceiptCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: Flags, path: string) {
    const { judgeReceiptOn, readReceipt } = await import('#node/receipt.ts')
    const { openAnchor } = await import('#node/verify.ts')
    const receipt = readReceipt(path)
    const say = (line: string): void => void this.process.stdout.write(`${line}\n`)
    if (typeof receipt === 'string') {
      this.process.exitCode = EXITS.unproved
      return say(flags.json ? JSON.stringify({ ok: false, verdict: 'unproved', why: receipt }) : printable(receipt))
    }
    const signal = stopSignal()
    const { places, gateways, stop } = await openAsked(this.process, flags)
    try {
      const judged = await judgeReceiptOn(await openAnchor(places), receipt, { windowUnit: flags.windowUnit, gateways, signal })
      const { verdict, why, signer } = judged
      const { submissionId, code, request } = receipt
      this.process.exitCode = EXITS[verdict]
      if (flags.json) return say(JSON.stringify({ ok: EXITS[verdict] === 0, ...judged, submissionId, code, request }))
      say(`${submissionId}, ${code}, epoch ${request.epochId}, against ${rpcInWords(places.anchorRpcUrl)}`)
      say(`slot ${request.slotId} voted for ${printable(request.snapshotCid)} as ${printable(request.projectId)}`)
      if (signer !== undefined)
        say(`  ✔ signed    by ${signer}, a sequencer of the market, as of anchor block ${receipt.proof.anchorBlock}`)
      say(`  ${EXITS[verdict] === 0 ? '✔' : '✘'} ${signer === undefined ? 'signed  ' : 'included'}  ${printable(why)}`)
      say(IN_WORDS[verdict])
    } finally {
      await stop()
    }
  },
  parameters: {
    flags: {
      ...ASKED_FLAGS,
      windowUnit: WINDOW_UNIT_FLAG,
      json: {
        kind: 'boolean',
        default: false,
        brief: 'Print one JSON object: ok, verdict, why, signer, inclusion, submissionId, code, request',
      },
    },
    positional: {
      kind: 'tuple',
      parameters: [{ brief: 'File that `./weft outbox receipt` wrote', parse: String, placeholder: 'file' }],
    },
  },
  docs: {
    brief: 'Hold a signed receipt against the chain and the batches',
    fullDescription:
      'Who signed it and whether that is a sequencer of the market; then whether the submission is in the batches of its epoch (docs/RECEIPTS.md). Exit code 0 when it is, or when the receipt promises nothing; 3 when the receipt proves that the sequencer left out what it had taken; 75 while another batch may still hold it; 1 otherwise.',
  },
})
