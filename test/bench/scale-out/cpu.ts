import { readdirSync, readFileSync } from 'node:fs'

/** CPU of other processes, all threads, as Linux counts it: in hundredths of a second. */
const TICK_MS = 10
/** Places in `/proc/<pid>/stat` behind the name, which may hold anything. */
const GROUP = 2
const USER = 11
const SYSTEM = 12

function statOf(processId: number | string): readonly string[] {
  const text = readFileSync(`/proc/${processId}/stat`, 'utf8')
  return text.slice(text.lastIndexOf(')') + 2).split(' ')
}

export function cpuMsOfProcess(processId: number | string): number {
  const stat = statOf(processId)
  return (Number(stat[USER]) + Number(stat[SYSTEM])) * TICK_MS
}

/** Of all processes of a group that are there now. */
export function cpuMsOfGroup(groupId: number): number {
  let sum = 0
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      if (Number(statOf(name)[GROUP]) === groupId) sum += cpuMsOfProcess(name)
    } catch {
      // It has ended since the list was made.
    }
  }
  return sum
}
