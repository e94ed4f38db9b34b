import { EVENTS, type LogEvent } from './events.ts'

/** One line for people: time of day, level, role, event, facts. The level may be painted. */
export function textLine(line: {
  readonly role: string
  readonly event: LogEvent
  readonly facts: Readonly<Record<string, unknown>>
  readonly at: Date
  readonly paint?: (level: string) => string
}): string {
  const { paint = (level) => level } = line
  const time = [line.at.getHours(), line.at.getMinutes(), line.at.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':')
  return `${[time, paint(EVENTS[line.event].level.padEnd(5)), line.role.padEnd(11), line.event, factsText(line.facts)].join(' ').trimEnd()}\n`
}

/** `name=value` for each that is not empty. */
export function factsText(facts: Readonly<Record<string, unknown>>): string {
  return Object.entries(facts)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}=${valueText(value)}`)
    .join(' ')
}

/** Others choose some of these texts: whatever could end the line, or move the cursor, is written as an escape of JSON. */
function valueText(value: unknown): string {
  if (typeof value === 'string' && /^[!#-<>-~]+$/.test(value)) return value
  const json = JSON.stringify(value) ?? ''
  return json.replace(/[^ -~]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
