import { isWeftError } from '#domain/errors.ts'
import { factsText } from '#domain/log-line.ts'
import type { createUnlocker } from '#node/key-files.ts'
import { readParts } from '#node/node.ts'
import { readConfig } from '#node/node-config.ts'
import { readSettings } from '#node/read-settings.ts'
import type { Role } from '#node/settings/roles.ts'
import { type Given as Text, type Settings, settingsOf } from '#node/settings/settings.ts'
import { statusOf } from '#node/status.ts'
import { signerAccount } from '#node/signer.ts'
import { unlessThrown } from '#wire/untrusted.ts'
import { lookAtAlerts } from './alerts.ts'
import { type Given, isSending, lookAtChains } from './chains.ts'
import { sharedAccounts } from './elsewhere.ts'
import { bad, doubtful, type Finding, good } from './finding.ts'
import { diskOf, filesOf, lastEndOf, portsOf, runningOn } from './machine.ts'
import { lookAtSigner } from './signer.ts'
import { storeOf } from './store.ts'
import { lookAtCollector, lookAtGateways, lookAtIpfs, lookAtSequencers } from './peers.ts'
import { lookAtPlaces } from './places.ts'

interface Around {
  readonly env: Text
  /** Opens the keystore that settings name. */
  readonly unlock: ReturnType<typeof createUnlocker>
}

/** Looks at all that a role needs, before and after it is started, and says of each thing that is wrong how to mend it. It changes nothing. */
export async function* examine(role: Role, flags: Text, { env, unlock }: Around): AsyncGenerator<Finding> {
  const settings = wellFormed(`\`./weft settings ${role}\` lists them all`, () => readSettings(role, flags, env))
  if ('findings' in settings) return yield* settings.findings
  yield* lookAt(role, settings.read, { unlock, collectors: [] })
}

/** The same of every part of a node, as its file says. */
export async function* examineNode(config: string, { env, unlock }: Around): AsyncGenerator<Finding> {
  const parts = wellFormed('`./weft config schema` is the form of the file, `./weft init` writes one', () =>
    readParts(readConfig(config), env),
  )
  if ('findings' in parts) return yield* parts.findings
  const collectors = parts.read.flatMap(({ role, settings }) => (role === 'collector' ? [settings.grpcListen] : []))
  for (const { name, role, settings } of parts.read)
    for await (const finding of lookAt(role, settings, { unlock, collectors })) yield { part: name, ...finding }
  yield* sharedAccounts(
    parts.read.flatMap(({ name, role, settings }) => {
      // A keystore that is none is told of by its part.
      const account = isSending(role) ? unlessThrown(() => signerAccount(settings)) : undefined
      return account === undefined ? [] : [{ name, account, chainId: settings.anchorChainId }]
    }),
  )
}

interface Beside extends Pick<Around, 'unlock'> {
  /** Where those of the same process listen. */
  readonly collectors: readonly string[]
}

async function* lookAt(role: Role, locked: Settings, { unlock, collectors }: Beside): AsyncGenerator<Finding> {
  yield good('settings', `${settingsOf(role).length} settings of ${role} are as they must be`)
  const [settings, closed] = await opened(locked, unlock)
  yield* closed
  yield* diskOf(settings)
  yield* filesOf()
  const run = runningOn(settings)
  if (run === undefined) {
    yield* lastEndOf(settings)
    yield* storeOf(role, settings)
    yield* await portsOf(role, settings)
  } else yield* await runningFindings(settings, run.role, role)
  yield* await lookAtSigner(locked)
  yield* await lookAtChains(role, settings)
  if ('ipfsListen' in settings) yield* await lookAtIpfs(settings, run)
  yield* await lookAtGateways(settings)
  yield* await lookAtPlaces(settings)
  yield* await lookAtAlerts(settings)
  const startsWithUs = run === undefined && collectors.includes(settings.collector ?? '')
  if (role === 'snapshotter' && startsWithUs) yield good('collector', `${settings.collector} is a part of the node, and starts with it`)
  if (role === 'snapshotter' && !startsWithUs) yield* await lookAtCollector(settings)
  if (role === 'collector') yield* await lookAtSequencers(settings)
}

/** What `read` gives, or what is wrong with it, each with the words that the role itself would end with. */
function wellFormed<Value>(mend: string, read: () => Value): { readonly read: Value } | { readonly findings: readonly Finding[] } {
  try {
    return { read: read() }
  } catch (failure) {
    if (!isWeftError(failure, 'SETTINGS_INVALID')) throw failure
    return { findings: [failure.facts.problems].flat().map((problem) => bad('settings', String(problem), mend)) }
  }
}

/** With the key, where it is to be had; else all the rest is looked at with the account that a keystore names. */
async function opened(settings: Settings, unlock: Around['unlock']): Promise<readonly [Given, readonly Finding[]]> {
  try {
    return [await unlock(settings), []]
  } catch (failure) {
    if (!isWeftError(failure) || failure.kind === 'bug') throw failure
    const { signerKey: _, ...others } = settings
    const known = isWeftError(failure, 'KEYSTORE_INVALID') ? others : settings
    return [known, [bad('key', failure.message, 'put the password into a file that you alone may read: --signer-password file:PATH')]]
  }
}

/** What the role says of itself. */
async function runningFindings({ dataDir = '' }: Given, name: string, role: Role): Promise<readonly Finding[]> {
  if (name !== role)
    return [bad('data directory', `a ${name} works on it`, 'two roles never share one: give this one a --data-dir of its own')]
  const { state, status, detail } = await statusOf(dataDir)
  if (status === undefined)
    return [doubtful('running', `it runs and does not say how it fares: ${detail ?? state}`, '--health-listen auto, and start it again')]
  return [
    good('running', `process ${status.processId}, ${status.isReady ? 'ready' : 'not ready'}`),
    ...status.unready.map(({ reason, detail: why, help }) => bad('ready', why === undefined ? reason : `${reason}: ${why}`, help)),
    ...status.troubles.map(({ event, level, times, facts, help }) =>
      (level === 'error' ? bad : doubtful)('trouble', `${event}, ${times} times: ${factsText(facts)}`, help),
    ),
  ]
}
