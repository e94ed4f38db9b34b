import { useEffect, useMemo, useState } from 'react'
import { keccak256 } from '#wire/keccak.ts'
import { ask } from '../data/ask.ts'
import { isProved, type Trust, useCheck } from '../data/check.ts'
import { parseExact } from '../data/exact.ts'
import { LAYERS, type Layer, type ProofFile, tamper } from '../data/tamper.ts'
import { useAnswer } from '../data/use-answer.ts'
import { integer } from '../format.ts'
import { to } from '../router.ts'
import { Badge } from '../ui/badge.tsx'
import { Empty, Head, Loaded, Panel } from '../ui/parts.tsx'
import { Tree } from '../ui/tree.tsx'
import { Chain } from './chain.tsx'

interface VerifyProps {
  readonly projectId: string | undefined
  readonly epochId: number | undefined
}

/** A proof, checked link by link in this tab. */
export default function VerifyPage({ projectId, epochId }: VerifyProps) {
  const [file, setFile] = useState<ProofFile>()
  if (projectId === undefined) return <Choose file={file} onFile={setFile} />
  if (epochId === undefined) return <OfLatest projectId={projectId} />
  return <OfPoint projectId={projectId} epochId={epochId} />
}
