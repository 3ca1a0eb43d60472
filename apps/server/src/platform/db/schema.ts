import type { ColumnType, Generated, Selectable } from 'kysely';
import type {
  Actor,
  Approval,
  AttemptStatus,
  BuiltImage,
  DeploymentStatus,
  LaneEvent,
  LaneState,
  Reason,
  Role,
  RunEvent,
  RunState,
  Status,
  Trust,
} from '@sluice/engine';
import type { Definition, Finding } from '@sluice/pipeline-spec';
import type { ForgeName, ReportedState } from '../forge/commit-statuses.port.ts';
import type { RepositoryKind, ShellOrder } from '@sluice/protocol';

/** Times are read as Date and written as Date or ISO text. */
type Time = ColumnType<Date, Date | string, Date | string>;
type TimeDefault = ColumnType<Date, Date | string | undefined, Date | string>;
type TimeOrNull = ColumnType<Date | null, Date | string | null | undefined, Date | string | null>;
/** jsonb: read as a value, written as text (`json(value)` of database.ts). */
type Json<T> = ColumnType<T, string, string>;
type JsonDefault<T> = ColumnType<T, string | undefined, string>;
type JsonOrNull<T> = ColumnType<T | null, string | null | undefined, string | null>;
/** bigint columns are parsed to number (all ours stay below 2^53). */
type Big = ColumnType<number, number | undefined, number>;

export interface Tables {
  teams: {
    id: string;
    slug: string;
    title: string;
    /** Most of its jobs that run at once; null = no limit. */
    max_running: number | null;
    created_at: TimeDefault;
    /** What it keeps for a shorter time than the installation does. */
    retention: JsonOrNull<Partial<TeamLimits>>;
  };
  users: {
    id: string;
    email: string;
    name: string;
    password_hash: string;
    system_admin: Generated<boolean>;
    disabled: Generated<boolean>;
    created_at: TimeDefault;
  };
  user_identities: { user_id: string; kind: 'login' | 'email'; value: string };
  memberships: { team_id: string; user_id: string; role: Role };
  sessions: {
    id: string;
    user_id: string;
    token_hash: string;
    csrf_token: string;
    /** Of the browser that signed in. */
    address: string | null;
    agent: string | null;
    created_at: TimeDefault;
    last_used_at: TimeDefault;
    expires_at: Time;
  };
  password_resets: { user_id: string; token_hash: string; created_by: string | null; expires_at: Time };
  api_tokens: {
    id: string;
    user_id: string;
    team_id: string | null;
    name: string;
    token_hash: string;
    scopes: Json<string[]>;
    created_at: TimeDefault;
    expires_at: TimeOrNull;
    last_used_at: TimeOrNull;
    revoked_at: TimeOrNull;
  };
  settings: { key: string; value: Json<unknown>; updated_at: TimeDefault };
  repositories: {
    id: string;
    team_id: string;
    url: string;
    kind: RepositoryKind;
    default_branch: string;
    credential_sealed: string | null;
    /** Where statuses of its commits go; null = nowhere. */
    statuses: JsonOrNull<StatusSettings>;
    statuses_token_sealed: string | null;
    /** When a look at its branches last began; null = never. */
    looked_at: TimeOrNull;
    /** When the first look ended. */
    heads_known_at: TimeOrNull;
    created_at: TimeDefault;
  };
  /** What a forge was last told of a service's work on a commit, and whether it has to be told again. */
  commit_statuses: {
    service_id: string;
    commit: string;
    team_id: string;
    repository_id: string;
    /** Short name of the branch or tag; empty where it is neither. */
    ref: string;
    /** Why a change does not concern the service; a run of the commit, if there is one, counts for more. */
    not_affected: string | null;
    /** Rises with everything that may change what is to be told. */
    wanted_version: Generated<number>;
    /** When it is looked at next: to tell, or because whoever took it is gone. Null = nothing is left to do. */
    due_at: TimeOrNull;
    /** Of whoever is telling it now. */
    claim: string | null;
    /** The forge may have heard an older word after `sent`. */
    doubtful: Generated<boolean>;
    tries: Generated<number>;
    failing_since: TimeOrNull;
    sent: JsonOrNull<SentStatus>;
    sent_at: TimeOrNull;
    error: string | null;
    given_up_at: TimeOrNull;
  };
  /** Of the definition on the default branch. */
  schedules: {
    id: string;
    team_id: string;
    service_id: string;
    cron: string;
    timezone: string;
    branch: string | null;
    /** Null = it never comes again. */
    next_at: TimeOrNull;
    last_at: TimeOrNull;
    /** Why its last time started no run. */
    problem: string | null;
  };
  /** Of the definition on the default branch: `source` is the service whose releases start a run. */
  release_triggers: {
    id: string;
    team_id: string;
    service_id: string;
    source: string;
    environment: string | null;
    last_at: TimeOrNull;
    problem: string | null;
  };
  hooks: { id: string; team_id: string; repository_id: string; secret_sealed: string; created_at: TimeDefault };
  services: {
    id: string;
    team_id: string;
    slug: string;
    repository_id: string;
    path: Generated<string>;
    next_run_number: Generated<number>;
    /** Most of its jobs that run at once; null = no limit. */
    max_running: number | null;
    created_at: TimeDefault;
  };
  /** Heads that the last look saw, whether or not anything was planned for them. */
  seen_heads: {
    repository_id: string;
    ref: string;
    commit: string;
    seen_at: Time;
    /** There is nothing left to do for it; null = its webhook may still come. */
    told_at: TimeOrNull;
  };
  branch_heads: { repository_id: string; ref: string; commit: string; updated_at: TimeDefault };
  environments: {
    id: string;
    team_id: string;
    name: string;
    position: Generated<number>;
    /** `environmentSettings` of the protocol. */
    settings: Json<Record<string, unknown>>;
    settings_hash: string;
    updated_at: TimeDefault;
  };
  secrets: {
    id: string;
    team_id: string;
    service_id: string | null;
    environment_id: string | null;
    name: string;
    value_sealed: string;
    updated_by: string;
    updated_at: TimeDefault;
    last_used_at: TimeOrNull;
  };
  deliveries: {
    id: string;
    team_id: string;
    hook_id: string;
    repository_id: string;
    delivery_key: string;
    event: string;
    /** Full name of the ref that was pushed. */
    ref: string;
    /** SHA-256 of the signed bytes: a replay under a new delivery id is known by it. */
    content_key: string;
    payload: Json<unknown>;
    received_at: TimeDefault;
    status: Generated<'received' | 'planned' | 'ignored' | 'failed'>;
    /** Times the repository could not be read. */
    tries: Generated<number>;
    outcome: JsonOrNull<DeliveryOutcome>;
  };
  runs: {
    id: string;
    team_id: string;
    service_id: string;
    number: number;
    status: Status;
    version: number;
    ref: string;
    commit: string;
    trust: Trust;
    /** Content key of the push (`push:<ref>:<sha>`): one run however often it is delivered. */
    dedupe_key: string | null;
    definition: Json<Definition>;
    definition_text: Generated<string>;
    findings: JsonDefault<StoredFinding[]>;
    plan_hash: string;
    state: Json<RunState>;
    release_id: string | null;
    /** Number of the pull request that it is a run of. */
    pull_request: number | null;
    /** When time alone moves it; null = only commands do. */
    wake_at: TimeOrNull;
    /** `runGroup` of its state: null outside of a group and after the run has left it. */
    group_key: string | null;
    group_max: number | null;
    created_at: Time;
    finished_at: TimeOrNull;
    /** The run that this one runs again; it is kept as long as this one. */
    rerun_of: string | null;
    tests_removed: JsonOrNull<RemovedTests>;
    /** Containers of jobs that fail in it are kept for so long; null = none is. */
    keep_minutes: ColumnType<number | null, number | null | undefined, number | null>;
    keep_asked_by: JsonOrNull<Actor>;
  };
  run_events: { run_id: string; sequence: number; at: Time; event: Json<RunEvent> };
  pools: {
    id: string;
    team_id: string | null;
    name: string;
    trust: Trust;
    labels: JsonDefault<string[]>;
    created_at: TimeDefault;
  };
  runner_registration_tokens: {
    id: string;
    pool_id: string;
    token_hash: string;
    created_by: string;
    expires_at: Time;
    used_at: TimeOrNull;
  };
  runners: {
    id: string;
    pool_id: string;
    name: string;
    token_hash: string;
    slots: Generated<number>;
    version: Generated<string>;
    draining: Generated<boolean>;
    trouble: Generated<string | null>;
    /** Announced with its polls: it also runs jobs on its machine itself. */
    offers_host: Generated<boolean>;
    registered_at: TimeDefault;
    last_seen_at: TimeDefault;
    removed_at: TimeOrNull;
  };
  attempts: {
    id: string;
    team_id: string;
    run_id: string;
    service_id: string;
    job_key: string;
    number: number;
    pool_id: string | null;
    trust: Trust;
    labels: JsonDefault<string[]>;
    /** Only a runner that offers its machine itself will do. */
    needs_host: Generated<boolean>;
    /** `priorityRank`. */
    priority: Generated<number>;
    /** Of its run, as long as that is in the group. */
    group_key: string | null;
    status: ColumnType<AttemptStatus, AttemptStatus | undefined, AttemptStatus>;
    /** Rises by one with every grant, return and expiry; every runner call carries it. */
    epoch: Generated<number>;
    runner_id: string | null;
    poll_id: string | null;
    queued_at: TimeDefault;
    leased_at: TimeOrNull;
    expires_at: TimeOrNull;
    started_at: TimeOrNull;
    finished_at: TimeOrNull;
    cancel_requested_at: TimeOrNull;
    /** `stepReport[]` of the protocol. */
    steps: JsonDefault<unknown[]>;
    /** The acknowledged `attemptResult`. */
    result: JsonOrNull<unknown>;
    reason: JsonOrNull<Reason>;
    exit_code: number | null;
    log_length: Big;
    log_sha256: string | null;
    log_sealed_at: TimeOrNull;
    log_truncated: Generated<boolean>;
    log_incomplete: Generated<boolean>;
    /** The bytes are gone; length and SHA-256 stay. */
    log_removed_at: TimeOrNull;
    /** Days after which they went. */
    log_kept_days: number | null;
  };
  /** Containers of failed jobs that people may look into; never part of what becomes of the run. */
  kept_jobs: {
    attempt_id: string;
    team_id: string;
    run_id: string;
    /** With `epoch`: who alone may speak for it. */
    runner_id: string;
    epoch: number;
    since: TimeDefault;
    until: Time;
    /** When its runner last asked for orders. */
    heard_at: TimeDefault;
    ended_at: TimeOrNull;
    /** A sentence. */
    ended_why: ColumnType<string | null, string | null | undefined, string | null>;
    last_sequence: Big;
  };
  debug_shells: {
    id: string;
    attempt_id: string;
    team_id: string;
    opened_by: string;
    opened_by_actor: Json<Actor>;
    opened_at: TimeDefault;
    /** When something was last typed. */
    used_at: TimeDefault;
    closed_at: TimeOrNull;
    closed_why: ColumnType<string | null, string | null | undefined, string | null>;
    output_length: Big;
    /** How far its output was read: room for more comes by it alone. */
    read_to: Big;
  };
  /** What people did to shells and their runner has not carried out yet. */
  shell_orders: {
    attempt_id: string;
    sequence: number;
    shell_id: string;
    shell_order: Json<ShellOrder['order']>;
  };
  /** The latest output of shells; gone with the kept container. */
  shell_output: { shell_id: string; start_offset: Big; bytes: Buffer };
  polls: {
    id: string;
    runner_id: string;
    pool_id: string;
    replica_id: string;
    since: TimeDefault;
    expires_at: Time;
    attempt_id: string | null;
  };
  /** When a team was last given a runner of the pool while another one waited there too. */
  pool_turns: { pool_id: string; team_id: string; served_at: Time };
  log_chunks: { attempt_id: string; start_offset: Big; bytes: Buffer; newlines: number | null };
  log_segments: {
    attempt_id: string;
    start_offset: Big;
    length: Big;
    sha256: string;
    blob_key: string;
    /** Null: stored before lines were counted. */
    newlines: number | null;
  };
  /** Objects on their way into the blob store; the row ends in the transaction that names the object. */
  log_puts: { blob_key: string; begun_at: TimeDefault; abandoned_at: TimeOrNull };
  test_cases: {
    attempt_id: string;
    run_id: string;
    service_id: string;
    job_key: string;
    file: string;
    ordinal: number;
    suite: string;
    name: string;
    status: 'passed' | 'failed' | 'skipped';
    seconds: number;
    message: string | null;
  };
  test_reports: {
    attempt_id: string;
    file: string;
    bytes: Big;
    cases: number;
    /** Why its cases were not kept. */
    finding: string | null;
    received_at: TimeDefault;
  };
  artifacts: {
    id: string;
    team_id: string;
    service_id: string;
    /** Not a foreign key, as `attempt_id`: while there is a row, its object is not forgotten. */
    run_id: string;
    attempt_id: string;
    job_key: string;
    name: string;
    status: StoredStatus;
    files: number;
    length: Big;
    sha256: string;
    blob_key: string;
    created_at: TimeDefault;
    last_used_at: TimeDefault;
    /** Null: as long as its run. */
    expires_at: TimeOrNull;
  };
  caches: {
    id: string;
    team_id: string;
    service_id: string;
    /** See `cacheScopes` of the engine. */
    scope: string;
    key: string;
    paths: string;
    attempt_id: string;
    status: StoredStatus;
    length: Big;
    sha256: string;
    blob_key: string;
    created_at: TimeDefault;
    last_used_at: TimeDefault;
    expires_at: Time;
  };
  /** By the place of the cache in its job. */
  cache_uses: {
    attempt_id: string;
    place: number;
    key: string;
    outcome: 'hit' | 'partial' | 'miss';
    found_key: ColumnType<string | null, string | null | undefined, string | null>;
    length: ColumnType<number | null, number | null | undefined, number | null>;
    /** The cache that the attempt left. */
    left_id: ColumnType<string | null, string | null | undefined, string | null>;
  };
  releases: {
    id: string;
    team_id: string;
    service_id: string;
    run_id: string;
    run_number: number;
    commit: string;
    repository: string;
    digest: string;
    plan_hash: string;
    /** Environment names in promotion order. */
    route: Json<string[]>;
    evidence: Json<ReleaseEvidence>;
    created_at: TimeDefault;
  };
  lanes: {
    id: string;
    team_id: string;
    service_id: string;
    environment_id: string;
    version: number;
    state: Json<LaneState>;
  };
  lane_events: { lane_id: string; sequence: number; at: Time; event: Json<LaneEvent> };
  deployments: {
    id: string;
    team_id: string;
    lane_id: string;
    service_id: string;
    environment_id: string;
    release_id: string;
    status: DeploymentStatus;
    requested_by: Json<Actor>;
    approvals: JsonDefault<Approval[]>;
    binding: string;
    /** Environment settings as they were when the deployment entered or was last bound. */
    settings: Json<Record<string, unknown>>;
    /** Written before the first call to the target. */
    intent: JsonOrNull<unknown>;
    /** What the target adapter must remember between looks. */
    cursor: JsonOrNull<unknown>;
    target_events: JsonDefault<{ at: string; text: string }[]>;
    reason: JsonOrNull<Reason>;
    replaced_deployment_id: string | null;
    /** Replica that drives the deployment now; its right ends by itself. */
    holder: string | null;
    holder_until: TimeOrNull;
    entered_at: Time;
    started_at: TimeOrNull;
    finished_at: TimeOrNull;
    events_removed: JsonOrNull<Removed>;
  };
  /** Hands in a commit, taken from deliveries (then without a service) and runs before those were removed. */
  commit_hands: {
    repository_id: string;
    service_id: string | null;
    commit: string;
    part: 'pushed' | 'triggered';
    identity: string;
    user_id: string | null;
  };
  outbox: {
    id: Generated<number>;
    topic: string;
    payload: Json<unknown>;
    created_at: TimeDefault;
    available_at: TimeDefault;
    tries: Generated<number>;
    last_error: string | null;
  };
  audit_entries: {
    sequence: Generated<number>;
    at: TimeDefault;
    team_id: string | null;
    actor: Json<Actor>;
    action: string;
    subject: string;
    detail: JsonDefault<Record<string, unknown>>;
    previous_hash: string;
    hash: string;
  };
  audit_head: {
    only_row: Generated<boolean>;
    entries: Big;
    hash: string;
    /** Entries that existed before the first seal; cutting those off would not show. */
    sealed_from: Big;
    /** What was found wrong while writing; never taken back. */
    damage: string | null;
    seal: string;
  };
  audit_start: {
    only_row: Generated<boolean>;
    /** Entries that were removed, all from the beginning of the chain. */
    entries: Big;
    /** The last one of them, and its hash. */
    sequence: Big;
    hash: string;
    /** How many of them were seals. */
    seals: number;
    /** When the last one of them was written. */
    removed_to: Time;
    seal: string;
  };
  retention_sweeps: {
    id: string;
    started_at: TimeDefault;
    /** Until when an unfinished one is believed to go on. */
    held_until: Time;
    finished_at: TimeOrNull;
    removed: JsonDefault<Record<string, number>>;
    problems: JsonDefault<string[]>;
    more: Generated<boolean>;
  };
}

/** What a team decides for itself; see `features/retention`. */
export interface TeamLimits {
  readonly runDays: number;
  readonly runsMost: number;
  readonly logDays: number;
  readonly testDays: number;
  readonly deploymentEventDays: number;
}

/** What stands in the place of something that retention removed. */
export interface Removed {
  /** ISO 8601. */
  readonly at: string;
  readonly afterDays: number;
}

/** `job`: the one that generated the file; absent = the service's definition. */
export interface StoredFinding extends Finding {
  readonly job?: string;
}

export interface RemovedTests extends Removed {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export interface StatusSettings {
  readonly forge: ForgeName;
  /** Null = as it follows from the repository's address. */
  readonly apiUrl: string | null;
  readonly repository: string | null;
  /** GitHub is told by checks of this App, and what is sealed beside it is its private key; absent = by commit statuses. */
  readonly app?: { readonly id: string; readonly installationId: number | null };
}

export interface SentStatus {
  readonly state: ReportedState;
  readonly description: string;
  /** The run that it speaks of; null = none was made. */
  readonly runId: string | null;
  /** Of GitHub, where an App tells it: the check of that run, and those of earlier runs that have not ended. */
  readonly checks?: readonly SentCheck[];
}

export interface SentCheck {
  /** Whose check it is, and where: a repository may get another App or move. */
  readonly at: string;
  readonly id: number;
  readonly externalId: string;
  /** Hash of what was told. */
  readonly told: string;
}

/** `coming`: its bytes are not checked yet; `going`: nobody sees it, and its object is about to be removed, then the row. */
export type StoredStatus = 'coming' | 'kept' | 'going';

/** What became of a delivery; `services` has one entry for each service of the repository that was looked at. */
export interface DeliveryOutcome {
  readonly message: string;
  readonly runs?: readonly { readonly service: string; readonly runId: string; readonly number: number }[];
  readonly services?: readonly { readonly service: string; readonly message: string }[];
}

/** Facts fixed when the release is made; shown at every gate. */
export interface ReleaseEvidence {
  readonly image: BuiltImage;
  readonly tests: { readonly passed: number; readonly failed: number; readonly skipped: number } | null;
  /** Proven identities behind the run: who pushed, triggered or re-ran (every run of the same commit and plan). */
  readonly by: readonly {
    readonly part: 'pushed' | 'triggered';
    readonly identity: string;
    readonly userId?: string;
  }[];
}

export type Row<T extends keyof Tables> = Selectable<Tables[T]>;
