/** What tables and queries need of an engine. They are written once, in the SQL that SQLite and PostgreSQL share. */

export type SqlValue = number | string | Uint8Array | null
export type Row = Readonly<Record<string, SqlValue>>

/** `?` stands for a value. Integers come as numbers. */
export interface Sql {
  rows(query: string, values?: readonly SqlValue[]): Promise<readonly Row[]>
  /** Puts rows into a table of `TABLES`, values in the order of `columns`. `conflict`: what follows `ON CONFLICT`. */
  insert(table: TableName, columns: readonly string[], rows: readonly (readonly SqlValue[])[], conflict?: string): Promise<void>
}

/** An engine: it knows where tables lie, how to write and read at once, and who leads. */
export interface Engine {
  lead(): Promise<boolean>
  /** Everything in `work` or nothing. One after another. */
  write<Value>(work: (sql: Sql) => Promise<Value>): Promise<Value>
  /** Several queries about one state of the tables. */
  read<Value>(work: (sql: Sql) => Promise<Value>): Promise<Value>
  /** Queries of which the last sees one state of the tables by itself: on a server that is two ways there and back less. */
  look<Value>(work: (sql: Sql) => Promise<Value>): Promise<Value>
  /** Bytes on disk. */
  size(): Promise<number>
  close(): Promise<void>
}

export type ColumnType = 'integer' | 'text' | 'bytes' | 'number' | 'serial'
interface Table {
  readonly columns: Readonly<Record<string, `${ColumnType}${'' | '?'}`>>
  readonly key: readonly string[]
  /** Without a row id of its own, where the engine gives rows one. */
  readonly isClustered?: true
  readonly unique?: readonly string[]
  /** Columns, and a condition where only some rows are in it. */
  readonly indexes?: readonly (readonly [columns: string, where?: string])[]
}

/**
 * Every row goes with a block: it names it, or the batch or epoch that does. So a rollback finds what is void. Times are seconds of the anchor
 * chain; `next_try_ms` is the machine's. Projects, contents and batches have numbers, for there may be ten million points.
 */
export const TABLES = {
  meta: { columns: { name: 'text', value: 'text' }, key: ['name'] },
  /** The newest blocks, and all that told something of the market. */
  blocks: {
    columns: {
      number: 'integer',
      contract_number: 'integer',
      hash: 'text',
      parent_hash: 'text',
      timestamp: 'number',
      has_events: 'integer',
    },
    key: ['number'],
  },
  /** The columns from `batches` on are worked out from other tables whenever those change. */
  epochs: {
    columns: {
      epoch_id: 'integer',
      begin_block: 'integer',
      end_block: 'integer',
      released_block: 'integer',
      released_contract_number: 'integer',
      released_at: 'number',
      ended_block: 'integer?',
      ended_at: 'number?',
      finalized_at: 'number?',
      batches: 'integer',
      projects: 'integer',
      finalized_projects: 'integer',
      disputed_projects: 'integer',
      submissions: 'integer',
      slots: 'integer',
      outvoted_slots: 'integer',
      unread_batches: 'integer',
      pending_batches: 'integer',
      disputed_batches: 'integer',
    },
    key: ['epoch_id'],
    indexes: [['released_block']],
  },
  days: { columns: { day: 'integer', first_epoch_id: 'integer', block: 'integer' }, key: ['day'], indexes: [['first_epoch_id']] },
  /** One row an anchoring. `superseded_block`: in which the same CID was anchored again in the epoch. */
  batches: {
    columns: {
      batch_no: 'serial',
      epoch_id: 'integer',
      batch_cid: 'text',
      place: 'integer',
      submitted_block: 'integer',
      submitted_at: 'number',
      superseded_block: 'integer?',
      finalized_block: 'integer?',
      finalized_at: 'number?',
      refuted_block: 'integer?',
      anchoring: 'text?',
      file: 'text',
      attempts: 'integer',
      next_try_ms: 'integer?',
      projects: 'integer?',
      submissions: 'integer?',
      bytes: 'integer?',
      submissions_root: 'text?',
      cids_root: 'text?',
    },
    key: ['batch_no'],
    indexes: [
      ['epoch_id, place'],
      ['batch_cid'],
      ['submitted_block'],
      ['finalized_block', 'finalized_block IS NOT NULL'],
      ['refuted_block', 'refuted_block IS NOT NULL'],
      ['superseded_block', 'superseded_block IS NOT NULL'],
      ['next_try_ms', 'next_try_ms IS NOT NULL'],
    ],
  },
  attestations: {
    columns: { batch_no: 'integer', validator: 'text', block: 'integer', at: 'number', is_late: 'integer' },
    key: ['batch_no', 'validator'],
    isClustered: true,
    indexes: [['block']],
  },
  projects: {
    columns: {
      project_no: 'serial',
      project_id: 'text',
      project_type: 'text',
      data_source: 'text?',
      namespace: 'text',
      last_finalized: 'integer?',
    },
    key: ['project_no'],
    unique: ['project_id'],
  },
  points: {
    columns: {
      project_no: 'integer',
      epoch_id: 'integer',
      batch_no: 'integer',
      content_no: 'integer',
      winning: 'integer?',
      total: 'integer?',
    },
    key: ['project_no', 'epoch_id', 'batch_no'],
    isClustered: true,
    indexes: [['epoch_id, batch_no']],
  },
  /** Snapshots by CID. `epoch_id`: the newest that it won. `form`: how the text lies there. */
  contents: {
    columns: {
      content_no: 'serial',
      cid: 'text',
      epoch_id: 'integer',
      state: 'text',
      attempts: 'integer',
      next_try_ms: 'integer?',
      form: 'text?',
      body: 'bytes?',
    },
    key: ['content_no'],
    unique: ['cid'],
    indexes: [['next_try_ms', 'next_try_ms IS NOT NULL'], ['epoch_id']],
  },
  slot_votes: {
    columns: { slot_id: 'integer', epoch_id: 'integer', batch_no: 'integer', votes: 'integer', winning: 'integer' },
    key: ['slot_id', 'epoch_id', 'batch_no'],
    isClustered: true,
    indexes: [['epoch_id']],
  },
  outvoted: {
    columns: { epoch_id: 'integer', batch_no: 'integer', position: 'integer', slot_id: 'integer', project_no: 'integer' },
    key: ['epoch_id', 'batch_no', 'position'],
    isClustered: true,
    indexes: [['slot_id, epoch_id']],
  },
  changes: {
    columns: { seq: 'serial', kind: 'text', epoch_id: 'integer', project_no: 'integer?' },
    key: ['seq'],
  },
} as const satisfies Record<string, Table>
export type TableName = keyof typeof TABLES

/** How an engine spells what the two spell differently. */
export interface Dialect {
  readonly types: Readonly<Record<ColumnType, string>>
  readonly clustered: string
}

/** Makes the tables where they are not there. */
export function schemaOf({ types, clustered }: Dialect): string[] {
  return Object.entries(TABLES as Record<string, Table>).flatMap(([name, table]) => {
    const columns = Object.entries(table.columns).map(([column, type]) =>
      type.endsWith('?') ? `${column} ${types[type.slice(0, -1) as ColumnType]}` : `${column} ${types[type as ColumnType]} NOT NULL`,
    )
    // A serial column says of itself that it is the key.
    const key = Object.values(table.columns).includes('serial') ? [] : [`PRIMARY KEY (${table.key.join(', ')})`]
    const unique = table.unique === undefined ? [] : [`UNIQUE (${table.unique.join(', ')})`]
    return [
      `CREATE TABLE IF NOT EXISTS ${name} (${[...columns, ...key, ...unique].join(', ')})${table.isClustered ? clustered : ''}`,
      ...(table.indexes ?? []).map(
        ([on, where], index) =>
          `CREATE INDEX IF NOT EXISTS ${name}_${index} ON ${name} (${on})${where === undefined ? '' : ` WHERE ${where}`}`,
      ),
    ]
  })
}

/** The type of a column, without what may be missing. */
export const typeOf = (table: TableName, column: string): ColumnType =>
  (TABLES[table].columns as Table['columns'])[column]?.replace('?', '') as ColumnType

/** `(?, ?, ?)` for so many values. */
export const marks = (values: readonly unknown[]): string => `(${values.map(() => '?').join(', ')})`

/** Splits what may be long: an engine takes so many values at most. */
export const VALUES_MAX = 1_000
