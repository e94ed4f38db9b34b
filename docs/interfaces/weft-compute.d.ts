// Exported: AggregateCompute, BaseSnapshot, BulkCompute, ByBlock, ChainEvent, ChainLog, ChainTransaction, ChainValue, Column, ComputeEpoch, ComputeLimits, ComputeSet, ComputeSetModule, Derived, EPOCH_BLOCKS_MAX, JOINED_MAX, JsonValue, Note, Preload, READS_AT_ONCE, Schema, SchemaIssue, SchemaResult, Series, SeriesField, SeriesRange, SnapshotCompute, SnapshotHistory, SnapshotOf, SnapshotSchema, SourceReader, atBlock, blockKey, blocksOf, boolean, bulk, checksummed, configOf, dataSourceOf, either, fieldsOf, float, floatOf, floatSum, forEachBlock, int, integerOf, integerSum, isContractRefusal, jsonSchemaOf, list, map, memberOf, nullable, object, preloadedBy, quotient, roundHalfEven, scaled, seriesInWindow, snapshotProblems, text, truncateTo, withSeries

// src/domain/by-block.ts
export type ByBlock<Value> = ReadonlyMap<number, Value>;
export declare function atBlock<Value>(values: ByBlock<Value>, block: number): Value;
export declare const blockKey: (block: number) => string;
export declare function forEachBlock<Value>(blocks: readonly number[], compute: (block: number) => Promise<Value>): Promise<ByBlock<Value>>;
export declare function preloadedBy<Value>(preloaded: ReadonlyMap<string, unknown>, taskType: string): ByBlock<Value>;

// src/domain/checksum.ts
export declare function checksummed(address: string): string;

// src/domain/compute-limits.ts
export interface ComputeLimits {
    readonly timeMs?: number;
    readonly memoryMb?: number;
    readonly requests?: number;
    readonly snapshotBytes?: number;
}

// src/domain/compute.ts
export interface AggregateCompute {
    readonly projectType: string;
    readonly schema?: SnapshotSchema;
    readonly description?: string;
    readonly aggregateOn: 'SingleProject' | 'MultiProject';
    readonly baseProjectTypes: readonly string[];
    readonly limits?: ComputeLimits | undefined;
    readonly dataSources?: readonly string[];
    aggregate(input: {
        readonly epoch: ComputeEpoch;
        readonly projectId: string;
        readonly base: readonly BaseSnapshot[];
        readonly history: SnapshotHistory;
        readonly source: SourceReader;
        epochsIn(seconds: number): number;
    }): Promise<JsonValue>;
}
export interface BaseSnapshot {
    readonly projectId: string;
    readonly epochId: number;
    readonly snapshot: JsonValue;
}
export interface BulkCompute extends Pick<SnapshotCompute, 'projectType' | 'schema' | 'description' | 'dataSources' | 'joining' | 'preloads'> {
    all(input: {
        readonly epoch: ComputeEpoch;
        readonly source: SourceReader;
        readonly preloaded: ReadonlyMap<string, unknown>;
    }): Promise<ReadonlyMap<string, JsonValue>>;
}
export interface ChainEvent {
    readonly name: string;
    readonly args: Readonly<Record<string, ChainValue>>;
    readonly address: string;
    readonly blockNumber: number;
    readonly logIndex: number;
    readonly transactionHash: string;
}
export interface ChainLog {
    readonly address: string;
    readonly topics: readonly string[];
    readonly data: string;
    readonly logIndex: number;
}
export interface ChainTransaction {
    readonly hash: string;
    readonly blockNumber: number;
    readonly index: number;
    readonly from: string;
    readonly to: string | undefined;
    readonly value: bigint;
    readonly input: string;
    readonly isSuccess: boolean;
    readonly logs: readonly ChainLog[];
}
export type ChainValue = string | bigint | boolean | readonly ChainValue[];
export interface ComputeEpoch {
    readonly epochId: number;
    readonly begin: number;
    readonly end: number;
}
export interface ComputeSet {
    readonly preloads: readonly Preload[];
    readonly snapshots: readonly SnapshotCompute[];
    readonly aggregates: readonly AggregateCompute[];
    readonly limits?: ComputeLimits | undefined;
}
export interface ComputeSetModule<Config = unknown> {
    readonly name: string;
    readonly version: string;
    readonly config: Schema<Config>;
    create(config: Config): ComputeSet;
}
export declare const EPOCH_BLOCKS_MAX = 1000;
export declare const JOINED_MAX = 20000;
export type JsonValue = null | boolean | string | bigint | number | readonly JsonValue[] | {
    readonly [key: string]: JsonValue;
};
export interface Preload {
    readonly taskType: string;
    preload(input: {
        readonly epoch: ComputeEpoch;
        readonly source: SourceReader;
    }): Promise<unknown>;
}
export interface Schema<Output = unknown> {
    readonly '~standard': {
        readonly version: 1;
        readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    };
}
export interface SchemaIssue {
    readonly message: string;
    readonly path?: readonly (PropertyKey | {
        readonly key: PropertyKey;
    })[] | undefined;
}
export type SchemaResult<Output> = {
    readonly value: Output;
    readonly issues?: undefined;
} | {
    readonly issues: readonly SchemaIssue[];
};
export interface SnapshotCompute {
    readonly projectType: string;
    readonly schema?: SnapshotSchema;
    readonly description?: string;
    readonly dataSources: readonly string[];
    readonly joining?: (input: {
        readonly epoch: ComputeEpoch;
        readonly source: SourceReader;
        readonly history: SnapshotHistory;
    }) => Promise<readonly string[]>;
    readonly preloads: readonly string[];
    compute(input: {
        readonly epoch: ComputeEpoch;
        readonly dataSource: string | undefined;
        readonly source: SourceReader;
        readonly preloaded: ReadonlyMap<string, unknown>;
    }): Promise<JsonValue>;
    readonly limits?: ComputeLimits | undefined;
    readonly all?: BulkCompute['all'];
}
export interface SnapshotHistory {
    firstEpochId(projectId: string): Promise<number | undefined>;
    snapshot(projectId: string, epochId: number): Promise<JsonValue | undefined>;
    series(range: SeriesRange): Promise<Series>;
}
export interface SourceReader {
    timestamp(blockNumber: number): Promise<number>;
    read(call: {
        readonly address: string;
        readonly function: string;
        readonly args: readonly ChainValue[];
        readonly blockNumber: number;
    }): Promise<readonly ChainValue[]>;
    events(filter: {
        readonly address: string;
        readonly events: readonly string[];
        readonly fromBlock: number;
        readonly toBlock: number;
    }): Promise<readonly ChainEvent[]>;
    transactions(blockNumber: number): Promise<readonly ChainTransaction[]>;
}
export declare function blocksOf(epoch: ComputeEpoch): readonly number[];
export declare function bulk(compute: BulkCompute): SnapshotCompute;
export declare function isContractRefusal(failure: unknown): boolean;
export declare function quotient(numerator: bigint, denominator: bigint): number;
export declare function roundHalfEven(value: number, digits: number): number;
export declare function scaled(raw: bigint, decimals: number): number;
export declare function truncateTo(value: number, digits: number): number;

// src/domain/config-form.ts
export declare function configOf<const Form extends SnapshotSchema>(form: Form): Schema<SnapshotOf<Form>>;

// src/domain/series.ts
export type Column = readonly (readonly JsonValue[])[];
export interface Derived {
    readonly name: string;
    readonly member: string;
    of(value: JsonValue): JsonValue;
}
export declare const READS_AT_ONCE = 32;
export interface Series {
    readonly columns: readonly Column[];
    readonly isWhole: boolean;
}
export type SeriesField = string | Derived;
export interface SeriesRange {
    readonly projectId: string;
    readonly from: number;
    readonly before: number;
    readonly fields: readonly SeriesField[];
}
export declare function fieldsOf(snapshot: JsonValue, fields: readonly SeriesField[]): readonly JsonValue[];
export declare function floatSum(column: Column, name: string): number;
export declare function integerSum(column: Column, name: string): bigint;
export declare function seriesInWindow(history: Pick<SnapshotHistory, 'firstEpochId' | 'series'>, of: {
    readonly projectId: string;
    readonly epochId: number;
    readonly windowEpochs: number;
    readonly fields: readonly SeriesField[];
}): Promise<Series>;
export declare function withSeries(history: Omit<SnapshotHistory, 'series'>): SnapshotHistory;

// src/domain/snapshot-fields.ts
export declare function dataSourceOf(projectId: string): string;
export declare function floatOf(snapshot: JsonValue, name: string): number;
export declare function integerOf(snapshot: JsonValue, name: string): bigint;
export declare function memberOf(snapshot: JsonValue, name: string): JsonValue;

// src/domain/snapshot-schema.ts
export interface Note {
    readonly unit?: string;
    readonly description?: string;
    readonly key?: 'block' | 'text';
}
export type SnapshotOf<Schema extends SnapshotSchema> = Schema extends {
    readonly kind: 'object';
    readonly fields: infer Fields;
} ? {
    readonly [Name in keyof Fields]: Fields[Name] extends SnapshotSchema ? SnapshotOf<Fields[Name]> : never;
} : Schema extends {
    readonly kind: 'list';
    readonly of: infer Item extends SnapshotSchema;
} ? readonly SnapshotOf<Item>[] : Schema extends {
    readonly kind: 'map';
    readonly of: infer Item extends SnapshotSchema;
} ? {
    readonly [key: string]: SnapshotOf<Item>;
} : Schema extends {
    readonly kind: 'nullable';
    readonly of: infer Item extends SnapshotSchema;
} ? SnapshotOf<Item> | null : Schema extends {
    readonly kind: 'either';
    readonly of: readonly (infer Item extends SnapshotSchema)[];
} ? SnapshotOf<Item> : Schema extends {
    readonly kind: 'int';
} ? bigint : Schema extends {
    readonly kind: 'float';
} ? number : Schema extends {
    readonly kind: 'text';
} ? string : Schema extends {
    readonly kind: 'boolean';
} ? boolean : never;
export type SnapshotSchema = (Note & {
    readonly kind: 'int' | 'float' | 'text' | 'boolean';
}) | (Note & {
    readonly kind: 'nullable';
    readonly of: SnapshotSchema;
}) | (Note & {
    readonly kind: 'list';
    readonly of: SnapshotSchema;
}) | (Note & {
    readonly kind: 'map';
    readonly of: SnapshotSchema;
}) | (Note & {
    readonly kind: 'either';
    readonly of: readonly SnapshotSchema[];
}) | (Note & {
    readonly kind: 'object';
    readonly fields: {
        readonly [name: string]: SnapshotSchema;
    };
});
export declare const boolean: (note?: Note) => {
    readonly unit?: string;
    readonly description?: string;
    readonly key?: 'block' | 'text';
    readonly kind: 'boolean';
};
export declare const either: <const Items extends readonly SnapshotSchema[]>(of: Items, note?: Note) => {
    readonly unit?: string;
    readonly description?: string;
    readonly key?: 'block' | 'text';
    readonly kind: 'either';
    readonly of: Items;
};
export declare const float: (note?: Note) => {
    readonly unit?: string;
    readonly description?: string;
    readonly key?: 'block' | 'text';
    readonly kind: 'float';
};
export declare const int: (note?: Note) => {
    readonly unit?: string;
    readonly description?: string;
    readonly key?: 'block' | 'text';
    readonly kind: 'int';
};
export declare function jsonSchemaOf(schema: SnapshotSchema): {
    readonly [key: string]: unknown;
};
export declare const list: <const Item extends SnapshotSchema>(of: Item, note?: Note) => {
    readonly unit?: string;
    readonly description?: string;
    readonly key?: 'block' | 'text';
    readonly kind: 'list';
    readonly of: Item;
};
export declare const map: <const Item extends SnapshotSchema>(of: Item, note?: Note) => {
    readonly unit?: string;
    readonly description?: string;
    readonly key?: 'block' | 'text';
    readonly kind: 'map';
    readonly of: Item;
};
export declare const nullable: <const Item extends SnapshotSchema>(of: Item, note?: Note) => {
    readonly unit?: string;
    readonly description?: string;
    readonly key?: 'block' | 'text';
    readonly kind: 'nullable';
    readonly of: Item;
};
export declare const object: <const Fields extends {
    readonly [name: string]: SnapshotSchema;
}>(fields: Fields, note?: Note) => {
    readonly unit?: string;
    readonly description?: string;
    readonly key?: 'block' | 'text';
    readonly kind: 'object';
    readonly fields: Fields;
};
export declare function snapshotProblems(schema: SnapshotSchema, value: JsonValue): readonly string[];
export declare const text: (note?: Note) => {
    readonly unit?: string;
    readonly description?: string;
    readonly key?: 'block' | 'text';
    readonly kind: 'text';
};
