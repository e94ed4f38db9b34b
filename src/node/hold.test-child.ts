/** Run by hold.test.ts: holds a name until it is killed. */
import { hold } from './hold.ts'

await hold(String(process.argv[2]), { what: 'slot 7', dataDir: '/theirs' })
process.stdout.write('holding\n')
setInterval(() => undefined, 1_000)
