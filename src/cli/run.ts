import { buildCommand, type Command, type CommandContext } from '@stricli/core'
import { WeftError } from '#domain/errors.ts'
import { ROLES, type Role } from '#node/settings/roles.ts'
import { flagOf, SETTINGS, type Given, settingsOf, unlessGiven } from '#node/settings/settings.ts'
import { aborted, stopSignal } from '#node/stop.ts'
import { askForSigner } from './password.ts'

const BRIEFS: Readonly<Record<Role, string>> = {
  epochs: 'Run the epoch release role: epochs follow the source head',
  snapshotter: 'Run a snapshotter for one or many slots',
  collector: 'Run a local collector: takes submissions, delivers them',
  relay: 'Run a circuit relay for peers that cannot be reached directly',
  sequencer: 'Run a sequencer: intake, consensus, batches, anchoring',
  validator: 'Run a validator: rechecks batches and attests',
  api: 'Run the data api: indexes what is final, keeps it and serves it',
}

/** One command per role, its flags made from the settings table. */
export const roleCommands = Object.fromEntries(ROLES.map((role) => [role, roleCommand(role)])) as Record<Role, Command<CommandContext>>

function roleCommand(role: Role): Command<CommandContext> {
  const flags = settingsOf(role).map((name) => {
    const row = SETTINGS[name]
    return [
      name,
      {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief: `${row.doc} (${row.env}${'min' in row ? `; ${row.min} to ${row.max}` : ''}; ${unlessGiven(name)})`,
      },
    ] as const
  })
  return buildCommand<Given, [], CommandContext>({
    async func(given) {
      // Only now: forms of files and computes are for those who run something.
      const { problemsOfArguments, readSettings } = await import('#node/read-settings.ts')
      const problems = problemsOfArguments(given)
      if (problems.length > 0) throw new WeftError('SETTINGS_INVALID', { problems })
      const { createUnlocker } = await import('#node/key-files.ts')
      const unlock = createUnlocker((what) => askForSigner(process, what))
      const locked = readSettings(role, given, process.env as Given)
      const { beforeStart, startRole } = await import('#node/start.ts')
      const settings = await beforeStart({ role, dataDir: locked.dataDir }, unlock(locked))
      const signal = stopSignal()
      const running = await startRole(role, settings, { signal }).catch((failure: unknown) => {
        // Told to stop while it started: so it did.
        if (!signal.aborted) throw failure
      })
      if (running === undefined) return
      try {
        await Promise.race([aborted(signal), running.ended])
      } finally {
        await running.stop()
      }
    },
    parameters: { flags: Object.fromEntries(flags) },
    docs: {
      brief: BRIEFS[role],
      fullDescription: `Each flag may also be given as a variable, for example ${flagOf('dataDir')} as WEFT_DATA_DIR. \`./weft settings ${role}\` says more.`,
    },
  })
}
