import { buildCommand } from '@stricli/core'
import { WeftError } from '#domain/errors.ts'
import { isSubmissionId, parseEpochId, parseProjectId, parseSlotId, type SubmissionId } from '#domain/ids.ts'
import { printable } from '#domain/printable.ts'
import type { Voter } from '#node/inclusion.ts'
import { rpcInWords } from '#node/rpc-urls.ts'
import { stopSignal } from '#node/stop.ts'
import { ASKED_FLAGS, type AskedFlags, httpUrl, openAsked } from './asked.ts'

interface Flags extends AskedFlags {
  readonly epoch?: string
  readonly slot?: string
  readonly project?: string
  readonly sequencer?: string
}

/** Slot and project together name a vote of an epoch. */
function voterOf({ slot, project }: Flags): Voter | undefined {
  if (slot === undefined && project === undefined) return undefined
  if (slot === undefined || project === undefined)
    throw new WeftError('SETTINGS_INVALID', { problems: ['--slot and --project name a vote together'] })
  return { slotId: parseSlotId(slot), projectId: parseProjectId(project) }
}

export const inclusionCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: Flags, text: string) {
    if (!isSubmissionId(text)) throw new WeftError('ID_MALFORMED', { what: 'submission id', text: text.slice(0, 80) })
    const submissionId = text.toLowerCase() as SubmissionId
    const named = flags.epoch === undefined ? undefined : parseEpochId(flags.epoch)
    const voter = voterOf(flags)
    const { openAnchor } = await import('#node/verify.ts')
    const { epochOf, proveInclusionOn } = await import('#node/inclusion.ts')
    const signal = stopSignal()
    const { places, gateways, sequencer, stop } = await openAsked(this.process, flags)
    const say = (line: string): void => void this.process.stdout.write(`${line}\n`)
    try {
      const url = flags.sequencer ?? (sequencer === '' ? undefined : sequencer)
      if (named === undefined && url === undefined)
        throw new WeftError('SETTINGS_INVALID', {
          problems: ['--epoch is needed, or --sequencer: its HTTP routes know the epoch of an id'],
        })
      const epochId = named ?? (await epochOf({ submissionId, voter }, url ?? '', signal))
      const chain = await openAnchor(places)
      const found = await proveInclusionOn(chain, { submissionId, epochId, voter, gateways, signal })
      this.process.exitCode = typeof found === 'string' ? 1 : 0
      if (flags.json)
        return say(
          JSON.stringify(
            typeof found === 'string' ? { ok: false, submissionId, epochId, why: found } : { ok: true, submissionId, ...found },
          ),
        )
      say(`${submissionId}, epoch ${epochId}, against ${rpcInWords(places.anchorRpcUrl)}`)
      if (typeof found === 'string') return say(`not included: ${printable(found)}`)
      const { submission, result } = found
      say(`  ✔ batch       ${found.batchCid}, ${found.status}`)
      say(`  ✔ submission  leaf ${submission.index}, ${submission.siblings.length} siblings, root ${submission.root}: the batch file's`)
      say(`  ✔ result      leaf ${result.index}, ${result.siblings.length} siblings, root ${result.root}: the chain's`)
      const outcome = result.text === found.snapshotCid ? 'which won' : `and ${printable(result.text)} won`
      say(`slot ${found.slotId} voted for ${printable(found.snapshotCid)} as ${printable(found.projectId)}, ${outcome}`)
      if (found.isRenamed) say(`in the batch it is ${printable(submission.text)}: other votes bear the id ${submissionId} too`)
      say('included')
    } finally {
      await stop()
    }
  },
  parameters: {
    flags: {
      ...ASKED_FLAGS,
      epoch: { kind: 'parsed', parse: String, optional: true, brief: 'Epoch that the submission is of; else the sequencer is asked' },
      slot: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief: 'Slot whose vote is meant, where others bear the id too; with --project',
      },
      project: { kind: 'parsed', parse: String, optional: true, brief: 'Project that it voted for; with --slot' },
      sequencer: {
        kind: 'parsed',
        parse: httpUrl,
        optional: true,
        brief:
          "URL of the sequencer's HTTP routes, which know the epoch of an id; default: the devnet's. The proof rests on nothing it says",
      },
      json: {
        kind: 'boolean',
        default: false,
        brief: 'Print one JSON object: ok, why, epochId, batchCid, status, both proofs with their siblings',
      },
    },
    positional: {
      kind: 'tuple',
      parameters: [{ brief: 'Submission id, as its receipt or the sequencer names it', parse: String, placeholder: 'submissionId' }],
    },
  },
  docs: {
    brief: 'Prove that a submission is in an anchored batch',
    fullDescription:
      "From chain and IPFS alone: the batch file by the CID on chain, the submission's id under the root that the file names, and the CID of its project under the root that is on chain. Exit code 0 when all of it holds, 1 otherwise. Which epoch an id is of is not on chain: give --epoch, or let a sequencer say it.",
  },
})
