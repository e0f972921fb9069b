-- One row for each run of a job: all evidence of it, and its outcome. Who may write and read each table: HouseTest.
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
    uid               bigint,
    nodes             text[] not null,
    nodes_told        boolean not null default false,
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
    superseded        boolean not null,
    requeued          boolean not null,

    state             text not null check (state in ('pending', 'running', 'completed', 'failed', 'cancelled')),
    reason            text,
    confirmed         boolean,
    newest            boolean not null,
    listed_at         timestamptz generated always as (coalesce(start_time, end_time, recorded_at)) stored,

    scheduler           jsonb not null default '{}',
    requested_cpus      integer,
    requested_memory_mb bigint,
    requested_gpus      integer,
    search              text not null default ''
);
comment on table job is 'One row for each run of a job.';
comment on column job.scheduler_start is 'Slurm''s own start time, which identifies the run where there is no SLUID.';
comment on column job.start_time is 'scheduler_start, else the time of the first prolog.';
comment on column job.superseded is 'A later run of the same job id is known.';
comment on column job.scheduler is
    'The fields of wire.Scheduler that have no column of their own, by their names: shown, and nothing is decided by them.';
comment on column job.search is 'The texts that the search finds the run by, in lower case: job.SearchText.';
comment on column job.newest is 'The newest run of its cluster and job id.';

create unique index job_sluid on job (job_id, cluster, sluid) where sluid is not null;
comment on index job_sluid is 'A SLUID identifies one run.';
create unique index job_start on job (job_id, cluster, scheduler_start)
    where sluid is null and scheduler_start is not null;
comment on index job_start is 'Where there is no SLUID, Slurm''s start time identifies one run.';
create index job_by_id on job (job_id, listed_at desc);
comment on index job_by_id is 'RunTable.runsOf, JobQueries.find and runs: the runs of a job id.';
create index job_listed on job (listed_at desc, job_key desc);
comment on index job_listed is 'JobQueries.list: newest first, paged by key.';
create index job_ended on job ((coalesce(end_time, 'infinity'::timestamptz)), job_key);
comment on index job_ended is 'JobQueries.list sorted by end, and current_job: runs that ended recently.';
create index job_by_user on job (user_name, listed_at desc);
comment on index job_by_user is 'JobQueries.list of one user.';
create index job_by_uid on job (uid, listed_at desc);
comment on index job_by_uid is 'query.Visibility: the runs of a user whose name is not known.';
create index job_by_account on job (account, listed_at desc);
comment on index job_by_account is 'query.Visibility: the runs of coordinated accounts; JobQueries.list of one account.';
create index job_by_state on job (cluster, state) where newest;
comment on index job_by_state is '/metrics: how many jobs are in each state.';
create index job_open on job (job_key) where state in ('pending', 'running');
comment on index job_open is 'current_job: pending and running runs.';
create index job_end_unknown on job (listed_at) where end_time is null and state not in ('pending', 'running');
comment on index job_end_unknown is 'JobDeletion.deleteEndedBefore: ended runs whose end time is unknown. job_ended has the others.';
create index job_array on job ((scheduler ->> 'array_job_id'), cluster) where scheduler ->> 'array_job_id' is not null;
comment on index job_array is 'EvidenceReader.otherTasks, RunLookup and id=ID of lists: the runs of a job array.';
create index job_waiting_tasks on job (cluster, state)
    where newest and start_time is null and scheduler ->> 'array_task_count' is not null;
comment on index job_waiting_tasks is 'JobQueries.count: jobs that stand for several tasks of an array.';
create index job_het on job (het_job_id) where het_job_id is not null;
comment on index job_het is 'RunLookup and id=ID of lists: the runs of a heterogeneous job.';
create index job_replaced on job (cluster) where not newest;
comment on index job_replaced is 'JobQueries.count: with job_by_state, all runs are counted without reading any.';

-- The newest run of each job id, if it is pending or running, or ended since; where the end time is unknown, if it was
-- recorded since. The first condition on the end has an index. Inlined, so that callers may add conditions of their own.
create function current_job(since timestamptz) returns setof job language sql stable as $$
    select * from job
    where newest and (state in ('pending', 'running') or (coalesce(end_time, 'infinity'::timestamptz) >= since
        and coalesce(end_time, recorded_at) >= since))
$$;

-- Whether a task is in Slurm's list of those that wait together, such as 1-9,20-40:4%2. A number at its end, where it may have
-- been cut off, does not count.
create function array_has_task(list text, task bigint) returns boolean language sql immutable as $$
    select exists (
        select from regexp_matches(list, '(?:^|,)([0-9]{1,9})(?:-([0-9]{1,9})(?::([1-9][0-9]{0,8}))?)?(?=,|%|$)', 'g') as part
        where task between part[1]::bigint and coalesce(part[2], part[1])::bigint
            and (task - part[1]::bigint) % coalesce(part[3], '1')::bigint = 0)
$$;

-- How many runs were deleted: hpc_job_total must not fall when the server restarts.
create table job_deleted (
    cluster      text primary key,
    runs         bigint not null,
    ended_before timestamptz
);
comment on column job_deleted.ended_before is 'Retention has deleted runs that ended before this; null if it has deleted none.';

-- Runs that have ended, since their end or their record changed: what keeps sums of runs reads them from here. Only job.EndedRuns
-- writes here. A run may have several entries; one that is read is deleted in the transaction that takes it into account.
create table ended_run (
    entry_id bigint generated always as identity primary key,
    job_key  bigint not null,
    due_at   timestamptz not null
);
create index ended_run_due on ended_run (due_at, entry_id);
comment on index ended_run_due is 'EndedRuns.take.';
comment on column ended_run.due_at is 'When the last readings of its agents should have arrived.';

-- What a run has on each of its nodes.
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

-- What a run used, on each node. Not audited; apart from job, so that figures never contend with the run's state.
create table job_figures (
    job_key              bigint not null references job on delete cascade,
    node                 text not null,
    cpu_usage_usec       bigint,
    memory_peak_bytes    bigint,
    oom_kills            bigint,
    sample_count         bigint not null default 0,
    covered_ms           bigint,
    last_sample_at       timestamptz,
    last_interval_ms     integer,
    cpu_count            bigint not null default 0,
    cpu_sum              double precision not null default 0,
    cpu_max              double precision,
    memory_max_bytes     bigint,
    gpu_count            bigint not null default 0,
    gpu_sum              double precision not null default 0,
    gpu_max              double precision,
    latest               double precision[] not null default '{}',
    first_sample_at      timestamptz,
    is_last              boolean not null default false,
    is_cut_short         boolean not null default false,
    memory_count         bigint not null default 0,
    memory_sum           double precision not null default 0,
    anon_count           bigint not null default 0,
    anon_sum             double precision not null default 0,
    anon_max_bytes       bigint,
    file_count           bigint not null default 0,
    file_sum             double precision not null default 0,
    file_max_bytes       bigint,
    cpu_user_usec        bigint,
    cpu_system_usec      bigint,
    cpu_throttled_usec   bigint,
    cpu_pressure_usec    bigint,
    memory_pressure_usec bigint,
    memory_stall_usec    bigint,
    oom_events           bigint,
    io_read_bytes        bigint,
    io_write_bytes       bigint,
    io_pressure_usec     bigint,
    io_stall_usec        bigint,
    absent               jsonb not null default '{}',
    suspended_ms         bigint,
    needed_max_bytes     bigint,
    swap_max_bytes       bigint,
    memory_limit_min_bytes bigint,
    memory_limit_max_bytes bigint,
    primary key (job_key, node)
) with (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05);
comment on column job_figures.node is 'Empty where the figures are of the job as a whole.';
comment on column job_figures.memory_peak_bytes is 'memory.peak, as the kernel kept it.';
comment on column job_figures.memory_max_bytes is 'The highest sample.';
comment on column job_figures.covered_ms is 'Sum of the intervals of all samples; null where no sample had one.';
comment on column job_figures.cpu_sum is 'Of cpu_usage_percent, over cpu_count samples.';
comment on column job_figures.anon_sum is 'Of memory_anon_bytes, over anon_count samples; likewise memory and file.';
comment on column job_figures.needed_max_bytes is
    'The highest sample of anonymous, shared and swapped memory together: what the kernel cannot reclaim.';
comment on column job_figures.memory_limit_min_bytes is 'A limit may change while the job runs.';
comment on column job_figures.latest is 'The last value of each figure, by its number.';
comment on column job_figures.is_last is 'The node''s agent marked its newest reading of the job as the last.';
comment on column job_figures.is_cut_short is
    'The cgroup was removed before CPU time or the peak of memory could be read for the last time.';
comment on column job_figures.absent is 'Why figures are missing, from the newest reading.';
comment on column job_figures.suspended_ms is 'How long Slurm had the job suspended; null where no sample says.';

-- What a run used of each GPU that it holds.
create table job_gpu_figures (
    job_key             bigint not null references job on delete cascade,
    node                text not null,
    gpu                 text not null,
    gpu_vendor          text,
    sample_count        bigint not null,
    last_sample_at      timestamptz not null,
    last_interval_ms    integer,
    utilization_sum     double precision not null,
    utilization_count   bigint not null,
    utilization_max     double precision,
    memory_max_bytes    bigint,
    latest              double precision[] not null default '{}',
    memory_sum          double precision not null default 0,
    memory_count        bigint not null default 0,
    power_sum           double precision not null default 0,
    power_count         bigint not null default 0,
    first_energy_joules double precision,
    last_energy_joules  double precision,
    last_used_at        timestamptz,
    absent              jsonb not null default '{}',
    hold                text not null default 'alone' check (hold in ('alone', 'shared', 'unsure')),
    jobs                text[] not null default '{}',
    device              jsonb,
    held_from           timestamptz not null,
    read_at             timestamptz,
    first_used_at       timestamptz,
    processes_max       bigint,
    xids                integer[] not null default '{}',
    possible_xids       integer[] not null default '{}',
    first_ecc_errors    bigint,
    last_ecc_errors     bigint,
    slowed_count        bigint not null default 0,
    slowed_by           text[] not null default '{}',
    first_energy_at     timestamptz,
    last_energy_at      timestamptz,
    energy_joules       double precision,
    primary key (job_key, node, gpu)
) with (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05);
comment on column job_gpu_figures.last_used_at is 'The newest sample with a utilization above 0.';
comment on column job_gpu_figures.hold is 'Figures are of the time in which the run held the GPU alone.';
comment on column job_gpu_figures.jobs is 'The job ids that share it, or may hold it; empty where the run holds it alone.';
comment on column job_gpu_figures.device is 'wire.GpuDevice, from the first reading.';
comment on column job_gpu_figures.held_from is 'Start of the interval of the first reading.';
comment on column job_gpu_figures.read_at is 'The newest reading with a utilization.';
comment on column job_gpu_figures.xids is 'NVIDIA''s numbers of all errors that the driver reported.';
comment on column job_gpu_figures.possible_xids is
    'Those that may have come while another job had it, or none: at the run''s begin or end, or while it did not have it alone.';
comment on column job_gpu_figures.first_ecc_errors is
    'Uncorrectable memory errors, a counter of the driver, at the first reading; likewise last.';
comment on column job_gpu_figures.slowed_count is 'Samples in which heat or the power supply slowed it down.';
comment on column job_gpu_figures.energy_joules is
    'Energy from first_energy_at to last_energy_at by the GPU''s counter, including restarts of the counter.';

-- What each run was given and used on all of its nodes together: one row for each row of job. To be joined with job by job_key;
-- driven by job, so that only the figures of the chosen runs are read. Numbers of latest are those of the table figure.
create view job_use as
select job.job_key, allocated.*, used.*,
    greatest((scheduler ->> 'suspended_seconds')::double precision, sampled_suspended_seconds) as suspended_seconds
from job
left join lateral (
    select case when sum(gpus) > 2147483647 then 2147483647 else sum(gpus) end as node_gpus,
        array_agg(distinct gpu_vendor) filter (where gpu_vendor is not null) as node_gpu_vendors,
        string_agg(array_to_string(gpu_devices, E'\n'), E'\n' order by node)
            filter (where gpu_devices <> '{}') as node_gpu_devices,
        array_agg(distinct cgroup_path) filter (where cgroup_path is not null) as node_cgroup_paths
    from job_node where job_node.job_key = job.job_key) allocated on true
left join lateral (
    select coalesce(sum(sample_count), 0) as sample_count, sum(case when covered_ms is not null then least(covered_ms,
            (extract(epoch from last_sample_at - first_sample_at) * 1000)::bigint
                + greatest(last_interval_ms, covered_ms / nullif(sample_count, 0))) end) as covered_ms,
        max(suspended_ms) / 1e3 as sampled_suspended_seconds, max(last_sample_at) as last_sample_at,
        count(first_sample_at) as sampled_nodes, bool_and(is_last) as is_last,
        bool_or(is_cut_short) as is_cut_short,

        sum(latest[2] * cores) / nullif(sum(cores) filter (where latest[2] is not null), 0) as cpu_last,
        sum(cpu_sum / nullif(cpu_count, 0) * cores) / nullif(sum(cores) filter (where cpu_count > 0), 0) as cpu_avg,
        max(cpu_max) as cpu_max,
        sum(latest[4] * devices) / nullif(sum(devices) filter (where latest[4] is not null), 0) as gpu_last,
        sum(gpu_sum / nullif(gpu_count, 0) * devices) / nullif(sum(devices) filter (where gpu_count > 0), 0) as gpu_avg,
        max(gpu_max) as gpu_max,

        sum(latest[3]) as memory_last, sum(memory_sum / nullif(memory_count, 0)) as memory_avg,
        sum(greatest(memory_peak_bytes, memory_max_bytes)) as memory_max, sum(latest[16]) as memory_limit,
        sum(anon_sum / nullif(anon_count, 0)) as anon_avg, sum(anon_max_bytes) as anon_max,
        sum(needed_max_bytes) as needed_max,
        sum(file_sum / nullif(file_count, 0)) as file_avg, sum(file_max_bytes) as file_max,

        sum(cpu_usage_usec) as cpu_usage_usec, sum(cpu_user_usec) as cpu_user_usec,
        sum(cpu_system_usec) as cpu_system_usec, sum(cpu_throttled_usec) as cpu_throttled_usec,
        sum(cpu_pressure_usec) as cpu_pressure_usec, sum(memory_pressure_usec) as memory_pressure_usec,
        sum(memory_stall_usec) as memory_stall_usec, sum(oom_events) as oom_events,
        case when sum(oom_kills) > 9223372036854775807 then 9223372036854775807 else sum(oom_kills) end as oom_kills,
        sum(io_read_bytes) as io_read_bytes,
        sum(io_write_bytes) as io_write_bytes, sum(io_pressure_usec) as io_pressure_usec,
        sum(io_stall_usec) as io_stall_usec,

        min(cpu_count) as min_node_samples, max(node_cpus) as max_node_cpus,
        max(cpu_max / 100 * node_cpus) as max_node_cpus_used,
        max(greatest(memory_peak_bytes, memory_max_bytes)) as max_node_memory,
        max(memory_limit_max_bytes) as max_node_memory_limit,
        max(needed_max_bytes) as max_node_memory_needed,
        max(greatest(memory_peak_bytes, memory_max_bytes) / nullif(memory_limit_max_bytes, 0)::double precision)
            as max_node_memory_share,
        max(needed_max_bytes / nullif(memory_limit_max_bytes, 0)::double precision) as max_node_needed_share
    from (
        select job_figures.*, coalesce(job_node.cpus, 1) as cores, coalesce(job_node.gpus, 1) as devices,
            coalesce(job_node.cpus, latest[5], job.cpus) as node_cpus
        from job_figures left join job_node using (job_key, node)
        where job_figures.job_key = job.job_key) of_nodes) used on true;
comment on view job_use is 'What runs were given and used on all of their nodes together.';

-- OOM kills of runs, as far as their moment is known. Only sample.OomKillTable writes here. Kept as long as their run.
create table oom_kill (
    job_key     bigint not null references job on delete cascade,
    at          timestamptz not null,
    node        text not null,
    step        text not null,
    cause       text not null check (cause in ('limit', 'node')),
    killed      integer not null,
    limit_bytes bigint,
    primary key (job_key, at, node, step, cause)
);
comment on table oom_kill is 'Its key serves JobQueries.runs, and makes a kill that is reported twice count once.';
comment on column oom_kill.step is 'Empty where it is not known.';
comment on column oom_kill.cause is 'Which memory ran out: limit is that of the job or step.';
comment on column oom_kill.limit_bytes is 'memory.max at that moment; null where it was not read.';

-- The audit trail: every change of a run. Rows are never changed or deleted, but for taking out a person (job.RunErasure);
-- retention drops whole months.
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
comment on index audit_by_job is 'AuditTable.has: the trail of a run.';
create index audit_by_id on audit (job_id, audit_id);
comment on index audit_by_id is 'AuditTable.of: the trail of a job id, with deleted runs.';

create function audit_is_append_only() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and current_setting('jobwitness.erasing', true) = 'on' then
        return new;
    end if;
    raise exception 'the audit trail refuses %: its rows are append-only', tg_op
        using hint = 'Whole months are dropped by retention, see AUDIT_RETENTION_DAYS.';
end $$;
create trigger audit_is_append_only before update or delete on audit
    for each row execute function audit_is_append_only();
create trigger audit_is_not_truncated before truncate on audit
    for each statement execute function audit_is_append_only();

-- Creates the partition of a month (UTC) if it does not exist. A TRUNCATE trigger is not inherited, so each gets its own.
-- The partition is created as a table and then attached: CREATE ... PARTITION OF waits for every reader of the whole
-- table, and all others then wait behind it; ATTACH waits for no reader or writer. to_regclass may not see yet what
-- another session has just created: it relies on a cache, which an advisory lock does not refresh.
create function audit_partition(month date) returns void language plpgsql as $$
declare
    first date := date_trunc('month', month);
    name  text := 'audit_' || to_char(first, 'YYYY_MM');
begin
    if not exists (select from pg_class where relname = name and pg_table_is_visible(oid)) then
        execute format('create table %I (like audit including defaults including constraints)', name);
        execute format('alter table audit attach partition %I for values from (%L) to (%L)', name,
                first::timestamp at time zone 'UTC', (first + interval '1 month')::timestamp at time zone 'UTC');
        execute format('create trigger audit_is_not_truncated before truncate on %I
                for each statement execute function audit_is_append_only()', name);
    end if;
end $$;

-- Samples are kept in two forms: as rows, in one of two buffers that are used alternately, and packed once an hour is over.
-- Only sample.SampleBuffer and sample.ChunkTable write here.

-- What a job used on one node (gpu is empty), or one GPU that it has there.
create table sample_buffer_0 (
    job_key bigint not null,
    node    text not null,
    gpu     text not null,
    at      timestamptz not null,
    figures double precision[] not null
);
create index sample_buffer_0_by_run on sample_buffer_0 (job_key, at);
comment on index sample_buffer_0_by_run is 'History.read of one run; Sealing, run by run.';
comment on column sample_buffer_0.node is 'Empty where the sample is of the job as a whole.';
comment on column sample_buffer_0.figures is 'By number, as in the table figure; null where nothing was read.';
create table sample_buffer_1 (like sample_buffer_0 including all);
comment on index sample_buffer_1_job_key_at_idx is 'As on sample_buffer_0.';

-- Which buffer is active; the other is closing, and readers skip its rows of runs below sealed_to, which are packed.
create table sample_buffer (
    buffer       smallint primary key,
    is_active    boolean not null,
    activated_at timestamptz not null,
    sealed_to    bigint not null
);
insert into sample_buffer values (0, true, now(), 0), (1, false, now(), 0);

-- All samples that are not packed yet.
create view buffered_sample as
select * from sample_buffer_0 where job_key >= (select sealed_to from sample_buffer where buffer = 0)
union all
select * from sample_buffer_1 where job_key >= (select sealed_to from sample_buffer where buffer = 1);
comment on view buffered_sample is 'For History.read, and for administrators: docs/packed-history.md.';

-- An hour of one job on one node, or of one GPU, packed as docs/packed-history.md describes; late samples make one more.
create table chunk (
    job_key bigint not null,
    node    text not null,
    gpu     text not null,
    t0      timestamptz not null,
    t1      timestamptz not null,
    rows    integer not null,
    min     real[] not null,
    mean    real[] not null,
    max     real[] not null,
    data    bytea not null
) partition by range (t0);
alter table chunk alter column data set storage external;
create index chunk_by_run on chunk (job_key, t0);
comment on index chunk_by_run is 'History.read of one run.';
comment on column chunk.t1 is 'The last sample; in the same hour (UTC) as the first.';
comment on column chunk.min is 'Of each figure by its number; likewise mean and max. Of a counter, its first and last value.';

-- Makes the partition of a day (UTC) if it is not there; as audit_partition.
create function chunk_partition(day date) returns void language plpgsql as $$
declare
    name text := 'chunk_' || to_char(day, 'YYYY_MM_DD');
begin
    if not exists (select from pg_class where relname = name and pg_table_is_visible(oid)) then
        execute format('create table %I (like chunk including defaults including constraints including storage)', name);
        execute format('alter table %I set (toast_tuple_target = 128)', name);
        execute format('alter table chunk attach partition %I for values from (%L) to (%L)', name,
                day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC');
    end if;
end $$;

-- The catalogue of figures, wire.Figure: names of the numbers. Only sample.FigureTable writes here.
create table figure (
    of         text not null,
    number     integer not null,
    name       text not null,
    unit       text not null,
    is_counter boolean not null,
    primary key (of, number)
);

-- For administrators: docs/packed-history.md.
create view history_hour as
select cluster, job_id, job_key as run, node, nullif(gpu, '') as gpu, date_trunc('hour', t0, 'UTC') as hour,
    figure.name as figure, min(chunk.min[number]) as min, sum(mean[number] * rows) / sum(rows) as mean,
    max(chunk.max[number]) as max, sum(rows) as samples
from chunk join job using (job_key) join figure on figure.of = case gpu when '' then 'job' else 'gpu' end
where mean[number] is not null
group by cluster, job_id, job_key, node, gpu, date_trunc('hour', t0, 'UTC'), figure.name;
comment on view history_hour is 'What jobs used in each hour that has been packed; mean is weighted by samples.';

-- Which batches of an agent are stored: each number counts once.
create table agent_batches (
    cluster  text not null,
    node     text not null,
    boot_id  text not null,
    stored   int8multirange not null,
    last_at  timestamptz not null,
    primary key (cluster, node, boot_id)
) with (fillfactor = 50);
comment on column agent_batches.last_at is 'Rounded to the day, so that it is not written with every batch.';

-- The newest state and reading of each node, from the scheduler and from its agent. Only node.NodeTable writes here.
create table node (
    cluster            text not null,
    node               text not null,
    at                 timestamptz,
    interval_ms        integer,
    state              text,
    total_cpus         integer,
    total_memory_bytes bigint,
    total_gpus         integer,
    cpu_usage_percent  double precision,
    memory_usage_bytes bigint,
    gpu_usage_percent  double precision,
    cpu_load           double precision,
    state_at           timestamptz,
    raw_state          text,
    state_reason       text,
    gpus               jsonb not null default '[]',
    memory_for_jobs_bytes bigint,
    partitions         text[],
    primary key (cluster, node)
) with (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05);
comment on column node.at is 'Time of the agent''s reading; null if it has sent none.';
comment on column node.state_at is 'When the scheduler reported its state.';
comment on column node.raw_state is 'All of the scheduler''s words for its state, joined by +: a base state and flags.';
comment on column node.state_reason is 'Why it is in its state, from the scheduler.';
comment on column node.memory_for_jobs_bytes is 'What the scheduler gives to jobs.';
comment on column node.partitions is 'From the scheduler; null if it has not reported the node.';
comment on column node.gpus is 'The newest reading of each GPU, as wire.GpuReading; here, so that it takes no rows of its own.';

-- What happened to nodes, by the scheduler's record. Only node.NodeEventTable writes here. Kept as long as jobs.
create table node_event (
    cluster text not null,
    node    text not null,
    at      timestamptz not null,
    kind    text not null check (kind in ('booted', 'down', 'drained')),
    reason  text,
    primary key (cluster, node, at, kind)
);
comment on table node_event is 'Its key serves NodeEventTable.of, and finds an event that an earlier poll has reported.';
comment on column node_event.reason is 'In an administrator''s words or the scheduler''s.';

-- When the driver of a GPU last reported an error. Only node.GpuErrorTable writes here. Kept as long as jobs.
create table gpu_error (
    cluster    text not null,
    node       text not null,
    gpu        text not null,
    gpu_vendor text not null,
    xid        integer not null,
    at         timestamptz not null,
    primary key (cluster, node, gpu, xid)
);
comment on table gpu_error is 'Its key serves GpuErrorTable.store; /metrics reads all, which are few.';
comment on column gpu_error.xid is 'NVIDIA''s number.';

-- How far the clock is believed when something is deleted. Only ops.RetentionClock writes here.
create table retention_clock (
    only_row   boolean primary key default true check (only_row),
    trusted_at timestamptz not null,
    turn_at    timestamptz not null,
    waited_ms  bigint not null default 0
);
comment on column retention_clock.trusted_at is 'The newest time that was believed.';
comment on column retention_clock.turn_at is 'The time of the last turn, by the clock as it was.';
comment on column retention_clock.waited_ms is 'What has passed since trusted_at by monotonic clocks, while a later time is not believed.';

-- Agents whose queue is overdue. The others have no row, so that the table is nearly always empty. Only
-- batch.AgentQueueTable writes here.
create table agent_queue (
    cluster     text not null,
    node        text not null,
    batches     integer not null,
    events      integer not null,
    since       timestamptz not null,
    reported_at timestamptz not null,
    primary key (cluster, node)
);
comment on column agent_queue.since is 'When the oldest entry was read on the node, by our clock.';

-- The last polls of the scheduler, whichever server made them, and how far they have come. Only scheduler.ContactTable writes
-- here.
create table scheduler_contact (
    part         text primary key check (part in ('controller', 'accounting', 'nodes', 'coordinators')),
    asked_at     timestamptz not null,
    answered_at  timestamptz,
    problem      text,
    ends_read_to timestamptz
);
comment on column scheduler_contact.problem is 'Why the last poll failed; null if it was answered.';
comment on column scheduler_contact.ends_read_to is 'Of accounting: all ends up to then have been read.';

-- Who coordinates which accounts, with those below them, by the scheduler's accounting. Only access.Coordinators writes here.
create table coordinator (
    user_name text not null,
    cluster   text not null,
    account   text not null,
    read_at   timestamptz not null,
    primary key (user_name, cluster, account)
);
comment on column coordinator.read_at is 'It counts for a day.';

-- The simulated cluster: when its history ends, up to when it was delivered, and the last downtime of the server, whose live
-- jobs are left out. Empty on a real one.
create table demo (
    cluster       text primary key,
    seed          bigint not null,
    epoch         timestamptz not null,
    delivered_to  timestamptz not null,
    downtime_from timestamptz not null,
    downtime_to   timestamptz not null
);

-- People who have signed in, and links to one run. Only access.Sessions writes here.
create table session (
    session_id bigint generated always as identity primary key,
    token_hash bytea not null unique,
    user_name  text,
    uid        bigint,
    cluster    text,
    method     text not null,
    run        bigint,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    address    text,
    groups     text[],
    check (user_name is not null or uid is not null)
);
comment on column session.groups is 'Groups of the user by whoever vouches for them, of those that OPERATORS and HELPDESK name.';
comment on column session.token_hash is 'SHA-256 of the token, which is nowhere else.';
comment on column session.run is 'The only run that it shows, by job_key; null for all that the user may see.';
comment on column session.cluster is 'The only cluster on which user_name and uid mean this person; null for all.';
create index session_by_user on session (user_name, uid);
comment on index session_by_user is 'Sessions.create and list: the sessions of a user.';

-- Nonces of credentials by which users have signed in, until no munged takes the credential any more. Only access.SignInByMunge
-- writes here.
create table sign_in_nonce (
    uid        bigint not null,
    nonce      text not null,
    expires_at timestamptz not null,
    primary key (uid, nonce)
);
create index sign_in_nonce_expired on sign_in_nonce (expires_at);
comment on index sign_in_nonce_expired is 'SignInByMunge: the ones to delete.';

-- Codes by which a browser gets a session of a user who has signed in elsewhere, until they are used or have expired. Only
-- access.SignInCodes writes here.
create table sign_in_code (
    code_hash  bytea primary key,
    user_name  text,
    uid        bigint,
    cluster    text,
    actor      text not null,
    page       text,
    expires_at timestamptz not null,
    check (user_name is not null or uid is not null)
);
comment on column sign_in_code.code_hash is 'SHA-256 of the code, which is nowhere else.';
comment on column sign_in_code.actor is 'Who asked for it: the user, or the operator''s token.';
comment on column sign_in_code.page is 'The page to show then, relative to the first one; null for that.';
create index sign_in_code_by_user on sign_in_code (user_name, uid);
comment on index sign_in_code_by_user is 'SignInCodes.create: how many a user has.';

-- The audit trail of access. Only access.AccessEvents writes here. Kept as long as the audit trail of jobs.
create table access_event (
    event_id       bigint generated always as identity primary key,
    at             timestamptz not null default clock_timestamp(),
    action         text not null,
    actor          text not null,
    session_id     bigint,
    user_name      text,
    uid            bigint,
    method         text,
    run            bigint,
    address        text,
    cause          text,
    request        text,
    requests       bigint not null default 1,
    correlation_id text not null
);
comment on column access_event.actor is 'Who did it; user_name and uid are those of the session.';
comment on column access_event.session_id is 'Null of what was refused, like method.';
comment on column access_event.request is 'Method and route of what was refused for this cause; null where there were too many to tell.';
comment on column access_event.requests is 'How many were alike within a minute; at and correlation_id are those of the first.';
create index access_event_at on access_event (at);
comment on index access_event_at is 'AccessEvents.forget.';

-- Reports: what ended runs were given and used, summed by the UTC day of their end. Only report.DaySums writes here. All amounts
-- are whole numbers, so that what is added can be subtracted again when a run's record is corrected: docs/decisions.

-- Whose runs are summed together, and where they ran. Columns as in job, so that query.Visibility limits them to a scope.
create table report_owner (
    owner_id  bigint generated always as identity primary key,
    cluster   text not null,
    user_name text,
    uid       bigint,
    account   text,
    partition text
);
create unique index report_owner_key on report_owner (cluster, coalesce(user_name, ''), coalesce(uid, -1),
    coalesce(account, ''), coalesce(partition, ''));
comment on index report_owner_key is 'DaySums: one row for each combination.';

-- The sums of a day. With an empty node, of whole runs; else of what runs had and used on that node.
create table report_day (
    day       date not null,
    node      text not null,
    owner_id  bigint not null,
    gpu_model text not null,
    state     text not null,
    reason    text not null,
    runs                  bigint not null,
    not_measured_runs     bigint not null,
    node_ms               bigint not null,
    covered_ms            bigint not null,
    cpu_ms                bigint not null,
    cpu_measured_ms       bigint not null,
    cpu_used_ms           bigint not null,
    cpu_wasted_ms         bigint not null,
    gpu_ms                bigint not null,
    gpu_measured_ms       bigint not null,
    gpu_used_ms           bigint not null,
    gpu_wasted_ms         bigint not null,
    memory_mib_s          bigint not null,
    memory_measured_mib_s bigint not null,
    memory_used_mib_s     bigint not null,
    memory_wasted_mib_s   bigint not null,
    gpu_energy_joules     bigint not null,
    waits                 bigint not null,
    wait_ms               bigint not null,
    primary key (day, node, owner_id, gpu_model, state, reason)
) partition by list (node);
create table report_day_of_runs partition of report_day for values in ('');
create table report_day_of_nodes partition of report_day default;
create index report_day_owner on report_day (owner_id, day);
comment on index report_day_owner is 'Reports: the rows that are shown, and all of a user.';
comment on table report_day is 'Its key serves DaySums, which adds to rows, and reports of some days.';
comment on column report_day.gpu_model is 'Empty where the runs had no GPU or its model is not known; likewise reason.';

-- The same by month (its first day) of all owners of a cluster, for reports by node of a year.
create table report_month (
    like report_day,
    cluster text not null,
    primary key (day, cluster, node, gpu_model, state, reason)
) with (fillfactor = 60);
alter table report_month drop column owner_id;

-- What each ended run adds to report_day, to be subtracted when it is corrected. A run has a row for itself and one for each node.
create table report_fact (
    job_key bigint not null,
    like report_day,
    primary key (job_key, node)
);
create index report_fact_day on report_fact (day, job_key) where node = '';
comment on index report_fact_day is 'DaySums.correct and rebuild, NodesToBlame: the runs of some days.';
create index report_fact_owner on report_fact (owner_id, day) where node = '';
comment on index report_fact_owner is 'JobsToTalkAbout: the runs of some users.';

-- What users are to be told of their running jobs, until and after it is in a message. Only notice.NoticeTable writes here, and in
-- the two tables that follow.
create table notice (
    notice_id bigint generated always as identity primary key,
    run       bigint not null,
    rule      text not null,
    user_name text not null,
    found_at  timestamptz not null,
    detail    jsonb not null,
    told_at   timestamptz
);
create index notice_of_run on notice (run, rule, found_at);
comment on index notice_of_run is 'NoticeTable.add: whether the same was found lately.';
create index notice_untold on notice (user_name) where told_at is null;
comment on index notice_untold is 'NoticeTable.due and write: what is not in a message yet.';
create index notice_told on notice (user_name, told_at);
comment on index notice_told is 'NoticeTable.due: who got a message lately.';
comment on column notice.detail is 'notice.Notice.';

-- The outbox: messages to users, until and after they are sent.
create table notice_message (
    message_id  bigint generated always as identity primary key,
    channel     text not null check (channel in ('mail', 'webhook')),
    user_name   text not null,
    address     text,
    subject     text not null,
    body        text not null,
    created_at  timestamptz not null,
    next_try_at timestamptz not null,
    attempts    integer not null default 0,
    sending_at  timestamptz,
    result      text check (result in ('sent', 'unsure', 'failed')),
    finished_at timestamptz,
    problem     text
);
create index notice_message_open on notice_message (next_try_at, message_id) where result is null;
comment on index notice_message_open is 'NoticeTable.take.';
comment on column notice_message.sending_at is 'Committed before it is handed over: whoever finds it later does not know whether it went out.';

-- Users who do not want to be told.
create table notice_refusal (
    user_name text primary key,
    at        timestamptz not null
);
