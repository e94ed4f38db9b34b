import { WeftError } from '#domain/errors.ts'
import { getJson } from '#io/http/client.ts'
import type { AskIntake, Intake } from '#roles/api/serve/served.ts'
import { isRecord } from '#wire/untrusted.ts'
import type { Settings } from './settings/settings.ts'

/** A sequencer that takes longer is told of as silent. */
const ASK_TIMEOUT_MS = 2_000
/** An epoch with the CIDs of all its batches. */
const ANSWER_BYTES_MAX = 256 * 1024
/** There are some twenty codes. */
const CODES_MAX = 64

/** What the sequencers that the settings name say of epochs, over HTTP. Nothing of it is proved, and nothing rests on it. */
export const intakesOf = ({ sequencerHttp, sequencerToken }: Pick<Settings, 'sequencerHttp' | 'sequencerToken'>): readonly AskIntake[] => {
  const token = sequencerToken.reveal() === '' ? undefined : sequencerToken
  return sequencerHttp.map(
    (url): AskIntake =>
      async (epochId) => {
        const address = `${url.replace(/\/+$/, '')}/v1/epochs/${epochId}`
        const answer = await getJson(address, { timeoutMs: ASK_TIMEOUT_MS, bytesMax: ANSWER_BYTES_MAX, token })
        if (answer['code'] === 'EPOCH_NOT_KEPT') return undefined
        const intake = intakeIn(answer)
        if (intake !== undefined) return intake
        const { message } = answer
        throw new WeftError('LINK_FAILED', { address, detail: typeof message === 'string' ? message.slice(0, 500) : 'no epoch' })
      },
  )
}

function intakeIn({ accepted, rejected, closedBlock }: Readonly<Record<string, unknown>>): Intake | undefined {
  if (!isCount(accepted) || !isRecord(rejected)) return undefined
  const refused = Object.entries(rejected).filter(
    (entry): entry is [string, number] => /^[a-z_]{1,40}$/.test(entry[0]) && isCount(entry[1]),
  )
  return { accepted, refused: Object.fromEntries(refused.slice(0, CODES_MAX)), isClosed: closedBlock !== undefined }
}

const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
