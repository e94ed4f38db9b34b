import { useEffect, useState } from 'react'
import { CHECK_STEPS, type CheckResult, checkProof, type Trust } from '#client/proof.ts'

export interface Check {
  readonly results: readonly CheckResult[]
  readonly isOver: boolean
}

const NOTHING: Check = { results: [], isOver: false }

/** Follows a proof link by link, in this tab. Each result is shown before the next link is looked at. */
export function useCheck(proof: unknown, trust: Trust | undefined): Check {
  const [check, setCheck] = useState(NOTHING)
  const key = JSON.stringify(trust)
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for what is trusted
  useEffect(() => {
    setCheck(NOTHING)
    if (proof === undefined || trust === undefined) return
    let isLeft = false
    async function follow(trusted: Trust): Promise<void> {
      for await (const result of checkProof(proof, trusted)) {
        if (isLeft) return
        setCheck(({ results }) => ({ results: [...results, result], isOver: false }))
        await painted()
      }
      if (!isLeft) setCheck(({ results }) => ({ results, isOver: true }))
    }
    void follow(trust)
    return () => {
      isLeft = true
    }
  }, [proof, key])
  return check
}

const painted = (): Promise<void> => new Promise((resolve) => requestAnimationFrame(() => resolve()))

/** Whether all links hold, down to the data. */
export const isProved = ({ results, isOver }: Check): boolean =>
  isOver && results.at(-1)?.step === CHECK_STEPS.at(-1) && results.every(({ ok }) => ok)
