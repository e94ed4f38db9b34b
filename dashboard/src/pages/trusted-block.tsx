import { useState } from 'react'
import { createBlocks } from '#client/blocks.ts'
import { createHttp } from '#client/http.ts'
import { failureOf } from '../data/ask.ts'
import { integer } from '../format.ts'
import { Badge } from '../ui/badge.tsx'
import { Name } from '../ui/parts.tsx'

/** An endpoint that takes longer is as good as none. */
const RPC_TIMEOUT_MS = 10_000

export const isHash = (text: string): boolean => /^0x[0-9a-fA-F]{64}$/.test(text)

interface TrustedBlockProps {
  /** As the proof has it. */
  readonly blockNumber: number | undefined
  /** The hash of the header that the proof brings along. */
  readonly own: string | undefined
  /** What the reader gave. */
  readonly hash: string
  readonly onHash: (hash: string) => void
  readonly dataMarket: string | undefined
}

/** All that is left to believe is the hash of one block, and only a person can say where theirs comes from. */
export function TrustedBlock({ blockNumber, own, hash, onHash, dataMarket }: TrustedBlockProps) {
  return (
    <div className="panel-body stack">
      <p className="small">
        Everything hangs on the hash of {blockNumber === undefined ? 'one block' : `block ${integer(blockNumber)}`}. Take it from where you
        trust: your own node, or several endpoints that agree.
      </p>
      <label className="labelled">
        Block hash
        <input
          className="field mono"
          value={hash}
          placeholder={own ?? '0x…'}
          spellCheck={false}
          onChange={(event) => onHash(event.target.value.trim())}
        />
      </label>
      <AskEndpoints blockNumber={blockNumber} onHash={onHash} />
      <p className="small">
        <Badge tone={isHash(hash) ? 'good' : 'warn'}>{isHash(hash) ? 'yours' : 'not yours yet'}</Badge>{' '}
        {isHash(hash)
          ? 'The header must hash to what you gave.'
          : 'Until you give one, the hash that the proof brings along is taken: nobody has vouched for the block.'}
      </p>
      {dataMarket !== undefined && (
        <p className="small soft">
          Market <Name text={dataMarket} />, as this server names it: is it the one that you mean?
        </p>
      )}
    </div>
  )
}

/** Asks endpoints that the reader names, from this tab; more than half of them must say the same. */
function AskEndpoints({ blockNumber, onHash }: Pick<TrustedBlockProps, 'blockNumber' | 'onHash'>) {
  const [text, setText] = useState('')
  const [told, setTold] = useState('')
  const urls = text.split(/\s+/).filter((url) => /^https?:\/\/./.test(url))
  async function ask(block: number): Promise<void> {
    setTold('Asking …')
    const agree = Math.floor(urls.length / 2) + 1
    const http = createHttp({ fetch: (...request) => fetch(...request), timeoutMs: RPC_TIMEOUT_MS })
    try {
      onHash(await createBlocks({ urls, agree }, { http, report: () => undefined }).hashOf(block))
      setTold(`At least ${agree} of ${urls.length} name this hash.`)
    } catch (failure) {
      setTold(failureOf(failure).told)
    }
  }
  return (
    <div className="stack tight">
      <label className="labelled">
        Or RPC endpoints of the anchor chain, one a line
        <textarea
          className="field mono"
          rows={2}
          value={text}
          spellCheck={false}
          placeholder="https://…"
          onChange={(event) => setText(event.target.value)}
        />
      </label>
      <p className="row small">
        <button
          type="button"
          className="button slim"
          disabled={urls.length === 0 || blockNumber === undefined}
          onClick={() => blockNumber !== undefined && void ask(blockNumber)}
        >
          Ask them
        </button>
        <span role="status">{told}</span>
      </p>
    </div>
  )
}
