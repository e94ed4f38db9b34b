import { WeftError } from '#domain/errors.ts'
import { type Given, SETTINGS, unknownVariables } from '#node/settings/settings.ts'

/** The data directory that a flag or else the environment names, if any. Throws `SETTINGS_INVALID`, also for variables that Weft does not know. */
export function givenDataDir(env: Given, flag: string | undefined): string | undefined {
  const problems = unknownVariables(env)
  const given = flag ?? env[SETTINGS.dataDir.env]
  if (given?.trim() === '') problems.push(`--data-dir (${SETTINGS.dataDir.env}): is empty`)
  if (problems.length > 0) throw new WeftError('SETTINGS_INVALID', { problems })
  return given
}
