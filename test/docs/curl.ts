import { expect } from 'vitest'

/** The curl lines of a page for people, done as a shell and curl would do them: who pastes one gets what the tests got. */

export const commandsOf = (page: string): readonly string[] => page.match(/^curl .*$/gm) ?? []

/** What the line asks for, with the page's variables. Fails where a shell or curl would make something else of it. */
export function curl(line: string, values: Readonly<Record<string, string>>, init: RequestInit = {}): Promise<Response> {
  const filled = (text: string): string =>
    text.replace(/\$([A-Z]+)/g, (_, name: string) => values[name] ?? expect.fail(`the page does not say what $${name} is`))
  // A word is pieces between quotes and without. A shell fills in nothing between single quotes, and has uses of its own for what stands without.
  const words = [...line.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"]+)+/g)].map(([word]) =>
    [...word.matchAll(/'([^']*)'|"([^"]*)"|([^'"]+)/g)]
      .map(([, verbatim, quoted, plain = '']) => {
        expect(plain, 'what stands without quotes').not.toMatch(/[?&*;<>|{}[\]]/)
        return verbatim ?? filled(quoted ?? plain)
      })
      .join(''),
  )
  const after = (flag: string) => (words.includes(flag) ? words[words.indexOf(flag) + 1] : undefined)
  const body = after('-d')
  const [name = '', value = ''] = after('-H')?.split(': ') ?? []
  const address = words.find((word, index) => index > 0 && /^(http:|\$URL)/.test(word)) ?? ''
  // In an address they stand for several addresses, unless -g says that they do not.
  if (!words.some((word) => /^-\w*g/.test(word))) expect(address).not.toMatch(/[{}[\]]/)
  const headers = name === '' ? {} : { [name]: value }
  return fetch(address, { method: after('-X') ?? 'GET', headers, ...(body !== undefined && { body }), ...init })
}
