import { useState } from 'react'
import { ask } from '../data/ask.ts'
import { type Value, isMap, numberOf, rowsOf, textOf } from '../data/value.ts'
import { newestOf, type Snapshot, snapshotsOf, useSeries } from '../data/history.ts'
import { useWork } from '../data/use-answer.ts'
import { compactUsd, ends, integer, rate, usd } from '../format.ts'
import { to } from '../router.ts'
import { Badge } from '../ui/badge.tsx'
import { Chart } from '../ui/chart.tsx'
import { Empty, Figure, Figures, FiguresSkeleton, Head, Loaded, Panel, ProofLink } from '../ui/parts.tsx'
import { type Column, Table } from '../ui/table.tsx'
import { Ago } from '../ui/time.tsx'

const STATS = 'aggregate_24h_stats'
const TOP_ASSETS = 'aggregate_top_assets'
const SUPPLY = 'poolContract_total_supply'
const VOLUME = 'poolContract_supply_volume'
/** Rates of the contracts have 27 decimals. */
const RAY = 1e27

interface Asset {
  readonly symbol: string
  readonly name: string
  readonly address: string
  readonly supplied: number
  readonly borrowed: number
  readonly supplyApy: number
  readonly borrowApy: number
  readonly isIsolated: boolean
}

const assetsOf = (value: Value): Asset[] =>
  rowsOf(value, 'assets').map((row) => ({
    symbol: textOf(row, 'symbol'),
    name: textOf(row, 'name'),
    address: textOf(row, 'address'),
    supplied: numberOf(row['totalAToken'], 'usd_supply') ?? 0,
    borrowed: numberOf(row['totalVariableDebt'], 'usd_debt') ?? 0,
    supplyApy: numberOf(row, 'liquidityApy') ?? 0,
    borrowApy: numberOf(row, 'variableApy') ?? 0,
    isIsolated: row['isIsolated'] === true,
  }))

export function AavePage() {
  const market = useWork('aave', async (signal) => {
    const [stats, assets] = await Promise.all([
      newestOf([STATS], (value) => numberOf(value, 'totalMarketSize') !== undefined, signal),
      newestOf([TOP_ASSETS], (value) => rowsOf(value, 'assets').length > 0, signal),
    ])
    return { stats, assets }
  })
  return (
    <>
      <Head title="Aave V3">
        <p>What is supplied and borrowed, at which rates, from finalized snapshots.</p>
      </Head>
      <Loaded of={market} skeleton={<FiguresSkeleton labels={['Market size', 'Available', 'Borrowed']} />}>
        {({ stats, assets }) =>
          stats === undefined && assets === undefined ? (
            <Panel>
              <Empty title="Aave V3 is not computed here">
                The computes of this market make no project of the types <code>{STATS}</code> or <code>{TOP_ASSETS}</code> for Aave. As soon
                as a market runs them, their figures stand here. What this one computes: <a href={to('projects')}>projects</a>.
              </Empty>
            </Panel>
          ) : (
            <>
              {stats !== undefined && <Totals of={stats} />}
              {assets !== undefined && <Assets of={assets} />}
            </>
          )
        }
      </Loaded>
    </>
  )
}

function Totals({ of: stats }: { readonly of: Snapshot }) {
  const figure = (label: string, name: string, changeName: string) => {
    const value = numberOf(stats.value, name)
    const change = numberOf(stats.value, changeName)
    return (
      <Figure
        label={label}
        value={value === undefined ? '–' : compactUsd(value)}
        {...(value !== undefined && { title: usd(value) })}
        note={change === undefined ? '' : `${change > 0 ? '+' : ''}${change.toFixed(2)}% in 24 h`}
        proof={stats}
      />
    )
  }
  return (
    <Figures>
      {figure('Market size', 'totalMarketSize', 'marketChange24h')}
      {figure('Available', 'totalAvailable', 'availableChange24h')}
      {figure('Borrowed', 'totalBorrows', 'borrowChange24h')}
      <Figure label="As of" value={<a href={to('epochs', stats.epochId)}>{integer(stats.epochId)}</a>} note={<Ago at={stats.at} />} />
    </Figures>
  )
}

function Assets({ of: ranking }: { readonly of: Snapshot }) {
  const assets = assetsOf(ranking.value)
  const [chosen, setChosen] = useState(assets[0]?.address)
  const asset = assets.find(({ address }) => address === chosen)
  const columns: readonly Column<Asset>[] = [
    {
      name: 'Asset',
      isRowHead: true,
      by: ({ symbol }) => symbol,
      cell: ({ symbol, name, address, isIsolated }) => (
        <span className="row">
          <button
            type="button"
            className="button slim"
            aria-pressed={address === chosen}
            onClick={() => setChosen(address)}
            title={address}
          >
            {symbol}
          </button>
          <span className="soft wide">{name}</span>
          {isIsolated && (
            <span className="wide">
              <Badge title="It may be borrowed against up to a limit only.">isolated</Badge>
            </span>
          )}
        </span>
      ),
    },
    {
      name: 'Supplied',
      isNumber: true,
      by: ({ supplied }) => supplied,
      cell: ({ supplied }) => <span title={usd(supplied)}>{compactUsd(supplied)}</span>,
    },
    { name: 'Supply APY', isNumber: true, by: ({ supplyApy }) => supplyApy, cell: ({ supplyApy }) => rate(supplyApy / 100) },
    {
      name: 'Borrowed',
      isNumber: true,
      isWide: true,
      by: ({ borrowed }) => borrowed,
      cell: ({ borrowed }) => <span title={usd(borrowed)}>{compactUsd(borrowed)}</span>,
    },
    { name: 'Borrow APY', isNumber: true, by: ({ borrowApy }) => borrowApy, cell: ({ borrowApy }) => rate(borrowApy / 100) },
  ]
  return (
    <>
      <Panel title="Assets" note={<ProofLink {...ranking} label={`Proof of epoch ${integer(ranking.epochId)}`} />}>
        <Table caption="Assets by supply" rows={assets} keyOf={({ address }) => address} columns={columns} />
      </Panel>
      {asset !== undefined && <AssetDetail key={asset.address} asset={asset} />}
    </>
  )
}

function AssetDetail({ asset }: { readonly asset: Asset }) {
  const projects = useWork(`aave asset ${asset.address}`, async (signal) => {
    const { items } = await ask('projects', { source: asset.address, limit: 50 }, signal)
    const idOf = (type: string): string | undefined => items.find(({ projectType }) => projectType === type)?.projectId
    return { supply: idOf(SUPPLY), volume: idOf(VOLUME) }
  })
  return (
    <Loaded of={projects}>
      {({ supply, volume }) => (
        <>
          <div className="columns two">
            <Drawn title={`Supply rate of ${asset.symbol}`} projectId={supply} path="liquidityRate.*" divisor={RAY} />
            <Drawn title={`Borrow rate of ${asset.symbol}`} projectId={supply} path="variableBorrowRate.*" divisor={RAY} />
            <Drawn title={`Utilisation of ${asset.symbol}`} projectId={supply} path="rateDetails.*.utilRate" divisor={1} />
            <Liquidations symbol={asset.symbol} projectId={volume} />
          </div>
        </>
      )}
    </Loaded>
  )
}

interface DrawnProps {
  readonly title: string
  readonly projectId: string | undefined
  readonly path: string
  readonly divisor: number
}

function Drawn({ title, projectId, path, divisor }: DrawnProps) {
  const series = useSeries(projectId, path, { last: 200 })
  return (
    <Panel title={title}>
      <div className="panel-body">
        {projectId === undefined ? (
          <Empty title="Not computed here">
            It is in <code>{SUPPLY}</code>.
          </Empty>
        ) : (
          <Loaded of={series}>
            {(points) =>
              points.length === 0 ? (
                <Empty title="No epoch has it yet" />
              ) : (
                <Chart
                  label={title}
                  points={points.map((point) => ({ ...point, value: point.value / divisor }))}
                  write={rate}
                  projectId={projectId}
                  height={180}
                />
              )
            }
          </Loaded>
        )}
      </div>
    </Panel>
  )
}

interface Liquidation {
  readonly key: string
  readonly epochId: number
  readonly projectId: string
  readonly at: number
  readonly debtAsset: string
  readonly debt: number
  readonly collateral: number
}

/** Epochs that are looked through. */
const LIQUIDATIONS_LAST = 200

function Liquidations({ symbol, projectId }: { readonly symbol: string; readonly projectId: string | undefined }) {
  const found = useWork(projectId && `liquidations ${projectId}`, async (signal) =>
    (await snapshotsOf(projectId as string, { last: LIQUIDATIONS_LAST }, signal)).flatMap(liquidationsOf).toReversed(),
  )
  return (
    <Panel title={`Liquidations of ${symbol}`} note={`last ${LIQUIDATIONS_LAST} epochs`}>
      {projectId === undefined ? (
        <Empty title="Not computed here">
          They are in <code>{VOLUME}</code>.
        </Empty>
      ) : (
        <Loaded of={found}>
          {(rows) =>
            rows.length === 0 ? (
              <Empty title="None" />
            ) : (
              <Table caption="Liquidations" rows={rows} keyOf={({ key }) => key} columns={LIQUIDATION_COLUMNS} />
            )
          }
        </Loaded>
      )}
    </Panel>
  )
}

function liquidationsOf({ projectId, epochId, at, value }: Snapshot): Liquidation[] {
  const list =
    isMap(value) && isMap(value['liquidation']) && rowsOf(value['liquidation'], 'liquidationList').length > 0 ? value['liquidation'] : value
  return rowsOf(list, 'liquidationList').map((row, index) => ({
    key: `${epochId} ${index}`,
    epochId,
    projectId,
    at,
    debtAsset: textOf(row, 'debtAsset'),
    debt: numberOf(row['debtToCover'], 'totalUSD') ?? 0,
    collateral: numberOf(row['liquidatedCollateral'], 'totalUSD') ?? 0,
  }))
}

const LIQUIDATION_COLUMNS: readonly Column<Liquidation>[] = [
  { name: 'When', isRowHead: true, cell: ({ at }) => <Ago at={at} /> },
  { name: 'Collateral', isNumber: true, by: ({ collateral }) => collateral, cell: ({ collateral }) => usd(collateral) },
  { name: 'Debt', isNumber: true, by: ({ debt }) => debt, cell: ({ debt }) => usd(debt) },
  { name: 'In', isWide: true, cell: ({ debtAsset }) => <span title={debtAsset}>{ends(debtAsset)}</span> },
  { name: 'Proof', isNumber: true, cell: ({ projectId, epochId }) => <ProofLink projectId={projectId} epochId={epochId} /> },
]
