-- One row is one run of a job: what evidence tells of it, and what that comes to. Only job.JobTable writes here.
create table job (
    job_key           bigint generated always as identity primary key,
    recorded_at       timestamptz not null,
    cluster           text not null,
    job_id            text not null,
    sluid             text,
    scheduler_start   timestamptz,
    start_seen        boolean not null,
    start_time        timestamptz,

    user_name         text,
    uid               integer,
    nodes             text[] not null,
    partition         text,
    account           text,
    het_job_id        text,
    restart_count     integer,
    deadline          timestamptz,
    cpus              integer,
    memory_mb         bigint,
    gpus              integer,
    gpu_vendor        text,
    gpu_devices       text[] not null,
    cgroup_path       text,

    end_seen          boolean not null,
    end_time          timestamptz,
    scheduler_state   text,
    scheduler_reason  text,
    raw_state         text,
    final_state       text,
    exit_code         integer,
    exit_signal       integer,
    derived_exit_code integer,
    end_restart_count integer,
    oom_killed        boolean not null,
    succeeded         boolean not null,
    requeued          boolean not null,

    state             text not null check (state in ('pending', 'running', 'completed', 'failed', 'cancelled')),
    reason            text,
    confirmed         boolean,
    newest            boolean not null,
    listed_at         timestamptz generated always as (coalesce(start_time, end_time, recorded_at)) stored
);
comment on table job is 'One row a run of a job.';
comment on column job.scheduler_start is 'Slurm''s own start time, which names the run where there is no SLUID.';
comment on column job.start_time is 'scheduler_start, else the time of the first prolog.';
comment on column job.succeeded is 'A later run of the same job id is known.';
comment on column job.newest is 'The newest run of its cluster and job id.';

create unique index job_sluid on job (job_id, cluster, sluid) where sluid is not null;
comment on index job_sluid is 'A SLUID names one run.';
create unique index job_start on job (job_id, cluster, scheduler_start)
    where sluid is null and scheduler_start is not null;
comment on index job_start is 'Where there is no SLUID, Slurm''s start time names one run.';
create index job_by_id on job (job_id, listed_at desc);
comment on index job_by_id is 'JobTable.runsOf, JobQueries.newest and runs: all runs of a job id.';
create index job_listed on job (listed_at desc, job_key desc);
comment on index job_listed is 'JobQueries.list: newest first, paged by key.';
create index job_ended on job ((coalesce(end_time, 'infinity'::timestamptz)), job_key);
comment on index job_ended is 'JobQueries.list sorted by end, and the runs that ended a moment ago for /metrics.';
create index job_by_user on job (user_name, listed_at desc);
comment on index job_by_user is 'JobQueries.list of one user.';
create index job_by_state on job (cluster, state) where newest;
comment on index job_by_state is '/metrics: how many jobs are in each state.';
create index job_open on job (job_key) where state in ('pending', 'running');
comment on index job_open is '/metrics: the runs that go on.';

-- What each node knows of a run.
create table job_node (
    job_key     bigint not null references job on delete cascade,
    node        text not null,
    cpus        integer,
    gpus        integer,
    gpu_vendor  text,
    gpu_devices text[] not null default '{}',
    cgroup_path text,
    ended       boolean not null default false,
    primary key (job_key, node)
);
create index job_node_by_node on job_node (node, job_key);
comment on index job_node_by_node is 'JobQueries.list of one node.';

-- What a run used. Not audited; apart from job, so that figures never contend with the run's state.
create table job_figures (
    job_key           bigint not null references job on delete cascade,
    node              text not null,
    cpu_usage_usec    bigint,
    memory_peak_bytes bigint,
    oom_kills         bigint,
    primary key (job_key, node)
);

-- Every change of a run, for good: rows are neither changed nor deleted; a month leaves as a whole by its retention.
create table audit (
    audit_id       bigint generated always as identity,
    at             timestamptz not null default clock_timestamp(),
    job_key        bigint not null,
    cluster        text not null,
    job_id         text not null,
    action         text not null,
    actor          text not null,
    claim          text,
    source         text,
    correlation_id text not null,
    event_id       text,
    before         jsonb,
    after          jsonb,
    primary key (at, audit_id)
) partition by range (at);
create index audit_by_job on audit (job_key, audit_id);
comment on index audit_by_job is 'AuditTable.of: the trail of a run.';
create index audit_by_id on audit (job_id, audit_id);
comment on index audit_by_id is 'AuditTable.of: the trail of a job id, deleted runs among it.';

create function audit_is_for_good() returns trigger language plpgsql as $$
begin
    raise exception 'the audit trail refuses %: its rows are for good', tg_op
        using hint = 'Months leave as whole partitions, by the retention setting.';
end $$;
create trigger audit_is_for_good before update or delete on audit
    for each row execute function audit_is_for_good();
create trigger audit_is_not_truncated before truncate on audit
    for each statement execute function audit_is_for_good();

-- Makes the partition of a month (UTC) if it is not there. A TRUNCATE trigger is not inherited, so each gets its own.
create function audit_partition(month date) returns void language plpgsql as $$
declare
    first date := date_trunc('month', month);
    name  text := 'audit_' || to_char(first, 'YYYY_MM');
begin
    if to_regclass(name) is null then
        execute format('create table %I partition of audit for values from (%L) to (%L)', name,
                first::timestamp at time zone 'UTC', (first + interval '1 month')::timestamp at time zone 'UTC');
        execute format('create trigger audit_is_not_truncated before truncate on %I
                for each statement execute function audit_is_for_good()', name);
    end if;
end $$;
