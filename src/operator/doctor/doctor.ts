import { isWeftError } from '#domain/errors.ts'
import { statusOf } from '#node/status.ts'
import { readSettings } from '#node/read-settings.ts'
import type { Role } from '#node/settings/roles.ts'
import { type Given as Text, type Settings, settingsOf } from '#node/settings/settings.ts'
import { lookAtChains } from './chains.ts'
import { bad, doubtful, type Finding, good } from './finding.ts'
import { diskOf, filesOf, portsOf, runningOn } from './machine.ts'
import { lookAtSigner } from './signer.ts'
import { lookAtCollector, lookAtIpfs, lookAtSequencers } from './peers.ts'

/** Looks at all that a role needs, before and after it is started, and says of each thing that is wrong how to mend it. It changes nothing. */
export async function* examine(role: Role, flags: Text, env: Text): AsyncGenerator<Finding> {
  const settings = settingsIn(role, flags, env)
  if (!('dataDir' in settings)) return yield* settings.findings
  yield good('settings', `${settingsOf(role).length} settings of ${role} are as they must be`)
  yield* diskOf(settings)
  yield* filesOf()
  const run = runningOn(settings)
  if (run === undefined) yield* await portsOf(role, settings)
  else yield* await runningFindings(settings, run.role, role)
  yield* await lookAtSigner(settings)
  yield* await lookAtChains(role, settings)
  if ('ipfsListen' in settings) yield* await lookAtIpfs(settings)
  if (role === 'snapshotter') yield* await lookAtCollector(settings)
  if (role === 'collector') yield* await lookAtSequencers(settings)
}

/** What is wrong with the settings, each with the words that the role itself would end with. */
function settingsIn(role: Role, flags: Text, env: Text): Settings | { readonly findings: readonly Finding[] } {
  try {
    return readSettings(role, flags, env)
  } catch (failure) {
    if (!isWeftError(failure, 'SETTINGS_INVALID')) throw failure
    const problems = [failure.facts.problems].flat().map(String)
    return { findings: problems.map((problem) => bad('settings', problem, `\`./weft settings ${role}\` lists them all`)) }
  }
}

/** What the role says of itself. */
async function runningFindings({ dataDir }: Settings, name: string, role: Role): Promise<readonly Finding[]> {
  if (name !== role)
    return [bad('data directory', `a ${name} works on it`, 'two roles never share one: give this one a --data-dir of its own')]
  const { state, status, detail } = await statusOf(dataDir)
  if (status === undefined)
    return [doubtful('running', `it runs and does not say how it fares: ${detail ?? state}`, '--health-listen auto, and start it again')]
  return [
    good('running', `process ${status.processId}, ${status.isReady ? 'ready' : 'not ready'}`),
    ...status.unready.map(({ reason, detail: why, help }) => bad('ready', why === undefined ? reason : `${reason}: ${why}`, help)),
    ...status.troubles.map(({ event, level, times, help }) =>
      (level === 'error' ? bad : doubtful)('trouble', `${event}, ${times} times`, help),
    ),
  ]
}
