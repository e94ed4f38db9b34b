import { describe, expect, test } from 'vitest'
import { flagOf } from '#node/settings/settings.ts'
import { answerTo } from './help.ts'
import { routes } from './routes.ts'

const ask = (...args: string[]) => answerTo(args, () => '1.2.3')

/** Every way to a command or a group of them. */
function waysBelow(map: typeof routes, way: readonly string[]): (readonly string[])[] {
  return map.getAllEntries().flatMap(({ name, target }) => {
    const here = [...way, name['convert-camel-to-kebab']]
    return 'getAllEntries' in target ? [here, ...waysBelow(target, here)] : [here]
  })
}
const WAYS = [[], ...waysBelow(routes, [])]

describe('help', () => {
  test.each(WAYS.map((way) => [['weft', ...way].join(' '), way] as const))('of %s fits 80 columns, and is had in three ways', (_, way) => {
    const asked = ask('help', ...way)
    expect(asked?.isFailure).toBe(false)
    expect(asked?.text.split('\n').filter((line) => line.length > 80)).toEqual([])
    for (const word of ['--help', '-h']) expect(ask(...way, word)).toEqual(asked)
  })

  test('is short: one line per command, and no flag of any', () => {
    const text = ask('--help')?.text ?? ''
    for (const { name } of routes.getAllEntries())
      expect(text.split('\n')).toContainEqual(expect.stringMatching(new RegExp(`^  ${name['convert-camel-to-kebab']} +\\S`)))
    expect(text).not.toContain('--')
    expect(text.split('\n').length).toBeLessThan(routes.getAllEntries().length + 10)
    expect(ask()).toEqual(ask('help'))
    expect(ask('market')).toEqual(ask('help', 'market'))
  })

  test('of the doctor names the flags of all roles, in a page: what each means stands elsewhere, once', () => {
    const lines = ask('help', 'doctor')?.text.split('\n') ?? []
    expect(lines.length).toBeLessThan(80)
    expect(lines.join('\n')).toMatch(/^usage: weft doctor \[role\] \[flags\]$/m)
    expect(lines.join('\n')).toMatch(/`.\/weft settings ROLE` explains them:\n {2}--data-dir {2}--log-format /)
  })

  test('of a command has each of its flags, with what stands where it is not given', () => {
    const text = ask('help', 'devnet')?.text ?? ''
    for (const { name, target } of routes.getAllEntries())
      if (!('getAllEntries' in target))
        for (const flag of Object.keys(target.parameters.flags ?? {}))
          expect(ask('help', name['convert-camel-to-kebab'])?.text).toContain(`  ${flagOf(flag)}`)
    expect(text).toContain('(3 to 100; default 6)')
    expect(text.replace(/\s+/g, ' ')).toContain('(projects, roots; default projects)')
    expect(text.replace(/\s+/g, ' ')).toContain('(lying-sequencer, silent-sequencer, project-flood, unavailable-data)')
  })

  test('of a role has the range of each number', () => {
    expect(ask('help', 'epochs')?.text.replace(/\s+/g, ' ')).toContain('WEFT_HEAD_OFFSET; 1 to 10000; default 2)')
  })

  test.each([
    [['help', 'devnett'], "weft: there is no command 'devnett'; did you mean devnet? `./weft --help` lists them."],
    [['help', 'market', 'shwo'], "weft: there is no command 'market shwo'; did you mean show? `./weft market --help` lists them."],
    [['nothing', '--help'], "weft: there is no command 'nothing'. `./weft --help` lists them."],
  ])('%j is told what was meant, and fails', (args, text) => {
    expect(ask(...args)).toEqual({ text, isFailure: true })
  })

  test('is asked for behind a command and what belongs to it, and not behind `--`', () => {
    expect(ask('explain', 'E24', '--help')).toEqual(ask('help', 'explain'))
    expect(ask('explain', '--', '--help')).toBeUndefined()
  })
})

test.each(['--version', '-v'])('%s is the version', (flag) => {
  expect(ask(flag)).toEqual({ text: 'weft 1.2.3', isFailure: false })
})

test.each([[['devnet']], [['devnet', '-v']], [['market', 'show']], [['nothing']]])('%j is to be run', (args) => {
  expect(ask(...args)).toBeUndefined()
})
