-- What agents read comes in batches and is kept in two forms: as rows, in one of two tails that are written by turns, and,
-- once an hour is over, packed. Only sample.Tails and sample.Sealing write here.

-- What a job used on one node (gpu is empty), or one GPU that it has there.
create table sample_tail_0 (
    job_key bigint not null,
    node    text not null,
    gpu     text not null,
    at      timestamptz not null,
    figures double precision[] not null
);
create index sample_tail_0_by_run on sample_tail_0 (job_key, at);
comment on index sample_tail_0_by_run is 'History.read of one run; Sealing, run by run.';
comment on column sample_tail_0.node is 'Empty where the sample is of the job as a whole.';
comment on column sample_tail_0.figures is 'By number, as the table figure names them; null where nothing was read.';
create table sample_tail_1 (like sample_tail_0 including all);
comment on index sample_tail_1_job_key_at_idx is 'As on sample_tail_0.';

-- Which tail is written, and how far the other one has been packed: readers pass over its rows of runs below sealed_to.
create table sample_tail (
    tail       smallint primary key,
    is_open    boolean not null,
    opened_at  timestamptz not null,
    sealed_to  bigint not null
);
insert into sample_tail values (0, true, now(), 0), (1, false, now(), 0);

-- All samples that are not packed yet.
create view unpacked_sample as
select * from sample_tail_0 where job_key >= (select sealed_to from sample_tail where tail = 0)
union all
select * from sample_tail_1 where job_key >= (select sealed_to from sample_tail where tail = 1);
comment on view unpacked_sample is 'For History.read, and for administrators: docs/packed-history.md.';

-- An hour of one job on one node, or of one GPU, packed as docs/packed-history.md describes; late samples make one more.
create table chunk (
    job_key bigint not null,
    node    text not null,
    gpu     text not null,
    t0      timestamptz not null,
    t1      timestamptz not null,
    rows    integer not null,
    least   real[] not null,
    mean    real[] not null,
    most    real[] not null,
    data    bytea not null
) partition by range (t0);
alter table chunk alter column data set storage external;
create index chunk_by_run on chunk (job_key, t0);
comment on index chunk_by_run is 'History.read of one run.';
comment on column chunk.t1 is 'The last sample; in the same hour (UTC) as the first.';
comment on column chunk.least is 'Of each figure by its number; so mean, and most. Of a counter, what it was at first and at last.';

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

-- The names of the numbers.
create table figure (
    of         text not null,
    number     integer not null,
    name       text not null,
    is_counter boolean not null,
    primary key (of, number)
);
insert into figure (of, number, name, is_counter) values
    ('job', 1, 'interval_ms', false), ('job', 2, 'cpu_usage_percent', false), ('job', 3, 'memory_usage_bytes', false),
    ('job', 4, 'gpu_usage_percent', false), ('job', 5, 'cpus', false), ('job', 6, 'cpu_usage_usec', true),
    ('job', 7, 'cpu_user_usec', true), ('job', 8, 'cpu_system_usec', true), ('job', 9, 'cpu_throttled_usec', true),
    ('job', 10, 'cpu_pressure_usec', true), ('job', 11, 'memory_anon_bytes', false),
    ('job', 12, 'memory_file_bytes', false), ('job', 13, 'memory_shmem_bytes', false),
    ('job', 14, 'memory_swap_bytes', false), ('job', 15, 'memory_peak_bytes', false),
    ('job', 16, 'memory_limit_bytes', false), ('job', 17, 'memory_pressure_usec', true),
    ('job', 18, 'memory_stall_usec', true), ('job', 19, 'oom_events', true), ('job', 20, 'oom_kills', true),
    ('job', 21, 'pids', false), ('job', 22, 'io_read_bytes', true), ('job', 23, 'io_write_bytes', true),
    ('job', 24, 'io_pressure_usec', true), ('job', 25, 'io_stall_usec', true),
    ('gpu', 1, 'interval_ms', false), ('gpu', 2, 'utilization_percent', false), ('gpu', 3, 'memory_used_bytes', false),
    ('gpu', 4, 'memory_total_bytes', false), ('gpu', 5, 'power_watts', false), ('gpu', 6, 'temperature_celsius', false),
    ('gpu', 7, 'energy_joules', true), ('gpu', 8, 'processes', false);

-- For administrators: docs/packed-history.md.
create view history_hour as
select cluster, job_id, job_key as run, node, nullif(gpu, '') as gpu, date_trunc('hour', t0, 'UTC') as hour,
    figure.name as figure, min(least[number]) as min, sum(mean[number] * rows) / sum(rows) as mean,
    max(most[number]) as max, sum(rows) as samples
from chunk join job using (job_key) join figure on figure.of = case gpu when '' then 'job' else 'gpu' end
where mean[number] is not null
group by cluster, job_id, job_key, node, gpu, date_trunc('hour', t0, 'UTC'), figure.name;
comment on view history_hour is 'What jobs used in each hour that has been packed; mean is weighted by samples.';

-- Which batches of an agent have been taken: each number counts once.
create table agent_batches (
    cluster  text not null,
    node     text not null,
    boot_id  text not null,
    taken    int8multirange not null,
    last_at  timestamptz not null,
    primary key (cluster, node, boot_id)
) with (fillfactor = 50);
comment on column agent_batches.last_at is 'The day, so that it need not be written each time.';

-- Samples that were taken before this version, in their new place.
insert into sample_tail_0 (job_key, node, gpu, at, figures)
select job_key, node, '', at, array[interval_ms, cpu_usage_percent, memory_bytes, gpu_usage_percent] from sample;
drop table sample;
drop function sample_partition(date);

-- Sums of more figures; and the last of all figures, by number.
alter table job_figures
    add column latest               double precision[] not null default '{}',
    add column first_sample_at      timestamptz,
    add column is_last              boolean not null default false,
    add column memory_count         bigint not null default 0,
    add column memory_sum           double precision not null default 0,
    add column anon_count           bigint not null default 0,
    add column anon_sum             double precision not null default 0,
    add column anon_max_bytes       bigint,
    add column file_count           bigint not null default 0,
    add column file_sum             double precision not null default 0,
    add column file_max_bytes       bigint,
    add column cpu_user_usec        bigint,
    add column cpu_system_usec      bigint,
    add column cpu_throttled_usec   bigint,
    add column cpu_pressure_usec    bigint,
    add column memory_pressure_usec bigint,
    add column memory_stall_usec    bigint,
    add column oom_events           bigint,
    add column io_read_bytes        bigint,
    add column io_write_bytes       bigint,
    add column io_pressure_usec     bigint,
    add column io_stall_usec        bigint,
    add column absent               jsonb not null default '{}';
update job_figures set latest = array[last_interval_ms, cpu_last, memory_last_bytes, gpu_last];
alter table job_figures drop column cpu_last, drop column memory_last_bytes, drop column gpu_last;
alter table job_figures set (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05);
comment on column job_figures.is_last is 'The node''s agent said that this was its last reading of the job.';
comment on column job_figures.absent is 'Why figures are not there, as the node''s agent said it last.';
comment on column job_figures.anon_sum is 'Of memory_anon_bytes, over anon_count samples; so memory, and file.';

alter table job_gpu_figures
    add column latest            double precision[] not null default '{}',
    add column memory_sum        double precision not null default 0,
    add column memory_count      bigint not null default 0,
    add column power_sum         double precision not null default 0,
    add column power_count       bigint not null default 0,
    add column first_energy_joules double precision,
    add column last_energy_joules  double precision,
    add column last_used_at      timestamptz,
    add column absent            jsonb not null default '{}';
update job_gpu_figures set latest = array[last_interval_ms, utilization_last, memory_last_bytes, null, power_last_watts,
    temperature_last_celsius];
alter table job_gpu_figures drop column utilization_last, drop column memory_last_bytes, drop column power_last_watts,
    drop column temperature_last_celsius;
alter table job_gpu_figures set (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05);
comment on column job_gpu_figures.last_used_at is 'The last sample that saw it used at all.';

-- What the scheduler says of a node is not what its agent says of it, and comes at other times.
alter table node
    alter column at drop not null,
    add column state_at timestamptz;
update node set state_at = at;
alter table node set (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05);
comment on column node.at is 'When its agent read the figures; null if none has been heard.';

-- When nobody listened to the simulated cluster last: what was on the show then is left out.
alter table demo
    add column away_from timestamptz,
    add column away_to   timestamptz;
update demo set away_from = told_to, away_to = told_to;
alter table demo alter column away_from set not null, alter column away_to set not null;
