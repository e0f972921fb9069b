-- One more figure of a GPU.
insert into figure (of, number, name, is_counter) values ('gpu', 9, 'clock_mhz', false);

-- Who holds a GPU, which device it is, since when, how it was used, and what energy the run took.
alter table job_gpu_figures
    add column hold            text not null default 'alone' check (hold in ('alone', 'shared', 'unsure')),
    add column jobs            text[] not null default '{}',
    add column device          jsonb,
    add column held_from       timestamptz,
    add column read_at         timestamptz,
    add column first_used_at   timestamptz,
    add column processes_max   bigint,
    add column xid             integer,
    add column first_energy_at timestamptz,
    add column last_energy_at  timestamptz,
    add column energy_joules   double precision;
update job_gpu_figures set held_from = last_sample_at, read_at = case when utilization_count > 0 then last_sample_at end,
    first_used_at = last_used_at, first_energy_at = case when first_energy_joules is not null then last_sample_at end,
    last_energy_at = case when last_energy_joules is not null then last_sample_at end,
    energy_joules = last_energy_joules - first_energy_joules;
alter table job_gpu_figures alter column held_from set not null;
comment on column job_gpu_figures.hold is 'Figures are of the time in which the run held the GPU alone.';
comment on column job_gpu_figures.jobs is 'The job ids that share it, or may hold it; empty where the run holds it alone.';
comment on column job_gpu_figures.device is 'wire.GpuDevice, as the node''s agent said it first.';
comment on column job_gpu_figures.held_from is 'The beginning of the time that the first reading stands for.';
comment on column job_gpu_figures.read_at is 'The last reading that told how busy it was.';
comment on column job_gpu_figures.xid is 'NVIDIA''s number of the newest error that was told of.';
comment on column job_gpu_figures.energy_joules is
    'What the GPU''s counter has counted from first_energy_at to last_energy_at, also where it began anew between the two.';

-- The last reading of each GPU of a node, as wire.GpuReading: with the node's own, so that it costs no more rows.
alter table node add column gpus jsonb not null default '[]';
