import { isWeftError, WeftError } from '#domain/errors.ts'
import { askLine } from './prompt.ts'

/** Questions of which each answer is looked at when it is given: at a terminal a wrong one is asked for again, elsewhere all that is wrong is told at the end. */

export interface Question<Value> {
  readonly flag: string
  readonly asks: string
  /** What the flag said. */
  readonly given: string | undefined
  readonly fallback?: string | undefined
  /** The answer, and what was found, in words. Throws what is wrong with it. */
  check(text: string): Promise<{ readonly value: Value; readonly told?: string | undefined }>
}

export interface Questions {
  /** `undefined` when there is no good answer; `end` says so. */
  ask<Value>(question: Question<Value>): Promise<Value | undefined>
  /** Throws `SETTINGS_INVALID` with all that was wrong. */
  end(): void
}

export function createQuestions(process: NodeJS.Process): Questions {
  const problems: string[] = []
  const isAsking = process.stdin?.isTTY === true

  async function ask<Value>(question: Question<Value>): Promise<Value | undefined> {
    const { flag, asks, given, fallback, check } = question
    for (;;) {
      const isAsked = given === undefined && isAsking
      const text = isAsked ? await askLine(process, asks, fallback) : (given ?? fallback)
      if (text === undefined) {
        problems.push(`${flag} is needed: ${asks}`)
        return undefined
      }
      try {
        const { value, told } = await check(text)
        if (told !== undefined) process.stderr.write(`  ✔ ${told}\n`)
        return value
      } catch (failure) {
        if (!isWeftError(failure)) throw failure
        const words = wordsOf(failure)
        if (isAsked) process.stderr.write(words.map((word) => `  ✘ ${word}\n`).join(''))
        else problems.push(...words.map((word) => `${flag}: ${word}`))
        if (!isAsked) return undefined
      }
    }
  }

  return {
    ask,
    end() {
      if (problems.length > 0) throw new WeftError('SETTINGS_INVALID', { problems })
    },
  }
}

const wordsOf = (failure: WeftError): readonly string[] =>
  isWeftError(failure, 'SETTINGS_INVALID') ? [failure.facts.problems].flat().map(String) : [failure.message]
