import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { WeftError } from '#domain/errors.ts'

/** The checkout that this program runs from, for a command that works on its sources. Throws `CHECKOUT_NEEDED` in a package, which has none. */
export function checkout(command: string): string {
  const home = join(import.meta.dirname, '../..')
  if (!existsSync(join(home, 'test'))) throw new WeftError('CHECKOUT_NEEDED', { command })
  return home
}
