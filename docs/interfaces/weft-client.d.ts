// Exported: ApiInput, ApiOutput, ApiRoute, Batch, Client, ClientOptions, ClientStreamEvent, DataPoint, Epoch, FollowedProject, JsonValue, Observation, PlainJson, Point, Project, ProjectFacts, Range, Reason, Schema, Slot, SlotEpoch, Verify, Vote, Watching, WeftError, createClient, isWeftError, plain

// src/client/answers.ts
export interface Asking {
    readonly signal?: AbortSignal | undefined;
}
export type ItemOf<Name extends ListRoute> = ApiOutput<Name> extends {
    items: (infer Item)[];
} ? Item : never;
export type ListRoute = {
    [Name in ApiRoute]: ApiOutput<Name> extends {
        items: unknown[];
    } ? Name : never;
}[ApiRoute];
export type Query<Name extends ApiRoute> = {
    readonly [Key in keyof ApiQuery<Name>]: ApiQuery<Name>[Key] | number | boolean;
};

// src/client/client.ts
export interface Client {
    project<Value = JsonValue>(projectId: string, form?: {
        readonly schema?: Schema<Value>;
    }): FollowedProject<Value>;
    projects(query?: Partial<Query<'projects'>> & Asking): AsyncGenerator<ItemOf<'projects'>, void>;
    epochs(asking?: Asking): AsyncGenerator<ItemOf<'epochs'>, void>;
    epoch(epochId: number, asking?: Asking): Promise<ApiOutput<'epoch'>>;
    status(asking?: Asking): Promise<ApiOutput<'status'>>;
    market(asking?: Asking): Promise<ApiOutput<'market'>>;
    slot(slotId: number, asking?: Asking): Promise<ApiOutput<'slot'>>;
    validators(asking?: Asking): Promise<ApiOutput<'validators'>>;
    stream(watching?: Watching): AsyncGenerator<ClientStreamEvent<JsonValue>, never>;
    get<Name extends ApiRoute>(name: Name, query: Query<Name>, asking?: Asking): Promise<ApiOutput<Name>>;
    list<Name extends ListRoute>(name: Name, query: Query<Name>, asking?: Asking): AsyncGenerator<ItemOf<Name>, void>;
}
export interface FollowedProject<Value> extends Project<Value> {
    stream(watching?: Omit<Watching, 'projects' | 'types' | 'kinds'>): AsyncGenerator<Exclude<ClientStreamEvent<Value>, {
        kind: 'epoch';
    }>, never>;
}
export declare function createClient(options: ClientOptions): Client;

// src/client/options.ts
export interface ClientOptions {
    readonly api: string | URL | readonly (string | URL)[];
    readonly verify?: Verify;
    readonly market?: TrustedMarket;
    readonly rpc?: string | URL | readonly (string | URL)[];
    readonly agree?: number;
    readonly key?: string;
    readonly onProblem?: (problem: WeftError) => void;
    readonly timeoutMs?: number;
    readonly pageLength?: number;
    readonly fetch?: typeof fetch;
    readonly clock?: Clock;
}

// src/client/points.ts
export interface DataPoint<Value = JsonValue> extends Omit<Point, 'data'> {
    readonly value?: Value;
    readonly verified: Verify;
}
export type PlainJson = null | boolean | string | number | readonly PlainJson[] | {
    readonly [key: string]: PlainJson;
};
export type Verify = 'none' | 'cid' | 'proof';
export declare function plain(value: JsonValue): PlainJson;

// src/client/project.ts
export interface Project<Value> {
    readonly projectId: string;
    info(asking?: Asking): Promise<ApiOutput<'project'>>;
    latest(asking?: Asking & {
        readonly status?: 'finalized' | 'any';
    }): Promise<DataPoint<Value>>;
    at(epochId: number, asking?: Asking): Promise<DataPoint<Value>>;
    range(range?: Range): AsyncGenerator<DataPoint<Value>, void>;
    series(path: string, range?: Range): AsyncGenerator<Observation, void>;
    votes(epochId: number, asking?: Asking): AsyncGenerator<ItemOf<'votes'>, void>;
    sources(epochId: number, asking?: Asking): Promise<ApiOutput<'sources'>>;
}
export interface Range extends Asking {
    readonly from?: number;
    readonly to?: number;
    readonly last?: number;
}

// src/client/stream.ts
export type ClientStreamEvent<Value> = {
    readonly kind: 'point';
    readonly id: string;
    readonly data: DataPoint<Value>;
} | Extract<StreamEvent, {
    kind: 'epoch' | 'undone' | 'cut';
}>;
export interface Watching {
    readonly projects?: readonly string[];
    readonly types?: readonly string[];
    readonly status?: Point['status'];
    readonly kinds?: readonly Exclude<ClientStreamEvent<unknown>['kind'], 'cut'>[];
    readonly values?: boolean;
    readonly signal?: AbortSignal;
}

// src/client/verify.ts
export interface TrustedMarket {
    readonly dataMarket: string;
    readonly anchorChainId?: number | undefined;
}

// src/domain/compute.ts
export type JsonValue = null | boolean | string | bigint | number | readonly JsonValue[] | {
    readonly [key: string]: JsonValue;
};
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

// src/domain/errors.ts
declare const ERRORS: …
export type ErrorCode = keyof typeof ERRORS;
export type ErrorFacts<Code extends ErrorCode> = Code extends ErrorCode ? {
    readonly [Fact in (typeof ERRORS)[Code]['facts'][number]]: FactValue;
} & {
    readonly [Fact in FactsKnown<(typeof ERRORS)[Code]>]?: FactValue;
} : never;
export type ErrorKind = 'caller' | 'transient' | 'operator' | 'bug';
type FactValue = string | number | boolean | readonly string[];
type FactsKnown<Row> = Row extends {
    readonly factsKnown: readonly (infer Fact extends string)[];
} ? Fact : never;
export declare class WeftError<Code extends ErrorCode = ErrorCode> extends Error {
    readonly name = "WeftError";
    readonly code: Code;
    readonly kind: ErrorKind;
    readonly facts: ErrorFacts<Code>;
    constructor(code: Code, facts: ErrorFacts<Code>, cause?: unknown);
}
export declare function isWeftError<Code extends ErrorCode>(failure: unknown, code?: Code): failure is WeftError<Code>;

// src/domain/ids.ts
export type Address = Branded<string, 'Address'>;
type Branded<Base, Name extends string> = Base & {
    readonly [brand]: Name;
};
export type Cid = Branded<string, 'Cid'>;
declare const brand: unique symbol;

// src/io/clock/port.ts
export interface Clock {
    nowMs(): number;
    sleep(durationMs: number, signal?: AbortSignal): Promise<void>;
}

// src/wire/api.ts
export declare const API: {
    readonly status: {
        readonly method: 'GET';
        readonly path: string;
        readonly doc: string;
        readonly input: z.ZodObject<{}, z.core.$strip>;
        readonly output: z.ZodObject<{
            version: z.ZodString;
            anchorChainId: z.ZodInt;
            protocolState: z.ZodPipe<z.ZodString, z.ZodTransform<Address, string>>;
            dataMarket: z.ZodPipe<z.ZodString, z.ZodTransform<Address, string>>;
            indexed: z.ZodOptional<z.ZodObject<{
                block: z.ZodInt;
                at: z.ZodNumber;
            }, z.core.$strip>>;
            head: z.ZodOptional<z.ZodInt>;
            newestEpochId: z.ZodOptional<z.ZodInt>;
            epochs: z.ZodInt;
            projects: z.ZodInt;
            points: z.ZodInt;
            unavailable: z.ZodInt;
        }, z.core.$strip>;
    };
    readonly market: {
        readonly method: 'GET';
        readonly path: string;
        readonly doc: string;
        readonly input: z.ZodObject<{}, z.core.$strip>;
        readonly output: z.ZodObject<{
            dataMarket: z.ZodPipe<z.ZodString, z.ZodTransform<Address, string>>;
            protocolState: z.ZodPipe<z.ZodString, z.ZodTransform<Address, string>>;
            anchorChainId: z.ZodInt;
            sourceChainId: z.ZodInt;
            epochSize: z.ZodInt;
            sourceBlockTimeSeconds: z.ZodNumber;
            snapshotWindowBlocks: z.ZodInt;
            batchWindowBlocks: z.ZodInt;
            attestationWindowBlocks: z.ZodInt;
            attestationsMin: z.ZodInt;
            sequencers: z.ZodArray<z.ZodPipe<z.ZodString, z.ZodTransform<Address, string>>>;
            validators: z.ZodArray<z.ZodPipe<z.ZodString, z.ZodTransform<Address, string>>>;
            manifestCid: z.ZodOptional<z.ZodString>;
            manifest: z.ZodOptional<z.ZodJSONSchema>;
        }, z.core.$strip>;
    };
    readonly projects: {
        readonly method: 'GET';
        readonly path: string;
        readonly doc: string;
        readonly input: z.ZodObject<{
            limit: z.ZodOptional<z.ZodPipe<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>, z.ZodInt>>;
            cursor: z.ZodOptional<z.ZodPipe<z.ZodString, z.ZodTransform<string, string>>>;
            search: z.ZodOptional<z.ZodString>;
            type: z.ZodOptional<z.ZodString>;
            source: z.ZodOptional<z.ZodString>;
        }, z.core.$strip>;
        readonly output: z.ZodObject<{
            items: z.ZodArray<z.ZodObject<{
                projectId: z.ZodString;
                projectType: z.ZodString;
                dataSource: z.ZodOptional<z.ZodString>;
                namespace: z.ZodString;
                kind: z.ZodEnum<{
                    multi: "multi";
                    single: "single";
                    snapshot: "snapshot";
                    unknown: "unknown";
                }>;
                firstEpochId: z.ZodInt;
                lastEpochId: z.ZodInt;
                lastFinalizedEpochId: z.ZodOptional<z.ZodInt>;
            }, z.core.$strip>>;
            nextCursor: z.ZodOptional<z.ZodString>;
        }, z.core.$strip>;
    };
    readonly project: {
        readonly method: 'GET';
        readonly path: string;
        readonly doc: string;
        readonly input: z.ZodObject<{
            projectId: z.ZodPipe<z.ZodString, z.ZodTransform<import("#domain/ids.ts").ProjectId, string>>;
        }, z.core.$strip>;
        readonly output: z.ZodObject<{
            projectId: z.ZodString;
            projectType: z.ZodString;
            dataSource: z.ZodOptional<z.ZodString>;
            namespace: z.ZodString;
            kind: z.ZodEnum<{
                multi: "multi";
                single: "single";
                snapshot: "snapshot";
                unknown: "unknown";
            }>;
            firstEpochId: z.ZodInt;
            lastEpochId: z.ZodInt;
            lastFinalizedEpochId: z.ZodOptional<z.ZodInt>;
            description: z.ZodOptional<z.ZodString>;
            schema: z.ZodOptional<z.ZodJSONSchema>;
        }, z.core.$strip>;
    };
    readonly points: {
        readonly method: 'GET';
        readonly path: string;
        readonly doc: string;
        readonly input: z.ZodObject<{
            limit: z.ZodOptional<z.ZodPipe<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>, z.ZodInt>>;
            cursor: z.ZodOptional<z.ZodPipe<z.ZodString, z.ZodTransform<string, string>>>;
            from: z.ZodOptional<z.ZodPipe<z.ZodPipe<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>, z.ZodInt>, z.ZodTransform<import("#domain/ids.ts").EpochId, number>>>;
            to: z.ZodOptional<z.ZodPipe<z.ZodPipe<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>, z.ZodInt>, z.ZodTransform<import("#domain/ids.ts").EpochId, number>>>;
            last: z.ZodOptional<z.ZodPipe<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>, z.ZodInt>>;
            data: z.ZodOptional<z.ZodPipe<z.ZodEnum<{
                false: "false";
                true: "true";
            }>, z.ZodTransform<boolean, "false" | "true">>>;
            text: z.ZodOptional<z.ZodPipe<z.ZodEnum<{
                false: "false";
                true: "true";
            }>, z.ZodTransform<boolean, "false" | "true">>>;
            projectId: z.ZodPipe<z.ZodString, z.ZodTransform<import("#domain/ids.ts").ProjectId, string>>;
        }, z.core.$strip>;
        readonly output: z.ZodObject<{
            items: z.ZodArray<z.ZodObject<{
                projectId: z.ZodString;
                epochId: z.ZodInt;
                status: z.ZodEnum<{
                    absent: "absent";
                    disputed: "disputed";
                    finalized: "finalized";
                    pending: "pending";
                }>;
                reason: z.ZodOptional<z.ZodObject<{
                    code: z.ZodEnum<{
                        epoch_forgotten: "epoch_forgotten";
                        epoch_not_released: "epoch_not_released";
                        epoch_open: "epoch_open";
                        epoch_skipped: "epoch_skipped";
                        not_batched: "not_batched";
                        not_final: "not_final";
                        not_indexed: "not_indexed";
                        not_json: "not_json";
                        not_read: "not_read";
                        project_later: "project_later";
                        project_unknown: "project_unknown";
                        unavailable: "unavailable";
                        window_over: "window_over";
                    }>;
                    message: z.ZodString;
                    nearest: z.ZodOptional<z.ZodArray<z.ZodString>>;
                    newestEpochId: z.ZodOptional<z.ZodInt>;
                    oldestEpochId: z.ZodOptional<z.ZodInt>;
                    firstEpochId: z.ZodOptional<z.ZodInt>;
                    untilBlock: z.ZodOptional<z.ZodInt>;
                    indexedBlock: z.ZodOptional<z.ZodInt>;
                }, z.core.$strip>>;
                begin: z.ZodOptional<z.ZodInt>;
                end: z.ZodOptional<z.ZodInt>;
                releasedAt: z.ZodOptional<z.ZodNumber>;
                snapshotCid: z.ZodOptional<z.ZodString>;
                batchCid: z.ZodOptional<z.ZodString>;
                finalizedBlock: z.ZodOptional<z.ZodInt>;
                finalizedAt: z.ZodOptional<z.ZodNumber>;
                votes: z.ZodOptional<z.ZodObject<{
                    winning: z.ZodInt;
                    total: z.ZodInt;
                }, z.core.$strip>>;
                data: z.ZodOptional<z.ZodJSONSchema>;
                text: z.ZodOptional<z.ZodString>;
            }, z.core.$strip>>;
            nextCursor: z.ZodOptional<z.ZodString>;
        }, z.core.$strip>;
    };
    readonly latest: {
        readonly method: 'GET';
        readonly path: string;
        readonly doc: string;
        readonly input: z.ZodObject<{
            data: z.ZodOptional<z.ZodPipe<z.ZodEnum<{
                false: "false";
                true: "true";
            }>, z.ZodTransform<boolean, "false" | "true">>>;
            text: z.ZodOptional<z.ZodPipe<z.ZodEnum<{
                false: "false";
                true: "true";
            }>, z.ZodTransform<boolean, "false" | "true">>>;
            projectId: z.ZodPipe<z.ZodString, z.ZodTransform<import("#domain/ids.ts").ProjectId, string>>;
            status: z.ZodOptional<z.ZodEnum<{
                any: "any";
                finalized: "finalized";
            }>>;
        }, z.core.$strip>;
        readonly output: z.ZodObject<{
            projectId: z.ZodString;
            epochId: z.ZodInt;
            status: z.ZodEnum<{
                absent: "absent";
                disputed: "disputed";
                finalized: "finalized";
                pending: "pending";
            }>;
            reason: z.ZodOptional<z.ZodObject<{
                code: z.ZodEnum<{
                    epoch_forgotten: "epoch_forgotten";
                    epoch_not_released: "epoch_not_released";
                    epoch_open: "epoch_open";
                    epoch_skipped: "epoch_skipped";
                    not_batched: "not_batched";
                    not_final: "not_final";
                    not_indexed: "not_indexed";
                    not_json: "not_json";
                    not_read: "not_read";
                    project_later: "project_later";
                    project_unknown: "project_unknown";
                    unavailable: "unavailable";
                    window_over: "window_over";
                }>;
                message: z.ZodString;
                nearest: z.ZodOptional<z.ZodArray<z.ZodString>>;
                newestEpochId: z.ZodOptional<z.ZodInt>;
                oldestEpochId: z.ZodOptional<z.ZodInt>;
                firstEpochId: z.ZodOptional<z.ZodInt>;
                untilBlock: z.ZodOptional<z.ZodInt>;
                indexedBlock: z.ZodOptional<z.ZodInt>;
            }, z.core.$strip>>;
            begin: z.ZodOptional<z.ZodInt>;
            end: z.ZodOptional<z.ZodInt>;
            releasedAt: z.ZodOptional<z.ZodNumber>;
            snapshotCid: z.ZodOptional<z.ZodString>;
            batchCid: z.ZodOptional<z.ZodString>;
            finalizedBlock: z.ZodOptional<z.ZodInt>;
            finalizedAt: z.ZodOptional<z.ZodNumber>;
            votes: z.ZodOptional<z.ZodObject<{
                winning: z.ZodInt;
                total: z.ZodInt;
            }, z.core.$strip>>;
            data: z.ZodOptional<z.ZodJSONSchema>;
            text: z.ZodOptional<z.ZodString>;
        }, z.core.$strip>;
        readonly isAbsenceTold: true;
    };
    readonly point: {
        readonly method: 'GET';
        readonly path: string;
        readonly doc: string;
        readonly input: z.ZodObject<{
            data: z.ZodOptional<z.ZodPipe<z.ZodEnum<{
                false: "false";
                true: "true";
            }>, z.ZodTransform<boolean, "false" | "true">>>;
            text: z.ZodOptional<z.ZodPipe<z.ZodEnum<{
                false: "false";
                true: "true";
            }>, z.ZodTransform<boolean, "false" | "true">>>;
            projectId: z.ZodPipe<z.ZodString, z.ZodTransform<import("#domain/ids.ts").ProjectId, string>>;
            epochId: z.ZodPipe<z.ZodPipe<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>, z.ZodInt>, z.ZodTransform<import("#domain/ids.ts").EpochId, number>>;
        }, z.core.$strip>;
        readonly output: z.ZodObject<{
            projectId: z.ZodString;
            epochId: z.ZodInt;
            status: z.ZodEnum<{
                absent: "absent";
                disputed: "disputed";
                finalized: "finalized";
                pending: "pending";
            }>;
            reason: z.ZodOptional<z.ZodObject<{
                code: z.ZodEnum<{
                    epoch_forgotten: "epoch_forgotten";
                    epoch_not_released: "epoch_not_released";
                    epoch_open: "epoch_open";
                    epoch_skipped: "epoch_skipped";
                    not_batched: "not_batched";
                    not_final: "not_final";
                    not_indexed: "not_indexed";
                    not_json: "not_json";
                    not_read: "not_read";
                    project_later: "project_later";
                    project_unknown: "project_unknown";
                    unavailable: "unavailable";
                    window_over: "window_over";
                }>;
                message: z.ZodString;
                nearest: z.ZodOptional<z.ZodArray<z.ZodString>>;
                newestEpochId: z.ZodOptional<z.ZodInt>;
                oldestEpochId: z.ZodOptional<z.ZodInt>;
                firstEpochId: z.ZodOptional<z.ZodInt>;
                untilBlock: z.ZodOptional<z.ZodInt>;
                indexedBlock: z.ZodOptional<z.ZodInt>;
            }, z.core.$strip>>;
            begin: z.ZodOptional<z.ZodInt>;
            end: z.ZodOptional<z.ZodInt>;
            releasedAt: z.ZodOptional<z.ZodNumber>;
            snapshotCid: z.ZodOptional<z.ZodString>;
            batchCid: z.ZodOptional<z.ZodString>;
            finalizedBlock: z.ZodOptional<z.ZodInt>;
            finalizedAt: z.ZodOptional<z.ZodNumber>;
            votes: z.ZodOptional<z.ZodObject<{
                winning: z.ZodInt;
                total: z.ZodInt;
            }, z.core.$strip>>;
            data: z.ZodOptional<z.ZodJSONSchema>;
            text: z.ZodOptional<z.ZodString>;
        }, z.core.$strip>;
        readonly isAbsenceTold: true;
    };
    readonly votes: {
        readonly method: 'GET';
        readonly path: string;
        readonly doc: string;
        readonly input: z.ZodObject<{
            limit: z.ZodOptional<z.ZodPipe<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>, z.ZodInt>>;
            cursor: z.ZodOptional<z.ZodPipe<z.ZodString, z.ZodTransform<string, string>>>;
            projectId: z.ZodPipe<z.ZodString, z.ZodTransform<import("#domain/ids.ts").ProjectId, string>>;
            epochId: z.ZodPipe<z.ZodPipe<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>, z.ZodInt>, z.ZodTransform<import("#domain/ids.ts").EpochId, number>>;
        }, z.core.$strip>;
        readonly output: z.ZodObject<{
            items: z.ZodArray<z.ZodObject<{
                submissionId: z.ZodString;
                slotId: z.ZodInt;
                projectId: z.ZodString;
                snapshotCid: z.ZodString;
                isWinning: z.ZodBoolean;
            }, z.core.$strip>>;
            nextCursor: z.ZodOptional<z.ZodString>;
        }, z.core.$strip>;
    };
    readonly sources: {
        readonly method: 'GET';
        readonly path: string;
        readonly doc: string;
        readonly input: z.ZodObject<{
            projectId: z.ZodPipe<z.ZodString, z.ZodTransform<import("#domain/ids.ts").ProjectId, string>>;
            epochId: z.ZodPipe<z.ZodPipe<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>, z.ZodInt>, z.ZodTransform<import("#domain/ids.ts").EpochId, number>>;
        }, z.core.$strip>;
        readonly output: z.ZodObject<{
            projectId: z.ZodString;
            epochId: z.ZodInt;
            sources: z.ZodArray<z.ZodObject<{
                projectId: z.ZodString;
                fromEpochId: z.ZodInt;
                toEpochId: z.ZodInt;
            }, z.core.$strip>>;
        }, z.core.$strip>;
    };
    readonly series: {
        readonly method: 'GET';
        readonly path: string;
        readonly doc: string;
        readonly input: z.ZodObject<{
            limit: z.ZodOptional<z.ZodPipe<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>, z.ZodInt>>;
            cursor: z.ZodOptional<z.ZodPipe<z.ZodString, z.ZodTransform<string, string>>>;
            from: z.ZodOptional<z.ZodPipe<z.ZodPipe<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>, z.ZodInt>, z.ZodTransform<import("#domain/ids.ts").EpochId, number>>>;
            to: z.ZodOptional<z.ZodPipe<z.ZodPipe<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>, z.ZodInt>, z.ZodTransform<import("#domain/ids.ts").EpochId, number>>>;
            last: z.ZodOptional<z.ZodPipe<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>, z.ZodInt>>;
            projectId: z.ZodPipe<z.ZodString, z.ZodTransform<import("#domain/ids.ts").ProjectId, string>>;
            path: z.ZodString;
            format: z.ZodOptional<z.ZodEnum<{
                csv: "csv";
                json: "json";
            }>>;
        }, z.core.$strip>;
        readonly output: z.ZodObject<{
            items: z.ZodArray<z.ZodObject<{
                epochId: z.ZodInt;
                at: z.ZodNumber;
                block: z.ZodInt;
                status: z.ZodEnum<{
                    absent: "absent";
                    disputed: "disputed";
                    finalized: "finalized";
                    pending: "pending";
                }>;
                value: z.ZodUnion<readonly [z.ZodNumber, z.ZodString, z.ZodNull]>;
            }, z.core.$strip>>;
            nextCursor: z.ZodOptional<z.ZodString>;
        }, z.core.$strip>;
    };
    readonly proof: {
        readonly method: 'GET';
        readonly path: string;
        readonly doc: string;
        readonly input: z.ZodObject<{
            projectId: z.ZodPipe<z.ZodString, z.ZodTransform<import("#domain/ids.ts").ProjectId, string>>;
            epochId: z.ZodPipe<z.ZodPipe<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>, z.ZodInt>, z.ZodTransform<import("#domain/ids.ts").EpochId, number>>;
        }, z.core.$strip>;
        readonly output: z.ZodJSONSchema;
    };
    readonly epochs: {
        readonly method: 'GET';
        readonly path: string;
        readonly doc: string;
        readonly input: z.ZodObject<{
            limit: z.ZodOptional<z.ZodPipe<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>, z.ZodInt>>;
            cursor: z.ZodOptional<z.ZodPipe<z.ZodString, z.ZodTransform<string, string>>>;
        }, z.core.$strip>;
        readonly output: z.ZodObject<{
            items: z.ZodArray<z.ZodObject<{
                epochId: z.ZodInt;
                begin: z.ZodInt;
                end: z.ZodInt;
                day: z.ZodOptional<z.ZodInt>;
                releasedBlock: z.ZodInt;
                releasedAt: z.ZodNumber;
                endedBlock: z.ZodOptional<z.ZodInt>;
                endedAt: z.ZodOptional<z.ZodNumber>;
                finalizedAt: z.ZodOptional<z.ZodNumber>;
                status: z.ZodEnum<{
                    disputed: "disputed";
                    empty: "empty";
                    finalized: "finalized";
                    open: "open";
                    pending: "pending";
                }>;
                reason: z.ZodOptional<z.ZodObject<{
                    code: z.ZodEnum<{
                        epoch_forgotten: "epoch_forgotten";
                        epoch_not_released: "epoch_not_released";
                        epoch_open: "epoch_open";
                        epoch_skipped: "epoch_skipped";
                        not_batched: "not_batched";
                        not_final: "not_final";
                        not_indexed: "not_indexed";
                        not_json: "not_json";
                        not_read: "not_read";
                        project_later: "project_later";
                        project_unknown: "project_unknown";
                        unavailable: "unavailable";
                        window_over: "window_over";
                    }>;
                    message: z.ZodString;
                    nearest: z.ZodOptional<z.ZodArray<z.ZodString>>;
                    newestEpochId: z.ZodOptional<z.ZodInt>;
                    oldestEpochId: z.ZodOptional<z.ZodInt>;
                    firstEpochId: z.ZodOptional<z.ZodInt>;
                    untilBlock: z.ZodOptional<z.ZodInt>;
                    indexedBlock: z.ZodOptional<z.ZodInt>;
                }, z.core.$strip>>;
                batches: z.ZodInt;
                projects: z.ZodInt;
                finalizedProjects: z.ZodInt;
                submissions: z.ZodInt;
                slots: z.ZodInt;
                outvotedSlots: z.ZodInt;
            }, z.core.$strip>>;
            nextCursor: z.ZodOptional<z.ZodString>;
        }, z.core.$strip>;
    };
    readonly epoch: {
        readonly method: 'GET';
        readonly path: string;
        readonly doc: string;
        readonly input: z.ZodObject<{
            epochId: z.ZodPipe<z.ZodPipe<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>, z.ZodInt>, z.ZodTransform<import("#domain/ids.ts").EpochId, number>>;
        }, z.core.$strip>;
        readonly output: z.ZodObject<{
            epochId: z.ZodInt;
            begin: z.ZodInt;
            end: z.ZodInt;
            day: z.ZodOptional<z.ZodInt>;
            releasedBlock: z.ZodInt;
            releasedAt: z.ZodNumber;
            endedBlock: z.ZodOptional<z.ZodInt>;
            endedAt: z.ZodOptional<z.ZodNumber>;
            finalizedAt: z.ZodOptional<z.ZodNumber>;
            status: z.ZodEnum<{
                disputed: "disputed";
                empty: "empty";
                finalized: "finalized";
                open: "open";
                pending: "pending";
            }>;
            reason: z.ZodOptional<z.ZodObject<{
                code: z.ZodEnum<{
                    epoch_forgotten: "epoch_forgotten";
                    epoch_not_released: "epoch_not_released";
                    epoch_open: "epoch_open";
                    epoch_skipped: "epoch_skipped";
                    not_batched: "not_batched";
                    not_final: "not_final";
                    not_indexed: "not_indexed";
                    not_json: "not_json";
                    not_read: "not_read";
                    project_later: "project_later";
                    project_unknown: "project_unknown";
                    unavailable: "unavailable";
                    window_over: "window_over";
                }>;
                message: z.ZodString;
                nearest: z.ZodOptional<z.ZodArray<z.ZodString>>;
                newestEpochId: z.ZodOptional<z.ZodInt>;
                oldestEpochId: z.ZodOptional<z.ZodInt>;
                firstEpochId: z.ZodOptional<z.ZodInt>;
                untilBlock: z.ZodOptional<z.ZodInt>;
                indexedBlock: z.ZodOptional<z.ZodInt>;
            }, z.core.$strip>>;
            batches: z.ZodInt;
            projects: z.ZodInt;
            finalizedProjects: z.ZodInt;
            submissions: z.ZodInt;
            slots: z.ZodInt;
            outvotedSlots: z.ZodInt;
            batchList: z.ZodArray<z.ZodObject<{
                batchCid: z.ZodString;
                epochId: z.ZodInt;
                index: z.ZodInt;
                status: z.ZodEnum<{
                    disputed: "disputed";
                    finalized: "finalized";
                    pending: "pending";
                }>;
                anchoring: z.ZodEnum<{
                    projects: "projects";
                    roots: "roots";
                }>;
                submittedBlock: z.ZodInt;
                submittedAt: z.ZodNumber;
                finalizedBlock: z.ZodOptional<z.ZodInt>;
                finalizedAt: z.ZodOptional<z.ZodNumber>;
                attestations: z.ZodArray<z.ZodObject<{
                    validator: z.ZodPipe<z.ZodString, z.ZodTransform<Address, string>>;
                    block: z.ZodInt;
                    at: z.ZodNumber;
                    isLate: z.ZodBoolean;
                }, z.core.$strip>>;
                file: z.ZodEnum<{
                    malformed: "malformed";
                    read: "read";
                    unavailable: "unavailable";
                    waiting: "waiting";
                }>;
                projects: z.ZodOptional<z.ZodInt>;
                submissions: z.ZodOptional<z.ZodInt>;
                bytes: z.ZodOptional<z.ZodInt>;
                submissionsRoot: z.ZodOptional<z.ZodString>;
                cidsRoot: z.ZodOptional<z.ZodString>;
            }, z.core.$strip>>;
        }, z.core.$strip>;
    };
    readonly epochPoints: {
        readonly method: 'GET';
        readonly path: string;
        readonly doc: string;
        readonly input: z.ZodObject<{
            limit: z.ZodOptional<z.ZodPipe<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>, z.ZodInt>>;
            cursor: z.ZodOptional<z.ZodPipe<z.ZodString, z.ZodTransform<string, string>>>;
            data: z.ZodOptional<z.ZodPipe<z.ZodEnum<{
                false: "false";
                true: "true";
            }>, z.ZodTransform<boolean, "false" | "true">>>;
            text: z.ZodOptional<z.ZodPipe<z.ZodEnum<{
                false: "false";
                true: "true";
            }>, z.ZodTransform<boolean, "false" | "true">>>;
            epochId: z.ZodPipe<z.ZodPipe<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>, z.ZodInt>, z.ZodTransform<import("#domain/ids.ts").EpochId, number>>;
        }, z.core.$strip>;
        readonly output: z.ZodObject<{
            items: z.ZodArray<z.ZodObject<{
                projectId: z.ZodString;
                epochId: z.ZodInt;
                status: z.ZodEnum<{
                    absent: "absent";
                    disputed: "disputed";
                    finalized: "finalized";
                    pending: "pending";
                }>;
                reason: z.ZodOptional<z.ZodObject<{
                    code: z.ZodEnum<{
                        epoch_forgotten: "epoch_forgotten";
                        epoch_not_released: "epoch_not_released";
                        epoch_open: "epoch_open";
                        epoch_skipped: "epoch_skipped";
                        not_batched: "not_batched";
                        not_final: "not_final";
                        not_indexed: "not_indexed";
                        not_json: "not_json";
                        not_read: "not_read";
                        project_later: "project_later";
                        project_unknown: "project_unknown";
                        unavailable: "unavailable";
                        window_over: "window_over";
                    }>;
                    message: z.ZodString;
                    nearest: z.ZodOptional<z.ZodArray<z.ZodString>>;
                    newestEpochId: z.ZodOptional<z.ZodInt>;
                    oldestEpochId: z.ZodOptional<z.ZodInt>;
                    firstEpochId: z.ZodOptional<z.ZodInt>;
                    untilBlock: z.ZodOptional<z.ZodInt>;
                    indexedBlock: z.ZodOptional<z.ZodInt>;
                }, z.core.$strip>>;
                begin: z.ZodOptional<z.ZodInt>;
                end: z.ZodOptional<z.ZodInt>;
                releasedAt: z.ZodOptional<z.ZodNumber>;
                snapshotCid: z.ZodOptional<z.ZodString>;
                batchCid: z.ZodOptional<z.ZodString>;
                finalizedBlock: z.ZodOptional<z.ZodInt>;
                finalizedAt: z.ZodOptional<z.ZodNumber>;
                votes: z.ZodOptional<z.ZodObject<{
                    winning: z.ZodInt;
                    total: z.ZodInt;
                }, z.core.$strip>>;
                data: z.ZodOptional<z.ZodJSONSchema>;
                text: z.ZodOptional<z.ZodString>;
            }, z.core.$strip>>;
            nextCursor: z.ZodOptional<z.ZodString>;
        }, z.core.$strip>;
    };
    readonly epochOutvoted: {
        readonly method: 'GET';
        readonly path: string;
        readonly doc: string;
        readonly input: z.ZodObject<{
            limit: z.ZodOptional<z.ZodPipe<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>, z.ZodInt>>;
            cursor: z.ZodOptional<z.ZodPipe<z.ZodString, z.ZodTransform<string, string>>>;
            epochId: z.ZodPipe<z.ZodPipe<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>, z.ZodInt>, z.ZodTransform<import("#domain/ids.ts").EpochId, number>>;
        }, z.core.$strip>;
        readonly output: z.ZodObject<{
            items: z.ZodArray<z.ZodObject<{
                submissionId: z.ZodString;
                slotId: z.ZodInt;
                projectId: z.ZodString;
                snapshotCid: z.ZodString;
                isWinning: z.ZodBoolean;
            }, z.core.$strip>>;
            nextCursor: z.ZodOptional<z.ZodString>;
        }, z.core.$strip>;
    };
    readonly batch: {
        readonly method: 'GET';
        readonly path: string;
        readonly doc: string;
        readonly input: z.ZodObject<{
            batchCid: z.ZodPipe<z.ZodString, z.ZodTransform<Cid, string>>;
            epoch: z.ZodOptional<z.ZodPipe<z.ZodPipe<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>, z.ZodInt>, z.ZodTransform<import("#domain/ids.ts").EpochId, number>>>;
        }, z.core.$strip>;
        readonly output: z.ZodObject<{
            batchCid: z.ZodString;
            epochId: z.ZodInt;
            index: z.ZodInt;
            status: z.ZodEnum<{
                disputed: "disputed";
                finalized: "finalized";
                pending: "pending";
            }>;
            anchoring: z.ZodEnum<{
                projects: "projects";
                roots: "roots";
            }>;
            submittedBlock: z.ZodInt;
            submittedAt: z.ZodNumber;
            finalizedBlock: z.ZodOptional<z.ZodInt>;
            finalizedAt: z.ZodOptional<z.ZodNumber>;
            attestations: z.ZodArray<z.ZodObject<{
                validator: z.ZodPipe<z.ZodString, z.ZodTransform<Address, string>>;
                block: z.ZodInt;
                at: z.ZodNumber;
                isLate: z.ZodBoolean;
            }, z.core.$strip>>;
            file: z.ZodEnum<{
                malformed: "malformed";
                read: "read";
                unavailable: "unavailable";
                waiting: "waiting";
            }>;
            projects: z.ZodOptional<z.ZodInt>;
            submissions: z.ZodOptional<z.ZodInt>;
            bytes: z.ZodOptional<z.ZodInt>;
            submissionsRoot: z.ZodOptional<z.ZodString>;
            cidsRoot: z.ZodOptional<z.ZodString>;
        }, z.core.$strip>;
    };
    readonly batchSubmissions: {
        readonly method: 'GET';
        readonly path: string;
        readonly doc: string;
        readonly input: z.ZodObject<{
            limit: z.ZodOptional<z.ZodPipe<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>, z.ZodInt>>;
            cursor: z.ZodOptional<z.ZodPipe<z.ZodString, z.ZodTransform<string, string>>>;
            batchCid: z.ZodPipe<z.ZodString, z.ZodTransform<Cid, string>>;
            epoch: z.ZodOptional<z.ZodPipe<z.ZodPipe<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>, z.ZodInt>, z.ZodTransform<import("#domain/ids.ts").EpochId, number>>>;
        }, z.core.$strip>;
        readonly output: z.ZodObject<{
            items: z.ZodArray<z.ZodObject<{
                submissionId: z.ZodString;
                slotId: z.ZodInt;
                projectId: z.ZodString;
                snapshotCid: z.ZodString;
                isWinning: z.ZodBoolean;
                signature: z.ZodString;
            }, z.core.$strip>>;
            nextCursor: z.ZodOptional<z.ZodString>;
        }, z.core.$strip>;
    };
    readonly slots: {
        readonly method: 'GET';
        readonly path: string;
        readonly doc: string;
        readonly input: z.ZodObject<{
            limit: z.ZodOptional<z.ZodPipe<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>, z.ZodInt>>;
            cursor: z.ZodOptional<z.ZodPipe<z.ZodString, z.ZodTransform<string, string>>>;
        }, z.core.$strip>;
        readonly output: z.ZodObject<{
            items: z.ZodArray<z.ZodObject<{
                slotId: z.ZodInt;
                signer: z.ZodPipe<z.ZodString, z.ZodTransform<Address, string>>;
                isActive: z.ZodBoolean;
                lastEpochId: z.ZodOptional<z.ZodInt>;
                recent: z.ZodObject<{
                    epochs: z.ZodInt;
                    voted: z.ZodInt;
                    votes: z.ZodInt;
                    winning: z.ZodInt;
                }, z.core.$strip>;
                streak: z.ZodInt;
                day: z.ZodOptional<z.ZodObject<{
                    day: z.ZodInt;
                    submissions: z.ZodInt;
                    quota: z.ZodInt;
                    isRewarded: z.ZodBoolean;
                }, z.core.$strip>>;
            }, z.core.$strip>>;
            nextCursor: z.ZodOptional<z.ZodString>;
        }, z.core.$strip>;
    };
    readonly slot: {
        readonly method: 'GET';
        readonly path: string;
        readonly doc: string;
        readonly input: z.ZodObject<{
            slotId: z.ZodPipe<z.ZodPipe<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>, z.ZodInt>, z.ZodTransform<import("#domain/ids.ts").SlotId, number>>;
        }, z.core.$strip>;
        readonly output: z.ZodObject<{
            slotId: z.ZodInt;
            signer: z.ZodPipe<z.ZodString, z.ZodTransform<Address, string>>;
            isActive: z.ZodBoolean;
            lastEpochId: z.ZodOptional<z.ZodInt>;
            recent: z.ZodObject<{
                epochs: z.ZodInt;
                voted: z.ZodInt;
                votes: z.ZodInt;
                winning: z.ZodInt;
            }, z.core.$strip>;
            streak: z.ZodInt;
            day: z.ZodOptional<z.ZodObject<{
                day: z.ZodInt;
                submissions: z.ZodInt;
                quota: z.ZodInt;
                isRewarded: z.ZodBoolean;
            }, z.core.$strip>>;
        }, z.core.$strip>;
    };
    readonly slotEpochs: {
        readonly method: 'GET';
        readonly path: string;
        readonly doc: string;
        readonly input: z.ZodObject<{
            limit: z.ZodOptional<z.ZodPipe<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>, z.ZodInt>>;
            cursor: z.ZodOptional<z.ZodPipe<z.ZodString, z.ZodTransform<string, string>>>;
            slotId: z.ZodPipe<z.ZodPipe<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>, z.ZodInt>, z.ZodTransform<import("#domain/ids.ts").SlotId, number>>;
        }, z.core.$strip>;
        readonly output: z.ZodObject<{
            items: z.ZodArray<z.ZodObject<{
                epochId: z.ZodInt;
                at: z.ZodNumber;
                votes: z.ZodInt;
                winning: z.ZodInt;
                outvoted: z.ZodArray<z.ZodString>;
            }, z.core.$strip>>;
            nextCursor: z.ZodOptional<z.ZodString>;
        }, z.core.$strip>;
    };
    readonly validators: {
        readonly method: 'GET';
        readonly path: string;
        readonly doc: string;
        readonly input: z.ZodObject<{}, z.core.$strip>;
        readonly output: z.ZodObject<{
            items: z.ZodArray<z.ZodObject<{
                validator: z.ZodPipe<z.ZodString, z.ZodTransform<Address, string>>;
                attested: z.ZodInt;
                late: z.ZodInt;
                batches: z.ZodInt;
                lastAt: z.ZodOptional<z.ZodNumber>;
            }, z.core.$strip>>;
        }, z.core.$strip>;
    };
    readonly refusals: {
        readonly method: 'GET';
        readonly path: string;
        readonly doc: string;
        readonly input: z.ZodObject<{}, z.core.$strip>;
        readonly output: z.ZodObject<{
            sequencers: z.ZodInt;
            answered: z.ZodInt;
            items: z.ZodArray<z.ZodObject<{
                epochId: z.ZodInt;
                accepted: z.ZodInt;
                refused: z.ZodArray<z.ZodObject<{
                    code: z.ZodString;
                    count: z.ZodInt;
                    help: z.ZodOptional<z.ZodString>;
                }, z.core.$strip>>;
            }, z.core.$strip>>;
        }, z.core.$strip>;
    };
};
export type ApiInput<Name extends ApiRoute> = z.output<(typeof API)[Name]['input']>;
export type ApiOutput<Name extends ApiRoute> = z.output<(typeof API)[Name]['output']>;
export type ApiQuery<Name extends ApiRoute> = z.input<(typeof API)[Name]['input']>;
export type ApiRoute = keyof typeof API;
export type Batch = z.output<typeof batch>;
export type Epoch = z.output<typeof epoch>;
export type Observation = z.output<typeof observation>;
export type Point = z.output<typeof point>;
export type Project = z.output<typeof project>;
export type Reason = z.output<typeof reason>;
export declare const STREAM_EVENTS: {
    readonly point: z.ZodObject<{
        projectId: z.ZodString;
        epochId: z.ZodInt;
        status: z.ZodEnum<{
            absent: "absent";
            disputed: "disputed";
            finalized: "finalized";
            pending: "pending";
        }>;
        reason: z.ZodOptional<z.ZodObject<{
            code: z.ZodEnum<{
                epoch_forgotten: "epoch_forgotten";
                epoch_not_released: "epoch_not_released";
                epoch_open: "epoch_open";
                epoch_skipped: "epoch_skipped";
                not_batched: "not_batched";
                not_final: "not_final";
                not_indexed: "not_indexed";
                not_json: "not_json";
                not_read: "not_read";
                project_later: "project_later";
                project_unknown: "project_unknown";
                unavailable: "unavailable";
                window_over: "window_over";
            }>;
            message: z.ZodString;
            nearest: z.ZodOptional<z.ZodArray<z.ZodString>>;
            newestEpochId: z.ZodOptional<z.ZodInt>;
            oldestEpochId: z.ZodOptional<z.ZodInt>;
            firstEpochId: z.ZodOptional<z.ZodInt>;
            untilBlock: z.ZodOptional<z.ZodInt>;
            indexedBlock: z.ZodOptional<z.ZodInt>;
        }, z.core.$strip>>;
        begin: z.ZodOptional<z.ZodInt>;
        end: z.ZodOptional<z.ZodInt>;
        releasedAt: z.ZodOptional<z.ZodNumber>;
        snapshotCid: z.ZodOptional<z.ZodString>;
        batchCid: z.ZodOptional<z.ZodString>;
        finalizedBlock: z.ZodOptional<z.ZodInt>;
        finalizedAt: z.ZodOptional<z.ZodNumber>;
        votes: z.ZodOptional<z.ZodObject<{
            winning: z.ZodInt;
            total: z.ZodInt;
        }, z.core.$strip>>;
        text: z.ZodOptional<z.ZodString>;
    }, z.core.$strip>;
    readonly epoch: z.ZodObject<{
        epochId: z.ZodInt;
        begin: z.ZodInt;
        end: z.ZodInt;
        day: z.ZodOptional<z.ZodInt>;
        releasedBlock: z.ZodInt;
        releasedAt: z.ZodNumber;
        endedBlock: z.ZodOptional<z.ZodInt>;
        endedAt: z.ZodOptional<z.ZodNumber>;
        finalizedAt: z.ZodOptional<z.ZodNumber>;
        status: z.ZodEnum<{
            disputed: "disputed";
            empty: "empty";
            finalized: "finalized";
            open: "open";
            pending: "pending";
        }>;
        reason: z.ZodOptional<z.ZodObject<{
            code: z.ZodEnum<{
                epoch_forgotten: "epoch_forgotten";
                epoch_not_released: "epoch_not_released";
                epoch_open: "epoch_open";
                epoch_skipped: "epoch_skipped";
                not_batched: "not_batched";
                not_final: "not_final";
                not_indexed: "not_indexed";
                not_json: "not_json";
                not_read: "not_read";
                project_later: "project_later";
                project_unknown: "project_unknown";
                unavailable: "unavailable";
                window_over: "window_over";
            }>;
            message: z.ZodString;
            nearest: z.ZodOptional<z.ZodArray<z.ZodString>>;
            newestEpochId: z.ZodOptional<z.ZodInt>;
            oldestEpochId: z.ZodOptional<z.ZodInt>;
            firstEpochId: z.ZodOptional<z.ZodInt>;
            untilBlock: z.ZodOptional<z.ZodInt>;
            indexedBlock: z.ZodOptional<z.ZodInt>;
        }, z.core.$strip>>;
        batches: z.ZodInt;
        projects: z.ZodInt;
        finalizedProjects: z.ZodInt;
        submissions: z.ZodInt;
        slots: z.ZodInt;
        outvotedSlots: z.ZodInt;
    }, z.core.$strip>;
    readonly undone: z.ZodObject<{
        projectId: z.ZodString;
        epochId: z.ZodInt;
    }, z.core.$strip>;
    readonly cut: z.ZodObject<{
        reason: z.ZodString;
    }, z.core.$strip>;
};
export type Slot = z.output<typeof slot>;
export type SlotEpoch = z.output<typeof slotEpoch>;
export type StreamEvent = {
    readonly [Kind in keyof typeof STREAM_EVENTS]: {
        readonly kind: Kind;
        readonly id: string;
        readonly data: z.output<(typeof STREAM_EVENTS)[Kind]>;
    };
}[keyof typeof STREAM_EVENTS];
export type Vote = z.output<typeof vote>;
declare const batch: z.ZodObject<{
    batchCid: z.ZodString;
    epochId: z.ZodInt;
    index: z.ZodInt;
    status: z.ZodEnum<{
        disputed: "disputed";
        finalized: "finalized";
        pending: "pending";
    }>;
    anchoring: z.ZodEnum<{
        projects: "projects";
        roots: "roots";
    }>;
    submittedBlock: z.ZodInt;
    submittedAt: z.ZodNumber;
    finalizedBlock: z.ZodOptional<z.ZodInt>;
    finalizedAt: z.ZodOptional<z.ZodNumber>;
    attestations: z.ZodArray<z.ZodObject<{
        validator: z.ZodPipe<z.ZodString, z.ZodTransform<Address, string>>;
        block: z.ZodInt;
        at: z.ZodNumber;
        isLate: z.ZodBoolean;
    }, z.core.$strip>>;
    file: z.ZodEnum<{
        malformed: "malformed";
        read: "read";
        unavailable: "unavailable";
        waiting: "waiting";
    }>;
    projects: z.ZodOptional<z.ZodInt>;
    submissions: z.ZodOptional<z.ZodInt>;
    bytes: z.ZodOptional<z.ZodInt>;
    submissionsRoot: z.ZodOptional<z.ZodString>;
    cidsRoot: z.ZodOptional<z.ZodString>;
}, z.core.$strip>;
declare const epoch: z.ZodObject<{
    epochId: z.ZodInt;
    begin: z.ZodInt;
    end: z.ZodInt;
    day: z.ZodOptional<z.ZodInt>;
    releasedBlock: z.ZodInt;
    releasedAt: z.ZodNumber;
    endedBlock: z.ZodOptional<z.ZodInt>;
    endedAt: z.ZodOptional<z.ZodNumber>;
    finalizedAt: z.ZodOptional<z.ZodNumber>;
    status: z.ZodEnum<{
        disputed: "disputed";
        empty: "empty";
        finalized: "finalized";
        open: "open";
        pending: "pending";
    }>;
    reason: z.ZodOptional<z.ZodObject<{
        code: z.ZodEnum<{
            epoch_forgotten: "epoch_forgotten";
            epoch_not_released: "epoch_not_released";
            epoch_open: "epoch_open";
            epoch_skipped: "epoch_skipped";
            not_batched: "not_batched";
            not_final: "not_final";
            not_indexed: "not_indexed";
            not_json: "not_json";
            not_read: "not_read";
            project_later: "project_later";
            project_unknown: "project_unknown";
            unavailable: "unavailable";
            window_over: "window_over";
        }>;
        message: z.ZodString;
        nearest: z.ZodOptional<z.ZodArray<z.ZodString>>;
        newestEpochId: z.ZodOptional<z.ZodInt>;
        oldestEpochId: z.ZodOptional<z.ZodInt>;
        firstEpochId: z.ZodOptional<z.ZodInt>;
        untilBlock: z.ZodOptional<z.ZodInt>;
        indexedBlock: z.ZodOptional<z.ZodInt>;
    }, z.core.$strip>>;
    batches: z.ZodInt;
    projects: z.ZodInt;
    finalizedProjects: z.ZodInt;
    submissions: z.ZodInt;
    slots: z.ZodInt;
    outvotedSlots: z.ZodInt;
}, z.core.$strip>;
declare const observation: z.ZodObject<{
    epochId: z.ZodInt;
    at: z.ZodNumber;
    block: z.ZodInt;
    status: z.ZodEnum<{
        absent: "absent";
        disputed: "disputed";
        finalized: "finalized";
        pending: "pending";
    }>;
    value: z.ZodUnion<readonly [z.ZodNumber, z.ZodString, z.ZodNull]>;
}, z.core.$strip>;
declare const point: z.ZodObject<{
    projectId: z.ZodString;
    epochId: z.ZodInt;
    status: z.ZodEnum<{
        absent: "absent";
        disputed: "disputed";
        finalized: "finalized";
        pending: "pending";
    }>;
    reason: z.ZodOptional<z.ZodObject<{
        code: z.ZodEnum<{
            epoch_forgotten: "epoch_forgotten";
            epoch_not_released: "epoch_not_released";
            epoch_open: "epoch_open";
            epoch_skipped: "epoch_skipped";
            not_batched: "not_batched";
            not_final: "not_final";
            not_indexed: "not_indexed";
            not_json: "not_json";
            not_read: "not_read";
            project_later: "project_later";
            project_unknown: "project_unknown";
            unavailable: "unavailable";
            window_over: "window_over";
        }>;
        message: z.ZodString;
        nearest: z.ZodOptional<z.ZodArray<z.ZodString>>;
        newestEpochId: z.ZodOptional<z.ZodInt>;
        oldestEpochId: z.ZodOptional<z.ZodInt>;
        firstEpochId: z.ZodOptional<z.ZodInt>;
        untilBlock: z.ZodOptional<z.ZodInt>;
        indexedBlock: z.ZodOptional<z.ZodInt>;
    }, z.core.$strip>>;
    begin: z.ZodOptional<z.ZodInt>;
    end: z.ZodOptional<z.ZodInt>;
    releasedAt: z.ZodOptional<z.ZodNumber>;
    snapshotCid: z.ZodOptional<z.ZodString>;
    batchCid: z.ZodOptional<z.ZodString>;
    finalizedBlock: z.ZodOptional<z.ZodInt>;
    finalizedAt: z.ZodOptional<z.ZodNumber>;
    votes: z.ZodOptional<z.ZodObject<{
        winning: z.ZodInt;
        total: z.ZodInt;
    }, z.core.$strip>>;
    data: z.ZodOptional<z.ZodJSONSchema>;
    text: z.ZodOptional<z.ZodString>;
}, z.core.$strip>;
declare const project: z.ZodObject<{
    projectId: z.ZodString;
    projectType: z.ZodString;
    dataSource: z.ZodOptional<z.ZodString>;
    namespace: z.ZodString;
    kind: z.ZodEnum<{
        multi: "multi";
        single: "single";
        snapshot: "snapshot";
        unknown: "unknown";
    }>;
    firstEpochId: z.ZodInt;
    lastEpochId: z.ZodInt;
    lastFinalizedEpochId: z.ZodOptional<z.ZodInt>;
}, z.core.$strip>;
declare const reason: z.ZodObject<{
    code: z.ZodEnum<{
        epoch_forgotten: "epoch_forgotten";
        epoch_not_released: "epoch_not_released";
        epoch_open: "epoch_open";
        epoch_skipped: "epoch_skipped";
        not_batched: "not_batched";
        not_final: "not_final";
        not_indexed: "not_indexed";
        not_json: "not_json";
        not_read: "not_read";
        project_later: "project_later";
        project_unknown: "project_unknown";
        unavailable: "unavailable";
        window_over: "window_over";
    }>;
    message: z.ZodString;
    nearest: z.ZodOptional<z.ZodArray<z.ZodString>>;
    newestEpochId: z.ZodOptional<z.ZodInt>;
    oldestEpochId: z.ZodOptional<z.ZodInt>;
    firstEpochId: z.ZodOptional<z.ZodInt>;
    untilBlock: z.ZodOptional<z.ZodInt>;
    indexedBlock: z.ZodOptional<z.ZodInt>;
}, z.core.$strip>;
declare const slot: z.ZodObject<{
    slotId: z.ZodInt;
    signer: z.ZodPipe<z.ZodString, z.ZodTransform<Address, string>>;
    isActive: z.ZodBoolean;
    lastEpochId: z.ZodOptional<z.ZodInt>;
    recent: z.ZodObject<{
        epochs: z.ZodInt;
        voted: z.ZodInt;
        votes: z.ZodInt;
        winning: z.ZodInt;
    }, z.core.$strip>;
    streak: z.ZodInt;
    day: z.ZodOptional<z.ZodObject<{
        day: z.ZodInt;
        submissions: z.ZodInt;
        quota: z.ZodInt;
        isRewarded: z.ZodBoolean;
    }, z.core.$strip>>;
}, z.core.$strip>;
declare const slotEpoch: z.ZodObject<{
    epochId: z.ZodInt;
    at: z.ZodNumber;
    votes: z.ZodInt;
    winning: z.ZodInt;
    outvoted: z.ZodArray<z.ZodString>;
}, z.core.$strip>;
declare const vote: z.ZodObject<{
    submissionId: z.ZodString;
    slotId: z.ZodInt;
    projectId: z.ZodString;
    snapshotCid: z.ZodString;
    isWinning: z.ZodBoolean;
}, z.core.$strip>;

// zod: z
