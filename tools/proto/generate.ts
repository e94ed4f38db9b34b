import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')

/** Writes the TypeScript for src/wire/proto into `outDir`. Works offline: compiler and plugin come from npm. */
export function generateProto(outDir: string): void {
  const bin = join(ROOT, 'node_modules/.bin')
  const template = {
    version: 'v2',
    clean: true,
    plugins: [{ local: [process.execPath, join(bin, 'protoc-gen-es')], out: outDir, opt: ['target=ts', 'import_extension=ts'] }],
  }
  execFileSync(join(bin, 'buf'), ['generate', '--template', JSON.stringify(template), join(ROOT, 'src/wire/proto')], {
    cwd: ROOT,
    stdio: 'inherit',
  })
}

if (import.meta.main) generateProto(join(ROOT, 'src/wire/gen'))
