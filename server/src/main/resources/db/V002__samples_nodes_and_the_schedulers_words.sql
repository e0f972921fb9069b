-- What the scheduler (or who made the job by hand) calls a run: the fields of wire.Scheduler that nothing else here
-- keeps, by their names. One column, because they are carried and shown, and nothing is decided by them.
alter table job
    add column scheduler           jsonb not null default '{}',
    add column requested_cpus      integer,
    add column requested_memory_mb bigint,
    add column requested_gpus      integer;

-- What a job used on one node, moment by moment. Only sample.SampleStore writes here. A day leaves as a whole.
create table sample (
    job_key           bigint not null,
    at                timestamptz not null,
    node              text not null,
    interval_ms       integer,
    cpu_usage_percent double precision,
    memory_bytes      bigint,
    gpu_usage_percent double precision,
    primary key (job_key, at, node)
) partition by range (at);
comment on table sample is 'Serves SampleStore.read by its key, which also makes a sample that comes twice count once.';
comment on column sample.node is 'Empty where the sample is of the job as a whole.';
comment on column sample.interval_ms is 'The time that the sample stands for; null where its sender did not say.';
comment on column sample.cpu_usage_percent is 'Of the CPUs that the job has on this node.';

-- Makes the partition of a day (UTC) if it is not there.
create function sample_partition(day date) returns void language plpgsql as $$
declare
    name text := 'sample_' || to_char(day, 'YYYY_MM_DD');
begin
    if to_regclass(name) is null then
        execute format('create table %I partition of sample for values from (%L) to (%L)', name,
                day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC');
    end if;
end $$;

-- Sums and last values of the samples, so that nobody has to read them all, and so that they outlive them.
alter table job_figures
    add column sample_count      bigint not null default 0,
    add column covered_ms        bigint,
    add column last_sample_at    timestamptz,
    add column last_interval_ms  integer,
    add column cpu_count         bigint not null default 0,
    add column cpu_sum           double precision not null default 0,
    add column cpu_max           double precision,
    add column cpu_last          double precision,
    add column memory_max_bytes  bigint,
    add column memory_last_bytes bigint,
    add column gpu_count         bigint not null default 0,
    add column gpu_sum           double precision not null default 0,
    add column gpu_max           double precision,
    add column gpu_last          double precision;
comment on column job_figures.node is 'Empty where the figures are of the job as a whole.';
comment on column job_figures.memory_peak_bytes is 'memory.peak, as the kernel kept it.';
comment on column job_figures.memory_max_bytes is 'The highest sample.';
comment on column job_figures.covered_ms is 'The intervals of all samples together; null where no sample told one.';
comment on column job_figures.cpu_sum is 'Of cpu_usage_percent, over cpu_count samples.';

-- The same for each GPU that a job holds.
create table job_gpu_figures (
    job_key           bigint not null references job on delete cascade,
    node              text not null,
    gpu               text not null,
    gpu_vendor        text,
    sample_count      bigint not null,
    last_sample_at    timestamptz not null,
    last_interval_ms  integer,
    utilization_sum   double precision not null,
    utilization_count bigint not null,
    utilization_max   double precision,
    utilization_last  double precision,
    memory_max_bytes  bigint,
    memory_last_bytes bigint,
    power_last_watts  double precision,
    temperature_last_celsius double precision,
    primary key (job_key, node, gpu)
);

-- The last that is known of each node. Only node.NodeTable writes here.
create table node (
    cluster            text not null,
    node               text not null,
    at                 timestamptz not null,
    interval_ms        integer,
    state              text,
    total_cpus         integer,
    total_memory_bytes bigint,
    total_gpus         integer,
    cpu_usage_percent  double precision,
    memory_usage_bytes bigint,
    gpu_usage_percent  double precision,
    cpu_load           double precision,
    primary key (cluster, node)
);

-- The simulated cluster: when its week of history ended, and up to when it has been told. Empty on a real one.
create table demo (
    cluster text primary key,
    seed    bigint not null,
    epoch   timestamptz not null,
    told_to timestamptz not null
);
