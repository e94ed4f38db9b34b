import { text } from 'node:stream/consumers'
import { answerThere } from './compute-twice.ts'

/** The other process of `runTwice`: what it is to compute comes in, the bytes of each project go out. */
process.stdout.write(await answerThere(await text(process.stdin)))
