import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildPackage, pack } from '../../tools/package/build.ts'
import { install } from './install.ts'

/** A network of one epoch from the packed tarball, in an empty folder: `node_modules/.bin/node test/package/devnet.ts`. Half a minute, and not part of the suite. */

const home = mkdtempSync(join(tmpdir(), 'weft-packed-'))
try {
  const app = join(home, 'app')
  mkdirSync(app)
  await buildPackage(join(home, 'package'))
  install(pack(join(home, 'package')), app)
  const { status } = spawnSync(join(app, 'node_modules/.bin/weft'), ['devnet', '--epochs', '1'], { cwd: app, stdio: 'inherit' })
  process.exitCode = status ?? 1
} finally {
  rmSync(home, { recursive: true, force: true })
}
