import { type Value, numberOf, rowsOf, textOf } from '../data/value.ts'
import { newestOf, type Snapshot, snapshotsOf } from '../data/history.ts'
import { useWork } from '../data/use-answer.ts'
import { compactUsd, integer, share, usd } from '../format.ts'
import { to } from '../router.ts'
import { Chart } from '../ui/chart.tsx'
import { Empty, Figure, Figures, FiguresSkeleton, Head, Loaded, Name, Panel, ProofLink } from '../ui/parts.tsx'
import { type Column, Table } from '../ui/table.tsx'
import { Ago } from '../ui/time.tsx'

/** Rankings, the fuller one first. */
const TOP_PAIRS = ['aggregate_24h_top_pairs', 'aggregate_24h_top_pairs_lite']
const TOP_TOKENS = ['aggregate_24h_top_tokens']
const STATS = ['aggregate_24h_stats']
/** Epochs behind the newest, for the charts of all pairs. */
const HISTORY = 100

export interface Pair {
  readonly name: string
  readonly address: string
  readonly liquidity: number
  readonly volume: number
  readonly fee: number
}

export const pairsOf = (value: Value): Pair[] =>
  rowsOf(value, 'pairs').map((row) => ({
    name: textOf(row, 'name') || 'unnamed',
    address: textOf(row, 'address'),
    liquidity: numberOf(row, 'liquidity') ?? 0,
    volume: numberOf(row, 'volume24h') ?? 0,
    fee: numberOf(row, 'fee24h') ?? 0,
  }))

const totalOf = (pairs: readonly Pair[], of: (pair: Pair) => number): number => pairs.reduce((sum, pair) => sum + of(pair), 0)

export const topPairs = (signal: AbortSignal): Promise<Snapshot | undefined> =>
  newestOf(TOP_PAIRS, (value) => rowsOf(value, 'pairs').length > 0, signal)

export function UniswapPage() {
  const market = useWork('uniswap', async (signal) => {
    const [pairs, tokens, stats] = await Promise.all([
      topPairs(signal),
      newestOf(TOP_TOKENS, (value) => rowsOf(value, 'tokens').length > 0, signal),
      newestOf(STATS, (value) => numberOf(value, 'tvl') !== undefined, signal),
    ])
    return { pairs, tokens, stats }
  })
  return (
    <>
      <Head title="Uniswap V2">
        <p>Liquidity and trade of the pairs that this market computes, from finalized snapshots. Each figure leads to its proof.</p>
      </Head>
      <Loaded of={market} skeleton={<FiguresSkeleton labels={['Value locked', 'Volume, 24 h', 'Fees, 24 h', 'Pairs']} />}>
        {({ pairs, tokens, stats }) =>
          pairs === undefined ? (
            <Panel>
              <Empty title="No ranking of pairs is final yet">
                It is made by <code>{TOP_PAIRS[0]}</code> of the compute set <code>uniswap-v2</code>. If this market has that set, the first
                epochs bring it; the <a href={to('projects')}>projects</a> show what there is.
              </Empty>
            </Panel>
          ) : (
            <>
              <Totals pairs={pairs} stats={stats} />
              <TotalCharts projectId={pairs.projectId} />
              <Pairs of={pairs} />
              {tokens !== undefined && <Tokens of={tokens} />}
            </>
          )
        }
      </Loaded>
    </>
  )
}

/** The market's own totals where it computes them; otherwise the sums over its ranking, and the note says so. */
function Totals({ pairs: ranking, stats }: { readonly pairs: Snapshot; readonly stats: Snapshot | undefined }) {
  const pairs = pairsOf(ranking.value)
  const sums = {
    tvl: totalOf(pairs, ({ liquidity }) => liquidity),
    volume24h: totalOf(pairs, ({ volume }) => volume),
    fee24h: totalOf(pairs, ({ fee }) => fee),
  }
  const figure = (label: string, name: keyof typeof sums, changeName: string) => {
    const told = stats === undefined ? undefined : numberOf(stats.value, name)
    const value = told ?? sums[name]
    const change = stats === undefined ? undefined : numberOf(stats.value, changeName)
    return (
      <Figure
        label={label}
        value={compactUsd(value)}
        title={usd(value)}
        note={told === undefined ? `sum over ${integer(pairs.length)} pairs` : changeNote(change)}
        proof={told === undefined ? ranking : stats}
      />
    )
  }
  const complete = (ranking.value as { complete?: unknown }).complete === true
  return (
    <Figures>
      {figure('Value locked', 'tvl', 'tvlChange24h')}
      {figure('Volume, 24 h', 'volume24h', 'volumeChange24h')}
      {figure('Fees, 24 h', 'fee24h', 'feeChange24h')}
      <Figure
        label="Pairs"
        value={integer(pairs.length)}
        note={
          <>
            epoch {integer(ranking.epochId)}, <Ago at={ranking.at} />
            {!complete && <span title="The market has not run for 24 hours, or lacks epochs of them."> · less than a day of data</span>}
          </>
        }
        proof={ranking}
      />
    </Figures>
  )
}

const changeNote = (change: number | undefined): string =>
  change === undefined ? '' : `${change > 0 ? '+' : ''}${change.toFixed(1)}% in 24 h`

function TotalCharts({ projectId }: { readonly projectId: string }) {
  const history = useWork(`history ${projectId}`, (signal) => snapshotsOf(projectId, { last: HISTORY }, signal))
  const pointsOf = (snapshots: readonly Snapshot[], of: (pair: Pair) => number) =>
    snapshots.map(({ epochId, at, value }) => ({ epochId, at, value: totalOf(pairsOf(value), of) }))
  return (
    <div className="columns two">
      <Panel title="Value locked" note="all pairs, by epoch">
        <div className="panel-body">
          <Loaded of={history}>
            {(snapshots) => (
              <Chart
                label="Value locked"
                points={pointsOf(snapshots, ({ liquidity }) => liquidity)}
                write={compactUsd}
                projectId={projectId}
              />
            )}
          </Loaded>
        </div>
      </Panel>
      <Panel title="Volume, 24 h" note="all pairs, by epoch">
        <div className="panel-body">
          <Loaded of={history}>
            {(snapshots) => (
              <Chart
                label="Volume of 24 hours"
                points={pointsOf(snapshots, ({ volume }) => volume)}
                write={compactUsd}
                projectId={projectId}
              />
            )}
          </Loaded>
        </div>
      </Panel>
    </div>
  )
}

function Pairs({ of: ranking }: { readonly of: Snapshot }) {
  const pairs = pairsOf(ranking.value)
  const all = totalOf(pairs, ({ liquidity }) => liquidity)
  const largest = Math.max(...pairs.map(({ liquidity }) => liquidity), 1)
  const columns: readonly Column<Pair>[] = [
    { name: 'Pair', isRowHead: true, by: ({ name }) => name, cell: ({ name, address }) => <a href={to('uniswap', address)}>{name}</a> },
    {
      name: 'Liquidity',
      isNumber: true,
      by: ({ liquidity }) => liquidity,
      cell: ({ liquidity }) => <span title={usd(liquidity)}>{compactUsd(liquidity)}</span>,
    },
    {
      name: 'Share',
      isWide: true,
      cell: ({ liquidity }) => (
        <span className="share">
          <span className="bar" style={{ width: `${(liquidity / largest) * 90}px` }} /> {share(liquidity, all)}
        </span>
      ),
    },
    {
      name: 'Volume, 24 h',
      isNumber: true,
      by: ({ volume }) => volume,
      cell: ({ volume }) => <span title={usd(volume)}>{compactUsd(volume)}</span>,
    },
    {
      name: 'Fees, 24 h',
      isNumber: true,
      isWide: true,
      by: ({ fee }) => fee,
      cell: ({ fee }) => <span title={usd(fee)}>{compactUsd(fee)}</span>,
    },
    { name: 'Contract', isNumber: true, isWide: true, cell: ({ address }) => <Name text={address} /> },
  ]
  return (
    <Panel title="Pairs" note={<ProofLink {...ranking} label={`Proof of epoch ${integer(ranking.epochId)}`} />}>
      <Table caption="Pairs by liquidity" rows={pairs} keyOf={({ address, name }) => `${address} ${name}`} columns={columns} />
    </Panel>
  )
}

interface Token {
  readonly symbol: string
  readonly name: string
  readonly address: string
  readonly price: number
  readonly change: number
  readonly volume: number
  readonly liquidity: number
}

function Tokens({ of: ranking }: { readonly of: Snapshot }) {
  const tokens = rowsOf(ranking.value, 'tokens').map((row) => ({
    symbol: textOf(row, 'symbol'),
    name: textOf(row, 'name'),
    address: textOf(row, 'address'),
    price: numberOf(row, 'price') ?? 0,
    change: numberOf(row, 'priceChange24h') ?? 0,
    volume: numberOf(row, 'volume24h') ?? 0,
    liquidity: numberOf(row, 'liquidity') ?? 0,
  }))
  return (
    <Panel title="Tokens" note={<ProofLink {...ranking} label={`Proof of epoch ${integer(ranking.epochId)}`} />}>
      <Table caption="Tokens" rows={tokens} keyOf={({ address }) => address} columns={TOKEN_COLUMNS} />
    </Panel>
  )
}

const TOKEN_COLUMNS: readonly Column<Token>[] = [
  {
    name: 'Token',
    isRowHead: true,
    by: ({ symbol }) => symbol,
    cell: ({ symbol, name, address }) => (
      <span title={address}>
        {symbol} <span className="soft wide">{name}</span>
      </span>
    ),
  },
  { name: 'Price', isNumber: true, by: ({ price }) => price, cell: ({ price }) => usd(price) },
  { name: 'In 24 h', isNumber: true, by: ({ change }) => change, cell: ({ change }) => <Change of={change} /> },
  {
    name: 'Volume, 24 h',
    isWide: true,
    isNumber: true,
    by: ({ volume }) => volume,
    cell: ({ volume }) => <span title={usd(volume)}>{compactUsd(volume)}</span>,
  },
  {
    name: 'Liquidity',
    isNumber: true,
    isWide: true,
    by: ({ liquidity }) => liquidity,
    cell: ({ liquidity }) => <span title={usd(liquidity)}>{compactUsd(liquidity)}</span>,
  },
]

const Change = ({ of }: { readonly of: number }) => (
  <span className={of > 0 ? 'up' : of < 0 ? 'down' : 'soft'}>
    {of > 0 ? '+' : ''}
    {of.toFixed(2)}%
  </span>
)
