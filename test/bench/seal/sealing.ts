import { serveSteps } from '../intake/child.ts'
import type { Row } from './rows.ts'
import { type TableOptions, table } from './table.ts'

/** The process that is measured: the rows of the benchmark, one after the other. */

let rows: AsyncGenerator<Row>

await serveSteps({
  open(options: TableOptions) {
    rows = table(options)
  },
  next: () => rows.next(),
})
