import { type ReactNode, useState } from 'react'

export interface Column<Row> {
  readonly name: string
  readonly cell: (row: Row) => ReactNode
  /** Numbers stand right. */
  readonly isNumber?: boolean
  /** Left out where the screen is narrow. */
  readonly isWide?: boolean
  /** Makes the column one to sort by. */
  readonly by?: (row: Row) => number | string
  readonly isRowHead?: boolean
}

interface TableProps<Row> {
  /** For those who hear the page. */
  readonly caption: string
  readonly columns: readonly Column<Row>[]
  readonly rows: readonly Row[]
  readonly keyOf: (row: Row) => string | number
  readonly children?: ReactNode
}

interface Order {
  readonly name: string
  readonly isDown: boolean
}

/** A table that may be sorted and, where it is too wide, moved by the keyboard too. */
export function Table<Row>({ caption, columns, rows, keyOf, children }: TableProps<Row>) {
  const [order, setOrder] = useState<Order>()
  const sorted = sort(rows, columns, order)
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
    <section className="scroll" aria-label={caption} tabIndex={0}>
      <table>
        <caption>{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <HeadCell key={column.name} column={column} order={order} onOrder={setOrder} />
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map(({ name, cell, isRowHead, ...rest }) =>
                isRowHead ? (
                  <th key={name} scope="row" className={classOf(rest)}>
                    {cell(row)}
                  </th>
                ) : (
                  <td key={name} className={classOf(rest)}>
                    {cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
      {children}
    </section>
  )
}

const classOf = ({ isNumber = false, isWide = false }: { readonly isNumber?: boolean; readonly isWide?: boolean }): string =>
  `${isNumber ? 'num' : ''} ${isWide ? 'wide' : ''}`.trim()

function HeadCell<Row>({
  column: { name, by, ...rest },
  order,
  onOrder,
}: {
  readonly column: Column<Row>
  readonly order: Order | undefined
  readonly onOrder: (order: Order) => void
}) {
  const isSorted = order?.name === name
  const sorted = isSorted ? (order.isDown ? 'descending' : 'ascending') : undefined
  return (
    <th scope="col" className={classOf(rest)} {...(sorted && { 'aria-sort': sorted })}>
      {by === undefined ? (
        name
      ) : (
        <button type="button" onClick={() => onOrder({ name, isDown: isSorted ? !order.isDown : true })}>
          {name}
          <span aria-hidden="true">{sorted === undefined ? '↕' : order?.isDown ? '↓' : '↑'}</span>
        </button>
      )}
    </th>
  )
}

function sort<Row>(rows: readonly Row[], columns: readonly Column<Row>[], order: Order | undefined): readonly Row[] {
  const by = columns.find(({ name }) => name === order?.name)?.by
  if (by === undefined) return rows
  const sign = order?.isDown ? -1 : 1
  return rows.toSorted((left, right) => {
    const [a, b] = [by(left), by(right)]
    return a === b ? 0 : sign * (a < b ? -1 : 1)
  })
}

export function More({ hasMore, onMore }: { readonly hasMore: boolean; readonly onMore: () => void }) {
  if (!hasMore) return null
  return (
    <div className="panel-body" style={{ paddingTop: '12px' }}>
      <button type="button" className="button" onClick={onMore}>
        Show more
      </button>
    </div>
  )
}
