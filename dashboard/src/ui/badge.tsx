import type { Epoch, Point } from '#wire/api.ts'

type Tone = 'good' | 'warn' | 'bad' | 'plain'

/** What each status means, in words that need no manual. */
const STATUS: Readonly<Record<Point['status'] | Epoch['status'], readonly [tone: Tone, sign: string, meaning: string]>> = {
  finalized: ['good', '✓', 'A majority of the validators attested it.'],
  pending: ['warn', '…', 'On chain, and not attested by a majority yet.'],
  disputed: ['bad', '!', 'The validators refused its batch and asked for another.'],
  absent: ['plain', '–', 'There is none.'],
  open: ['plain', '○', 'Submissions are being taken, or batches may still come.'],
  empty: ['plain', '–', 'The epoch is over, and no batch came.'],
}

export function Status({ of }: { readonly of: keyof typeof STATUS }) {
  const [tone, sign, meaning] = STATUS[of]
  return (
    <Badge tone={tone} title={meaning}>
      <span aria-hidden="true">{sign}</span>
      {of}
    </Badge>
  )
}

export function Badge({
  tone = 'plain',
  title,
  children,
}: {
  readonly tone?: Tone
  readonly title?: string
  readonly children: React.ReactNode
}) {
  return (
    <span className={`badge ${tone}`} title={title}>
      {children}
    </span>
  )
}
